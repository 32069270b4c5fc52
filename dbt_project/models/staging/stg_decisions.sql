-- The newest answer to each question. A question is a check on one figure with one value: when the
-- figure changes, it is another question and the answer lapses.
with

    decisions as (select * from {{ source("meta", "decisions") }}),

    newest as (
        select max(decision_id) as decision_id
        from decisions
        group by check_name, ref_area, time_period, indicator, expected_value
    )

select
    decisions.decision_id,
    decisions.check_name,
    decisions.ref_area,
    decisions.time_period,
    decisions.indicator,
    case
        when decisions.check_name = 'cumulative_matches_periods' then 'year_to_date' else 'period'
    end as measure,
    decisions.expected_value,
    decisions.choice,
    decisions.new_value,
    decisions.reason,
    decisions.decided_by,
    decisions.decided_at
from decisions
inner join newest using (decision_id)
