-- So với cùng kỳ năm trước?
-- Change on the same period of last year.
select now.area_name_vi, now.obs_value, ago.obs_value as last_year
from district_latest now
join district_latest ago using (ref_area, indicator)
where now.time_period = '2024-Q1' and ago.time_period = now.same_period_last_year and indicator = 'models_total';
