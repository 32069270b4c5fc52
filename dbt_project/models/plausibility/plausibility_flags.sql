-- One row per figure that deserves a second look, with the probability that it is wrong, the
-- likeliest mistake and what
-- the figure may have been meant to be. A flag is a row with a score of at least one half.
select
    ref_area,
    time_period,
    indicator,
    score,
    suspected_cause,
    suggested_value,
    impact,
    message_vi,
    other,
    expected_value,
    expected_low,
    expected_high
from {{ ref("second_look_flags") }}
