-- So với kỳ trước, tăng giảm bao nhiêu, bao nhiêu phần trăm?
-- Change on the previous period, absolute and in percent.
select now.area_name_vi, now.obs_value - ago.obs_value as change, round(100 * change / ago.obs_value, 1) as pct
from district_latest now
join district_latest ago using (ref_area, indicator)
where now.time_period = '2024-Q1' and ago.time_period = now.previous_period and indicator = 'models_total';
