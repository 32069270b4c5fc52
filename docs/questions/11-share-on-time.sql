-- Bao nhiêu phần trăm báo cáo đúng hạn?
-- Share of the owed reports that came on time.
select area_name_vi, reports_owed, reports_on_time, on_time_pct
from timeliness
where area_level = 'district' and frequency = 'quarter' and span = 'all_periods'
order by on_time_pct, area_name_vi;
