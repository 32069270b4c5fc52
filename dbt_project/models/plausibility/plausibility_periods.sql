-- Each period with its place in the sequence of its own frequency, and with the months that it
-- covers.
with

    periods as (
        select distinct time_period
        from {{ ref("plausibility_cells") }}
        union
        select time_period
        from {{ ref("plausibility_changes") }}
    ),

    spelt as (
        select
            time_period,
            cast(left(time_period, 4) as integer) as year,
            coalesce(nullif(substr(time_period, 6, 1), ''), 'A') as frequency,
            coalesce(try_cast(substr(time_period, 7) as integer), 1) as number_in_year
        from periods
    )

select
    spelt.time_period,
    spelt.frequency,
    lengths.periods_per_year,
    spelt.year,
    spelt.year * lengths.periods_per_year + spelt.number_in_year as period_no,
    spelt.year * 12 + (spelt.number_in_year - 1) * 12  -- lengths.periods_per_year as first_month,
    spelt.year * 12 + spelt.number_in_year * 12  -- lengths.periods_per_year as end_month
from spelt
inner join
    (values ('M', 12), ('Q', 4), ('S', 2), ('A', 1)) as lengths(frequency, periods_per_year) using (
        frequency
    )
