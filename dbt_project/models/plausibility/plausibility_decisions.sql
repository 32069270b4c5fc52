-- What people have decided about a figure, which holds as long as the figure is the one they
-- judged.
select ref_area, time_period, indicator, obs_value, decision, corrected_value
from {{ source("panel", "decisions") }}
