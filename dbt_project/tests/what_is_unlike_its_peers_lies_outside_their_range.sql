-- A sentence never says that 51 is far from "51 to 1.422".
select area_key, time_period, indicator, obs_value, expected_low, expected_high
from {{ ref("unlike_peers") }}
where obs_value between expected_low and expected_high
