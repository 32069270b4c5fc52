-- Where a person has confirmed that something is at another level from now on.
select line_no, series_no, period_no, time_period
from {{ ref("plausibility_context") }}
where begins_anew
