-- Every figure to be judged or remembered, as it was reported.
select ref_area, time_period, indicator, obs_value
from {{ source("panel", "cells") }}
where obs_value is not null
