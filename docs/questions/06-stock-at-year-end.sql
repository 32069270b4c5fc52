-- Cuối năm có bao nhiêu mô hình? Số có đến cuối kỳ thì lấy kỳ cuối, không cộng các kỳ.
-- A stock at the end of the year: that of the last period, never a sum.
select area_name_vi, arg_max_null(obs_value, period_end) as at_year_end
from district_latest
where indicator = 'models_total' and year = 2023 and frequency = 'quarter'
group by ref_area, area_name_vi;
