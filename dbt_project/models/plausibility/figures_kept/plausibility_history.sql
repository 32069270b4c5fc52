-- The figures of the last periods as they were reported.
select line_no, series_no, period_no, time_period, year, reported, amount, log_amount
from {{ ref("plausibility_figures") }}
