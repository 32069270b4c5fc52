-- Cộng từ đầu năm đến nay có bao nhiêu buổi tuyên truyền? Chỉ cộng số phát sinh, các kỳ cùng độ dài, cùng lịch.
-- A flow added up since the start of the year: over periods of one length in one calendar.
select area_name_vi, sum(obs_value) as year_to_date, count(obs_value) as quarters
from district_latest
where indicator = 'propaganda_sessions' and year = 2023 and frequency = 'quarter'
group by ref_area, area_name_vi;
