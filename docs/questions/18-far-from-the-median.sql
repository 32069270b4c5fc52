-- Xã nào khác xa mức giữa của huyện?
-- Communes far from the median of their district.
select area_name_vi, obs_value, median(obs_value) over (partition by district_area) as typical
from commune_latest
where time_period = '2023-Q4' and indicator = 'propaganda_attendances'
qualify obs_value > 3 * typical;
