-- Xã nào bị hỏi nhiều nhất?
-- Communes with the most questions.
select area_name_vi, count(*) as questions
from flags
where area_level = 'commune'
group by area_key, area_name_vi
order by questions desc, area_name_vi
limit 10;
