-- Figures that are likelier to be wrong than right (models/plausibility), with the likeliest
-- mistake and what was probably meant, and those about which that was answered. With a budget of
-- false alarms no more are asked about than the scores themselves promise to keep within it.
with

    scores as (
        select
            ref_area as area_key,
            time_period,
            {{ indicator_of_series("indicator") }} as indicator,
            score,
            suspected_cause,
            expected_value,
            expected_low,
            expected_high,
            suggested_value,
            other,
            figures_of_period
        from {{ ref("suspected_figures") }}
    ),

    alarms as (
        select
            scores.*,
            sum(of_counts := 1 - scores.score) over (
                partition by scores.time_period
                order by scores.score desc, scores.area_key, scores.indicator
            )
            * 10000
            / scores.figures_of_period as false_alarms_per_10000
        from scores
        where scores.score >= {{ threshold("flag_score") }}
    ),

    figures as (select * from {{ ref("judged_figures") }}),

    causes as (select * from {{ ref("causes") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    areas as (select * from {{ ref("stg_areas") }}),

    periods as (
        select time_period, min(label_vi) as label_vi
        from {{ ref("dim_periods") }}
        group by time_period
    ),

    asked as (
        select
            figures.*,
            alarms.score,
            alarms.suspected_cause,
            alarms.expected_low,
            alarms.expected_high,
            alarms.suggested_value,
            {{
                sentence(
                    "causes.message_vi",
                    {
                        "value": so_vn("figures.obs_value"),
                        "expected": so_vn("alarms.expected_value"),
                        "suggested": so_vn("alarms.suggested_value"),
                        "times": times_vn("figures.obs_value", "alarms.suggested_value"),
                        "other": "coalesce('“' || indicators.name_vi || '”', areas.full_name_vi, lower(periods.label_vi), alarms.other)",
                    },
                )
            }}
            as reason_vi
        from alarms
        inner join
            figures
            on alarms.area_key = figures.area_key
            and alarms.time_period = figures.time_period
            and alarms.indicator = figures.indicator
            and not figures.is_settled
        inner join causes on alarms.suspected_cause = causes.cause
        left join indicators on {{ indicator_of_series("alarms.other") }} = indicators.indicator
        left join areas on alarms.other = areas.area_key
        left join periods on alarms.other = periods.time_period
        where
            alarms.false_alarms_per_10000
            <= coalesce({{ threshold("false_alarms_per_10000") }}, 10000)
    ),

    -- What was answered is not asked again; it stays with its answer as long as the figure does.
    answered as (
        select figures.* replace (decisions.choice as decision)
        from {{ ref("stg_decisions") }} as decisions
        inner join areas as named on decisions.ref_area = named.ref_area
        inner join
            figures
            on named.area_key = figures.area_key
            and decisions.time_period = figures.time_period
            and decisions.indicator = figures.indicator
            and decisions.expected_value = figures.obs_value
        semi join
            {{ source("meta", "questions") }} as questions
            on decisions.check_name = questions.check_name
            and decisions.ref_area = questions.ref_area
            and decisions.time_period = questions.time_period
            and decisions.indicator = questions.indicator
            and decisions.expected_value = questions.obs_value
        where decisions.check_name = 'figure_is_plausible'
    ),

    doubts as (
        select *
        from asked
        union all by name
        select *
        from answered
    )

select
    'figure_is_plausible' as check_name,
    cast(null as varchar) as severity,
    area_key,
    calendar,
    time_period,
    indicator,
    obs_value,
    cast(expected_low as decimal(18, 4)) as expected_low,
    cast(expected_high as decimal(18, 4)) as expected_high,
    cast(suggested_value as decimal(18, 4)) as suggested_value,
    cast(null as varchar) as other_indicator,
    cast(null as decimal(18, 4)) as other_value,
    cast(null as varchar) as limit_phrase,
    cast(null as varchar) as reason_phrase,
    cast(null as date) as reason_date,
    is_settled,
    decision,
    submission_id,
    sheet,
    cell,
    score,
    suspected_cause,
    reason_vi
from doubts
