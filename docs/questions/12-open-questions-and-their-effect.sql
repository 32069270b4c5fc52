-- Số nào đang bị hỏi, vì sao, làm tổng của tỉnh thay đổi bao nhiêu?
-- Which figures are in question now, why, and what is the effect on the province's total?
select area_name_vi, time_period, message_vi, impact_on_province
from flags
where is_open
order by abs(impact_on_province) desc nulls last;
