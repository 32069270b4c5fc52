-- Figures of one commune outside the limits of their own indicator: more than usual, more than one
-- per commune, or reported while the indicator does not exist. A limit on a flow grows with the
-- months reported.
with

    figures as (select * from {{ ref("judged_figures") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    limited as (
        select
            figures.*,
            indicators.valid_from,
            indicators.valid_to,
            indicators.ceiling,
            case
                when indicators.statistical_kind = 'flow' and figures.months > indicators.months
                then
                    cast(
                        indicators.typical_max
                        * figures.months
                        / indicators.months as decimal(18, 4)
                    )
                else indicators.typical_max
            end as usual_max
        from figures
        inner join indicators on figures.indicator = indicators.indicator
    ),

    broken as (
        select
            'indicator_is_in_force_in_period' as check_name,
            *,
            cast(0 as decimal(18, 4)) as expected_high,
            case
                when period_end < valid_from then 'quality.valid_from' else 'quality.valid_to'
            end as reason_phrase,
            case when period_end < valid_from then valid_from else valid_to end as reason_date
        from limited
        where obs_value <> 0 and (period_end < valid_from or period_end >= valid_to)
        union all
        select
            'value_does_not_exceed_areas_in_force' as check_name,
            *,
            cast(1 as decimal(18, 4)) as expected_high,
            null as reason_phrase,
            null as reason_date
        from limited
        where ceiling = 'communes_in_force' and obs_value > 1
        union all
        select
            'value_is_in_usual_range' as check_name,
            *,
            usual_max as expected_high,
            null as reason_phrase,
            null as reason_date
        from limited
        where ceiling is null and obs_value > usual_max
    )

select
    check_name,
    cast(null as varchar) as severity,
    area_key,
    calendar,
    time_period,
    indicator,
    obs_value,
    cast(0 as decimal(18, 4)) as expected_low,
    expected_high,
    cast(null as decimal(18, 4)) as suggested_value,
    cast(null as varchar) as other_indicator,
    cast(null as decimal(18, 4)) as other_value,
    case when check_name = 'value_is_in_usual_range' then 'quality.at_most' end as limit_phrase,
    reason_phrase,
    reason_date,
    is_settled,
    decision,
    submission_id,
    sheet,
    cell
from broken
