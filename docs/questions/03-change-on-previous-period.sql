-- So với kỳ trước, tăng giảm bao nhiêu, bao nhiêu phần trăm?
-- Change on the previous period, absolute and in percent.
select q.area_name_vi, q.obs_value - p.obs_value as change, round(100 * change / nullif(p.obs_value, 0), 1) as pct
from district_latest q
join district_latest p using (ref_area, indicator)
where q.time_period = '2024-Q1' and p.time_period = q.previous_period and indicator = 'models_total';
