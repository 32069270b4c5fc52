-- Bao nhiêu phần trăm ô chưa có số, vì sao?
-- Share of figures that are missing or held.
select value_status, count(*) as figures, round(100 * figures / sum(figures) over (), 2) as pct
from commune_latest
where time_period = '2021'
group by value_status
order by value_status;
