-- Every figure of a commune that a check looks at, in the periods that this build judges: as it
-- stands, and once more as it was sent when a person has corrected or returned it (is_settled), so
-- that the question stays visible with its answer. That answer is about what was sent: a corrected
-- value is judged anew.
with

    reports as (
        select *
        from {{ ref("int_reports") }}
        where
            is_counted
            and time_period
            in (select time_period from {{ ref("int_changed_periods") }} where is_to_judge)
    ),

    figures as ({{ sent_figures("reports", "period") }})

select
    area_key,
    province_area,
    calendar,
    frequency,
    time_period,
    period_end,
    months,
    indicator,
    obs_value,
    false as is_settled,
    cast(null as varchar) as decision,
    submission_id,
    sheet,
    cell
from figures
where obs_value is not null
union all
select
    area_key,
    province_area,
    calendar,
    frequency,
    time_period,
    period_end,
    months,
    indicator,
    sent_value as obs_value,
    true as is_settled,
    decision,
    submission_id,
    sheet,
    cell
from figures
where decision in ('correct', 'return', 'hold')
