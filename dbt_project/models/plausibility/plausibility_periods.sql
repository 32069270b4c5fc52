-- Each period with its place in the sequence of its own frequency, and with the months that it
-- covers.
with

    periods as (
        {% if var("panel", false) %}select time_period from {{ source("panel", "cells") }}
        {% else %}select time_period from {{ ref("int_changed_periods") }}
        {% endif %}
        union
        select time_period
        from {{ ref("plausibility_changes") }}
    ),

    spelt as (
        select
            time_period,
            cast(left(time_period, 4) as integer) as year,
            replace(coalesce(nullif(substr(time_period, 6, 1), ''), 'A'), 'Y', 'A') as frequency,
            coalesce(try_cast(substr(time_period, 7) as integer), 1) as number_in_year
        from periods
    )

select
    spelt.time_period,
    spelt.frequency,
    lengths.periods_per_year,
    spelt.year,
    spelt.year * lengths.periods_per_year + spelt.number_in_year as period_no,
    spelt.year * 12 + (spelt.number_in_year - 1) * lengths.months as first_month,
    spelt.year * 12 + spelt.number_in_year * lengths.months as end_month
from spelt
inner join
    (values ('M', 12, 1), ('Q', 4, 3), ('S', 2, 6), ('A', 1, 12)) as lengths(
        frequency, periods_per_year, months
    ) using (frequency)
