-- Chuỗi số liệu qua lần sáp nhập năm 2025, theo địa giới mới.
-- A series across the mergers of 2025 on the new map. What cannot be moved (kinds, yes or no) is null there, with its status.
select area_name_vi, time_period, restated_value, value_status, is_estimated
from commune_restated
where district_area = '387' and indicator = 'models_total'
order by area_name_vi, time_period;
