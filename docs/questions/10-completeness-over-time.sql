-- Mỗi huyện, mỗi kỳ nhận được bao nhiêu báo cáo trên số phải gửi?
-- Reports received of those owed, by district and period.
select area_name_vi, time_period, areas_received, areas_expected
from completeness_by_area
where area_level = 'district' and frequency = 'quarter'
order by area_name_vi, period_end;
