-- Xã nào chưa gửi báo cáo, đã mấy kỳ liền?
-- Communes that have not reported, and how many times in a row.
select area_name_vi, due_date, consecutive_misses
from completeness
where time_period = '2023-Q3' and state = 'missing'
order by consecutive_misses desc, area_name_vi;
