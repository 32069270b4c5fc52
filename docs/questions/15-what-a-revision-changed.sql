-- Lần công bố thứ hai thay đổi những số nào, vì sao, làm tổng thay đổi bao nhiêu?
-- What changed from revision 1 to 2, why, and with what effect on the totals?
select area_name_vi, indicator, old_value, new_value, cause_vi, effect_on_totals
from revisions
where time_period = '2021' and new_revision = 2 and level = 'commune' and province_area = '38'
order by indicator, area_name_vi;
