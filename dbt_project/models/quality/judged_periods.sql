-- The periods whose figures are compared: of each frequency that is judged now the newest ones.
-- Those
-- that are not judged are what the others are compared with.
with

    periods as (
        select
            changed.time_period,
            any_value(periods.frequency) as frequency,
            any_value(periods.sort) as sort,
            any_value(changed.is_to_judge) as is_to_judge
        from {{ ref("int_changed_periods") }} as changed
        inner join {{ ref("int_periods") }} as periods on changed.time_period = periods.time_period
        group by changed.time_period
    ),

    newest as (
        select
            *,
            bool_or(is_to_judge) over (partition by frequency) as is_wanted,
            row_number() over (partition by frequency order by sort desc) as newest_first
        from periods
    )

select time_period, is_to_judge
from newest
where is_wanted and newest_first <= {{ threshold("judged_periods") }}
