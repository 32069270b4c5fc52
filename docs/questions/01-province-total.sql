-- Tỉnh Nghệ An có bao nhiêu tổ tự quản ở kỳ mới nhất, cộng từ bao nhiêu xã?
-- How many self-management teams has a province in its newest period, and over how many communes?
select period_vi, obs_value, unit_vi, areas_included, areas_expected
from province_latest
where ref_area = '40' and indicator = 'self_mgmt_teams'
order by period_end desc
limit 1;
