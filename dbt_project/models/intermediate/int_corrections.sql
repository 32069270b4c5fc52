-- Decisions that change a figure: a new value, back to the sender, or held back. The newest of each
-- value.
with

    decisions as (
        select
            ref_area,
            time_period,
            indicator,
            measure,
            expected_value,
            choice,
            new_value,
            row_number() over (
                partition by ref_area, time_period, indicator, measure, expected_value
                order by decision_id desc
            ) as newest_first
        from {{ ref("stg_decisions") }}
        where choice in ('correct', 'return', 'hold')
    )

select * exclude (newest_first)
from decisions
where newest_first = 1
