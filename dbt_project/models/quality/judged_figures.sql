-- Every figure of a commune that a check looks at: as it stands, and once more as it was sent when
-- a person has corrected or returned it (is_settled), so that the question stays visible with its
-- answer. That answer is about what was sent: a corrected value is judged anew.
with

    figures as (
        select * from {{ ref("known_figures") }} where is_to_judge and sent_value is not null
    )

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
where is_counted and decision in ('correct', 'return')
