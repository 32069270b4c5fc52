-- The periods whose figures are compared: of each frequency that is judged now those up to the
-- newest judged one, since nothing later counts. Those that are not judged are what the others are
-- compared with.
with

    periods as (
        select
            changed.time_period,
            any_value(periods.frequency) as frequency,
            max(periods.sort) as sort,
            any_value(changed.is_to_judge) as is_to_judge
        from {{ ref("int_changed_periods") }} as changed
        inner join {{ ref("int_periods") }} as periods on changed.time_period = periods.time_period
        group by changed.time_period
    ),

    judged as (
        select frequency, max(sort) as newest from periods where is_to_judge group by frequency
    ),

    wanted as (
        select
            periods.*,
            row_number() over (
                partition by periods.frequency order by periods.sort desc
            ) as newest_first
        from periods
        inner join judged on periods.frequency = judged.frequency
        where periods.sort <= judged.newest
    )

select time_period, is_to_judge
from wanted
where newest_first <= {{ threshold("judged_periods") }}
