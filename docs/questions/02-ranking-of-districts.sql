-- Xếp hạng các huyện theo số tổ tự quản.
-- Districts of a province ranked by an indicator.
select rank() over (order by obs_value desc) as place, area_name_vi, obs_value
from district_latest
where province_area = '40' and time_period = '2023-S1' and indicator = 'self_mgmt_teams'
order by place;
