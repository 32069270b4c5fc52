-- Tỷ lệ hộ ký cam kết của cả nhóm huyện, tính từ tử số và mẫu số, không lấy trung bình các tỷ lệ.
-- A pledge rate over several districts, from numerators and denominators, never as a mean of rates.
select round(100 * sum(numerator) / nullif(sum(denominator), 0), 2) as pledged_pct
from district_latest
where indicator = 'pct_households_pledged' and time_period = '2023-S1' and province_area = '40';
