-- Câu hỏi của mỗi kiểm tra có đúng không: bao nhiêu lần dẫn đến sửa số?
-- Precision of each check: how many of its answered questions led to a correction?
select check_name, count(*) as answered, count(*) filter (decision = 'correct') as corrected
from flags
where not is_open
group by check_name
order by check_name;
