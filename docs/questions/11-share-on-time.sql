-- Bao nhiêu phần trăm báo cáo phải gửi đã đến đúng hạn? (Mart timeliness còn cho biết muộn bao nhiêu ngày.)
-- Share of the owed reports that came on time. (The mart timeliness tells by how many days the others were late, too.)
select area_name_vi, sum(areas_expected) as owed, sum(areas_on_time) as on_time, round(100 * on_time / owed, 1) as pct
from completeness_by_area
where area_level = 'district' and frequency = 'quarter'
group by area_key, area_name_vi
order by pct;
