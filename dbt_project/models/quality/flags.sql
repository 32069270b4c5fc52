-- Figures that are hard to believe, one row per figure and check, each with its place, its reason
-- in Vietnamese, what would be usual and what it does to the province. A flag never changes a
-- figure; a person's answer closes it for as long as the figure stays what it was. The flags of
-- periods that are not judged now stay as they are.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_periods(this, 'is_to_judge') }}",
        full_refresh=false,
        on_schema_change="sync_all_columns",
    )
}}
with

    doubts as (
        {% for source in [
            "broken_relations",
            "broken_limits",
            "broken_movements",
            "doubtful_statements",
            "implausible_figures",
        ] %}
            select *
            from {{ ref(source) }}
            {% if not loop.last %}
                union all by name
            {% endif %}
        {% endfor %}
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by check_name, area_key, time_period, indicator
                order by
                    is_settled, abs(obs_value - coalesce(expected_high, expected_low)) desc, cell
            ) as worst_first
        from doubts
        where
            time_period
            not in (select time_period from {{ ref("int_changed_periods") }} where not is_to_judge)
    ),

    areas as (select * from {{ ref("stg_areas") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    checks as (select * from {{ ref("checks") }}),

    phrases as (select * from {{ ref("phrases") }}),

    periods as (select * from {{ ref("dim_periods") }}),

    decisions as (
        select
            check_name,
            ref_area,
            time_period,
            indicator,
            expected_value,
            choice,
            row_number() over (
                partition by check_name, ref_area, time_period, indicator, expected_value
                order by decision_id desc
            ) as newest_first
        from {{ ref("stg_decisions") }}
    ),

    told as (
        select
            ranked.*,
            areas.ref_area,
            areas.area_level,
            areas.name_vi as area_name_vi,
            areas.full_name_vi,
            indicators.name_vi as indicator_name_vi,
            indicators.unit_measure,
            indicators.rollup_areas,
            others.name_vi as other_name_vi,
            checks.level,
            coalesce(ranked.severity, checks.severity) as told_severity,
            checks.message_vi as template_vi,
            lower(periods.label_vi) as period_vi,
            coalesce(decisions.choice, ranked.decision) as choice,
            case
                when ranked.limit_phrase is null
                then {{ so_vn("ranked.expected_high") }}
                else
                    {{
                        sentence(
                            "limits.text_vi",
                            {
                                "low": so_vn("ranked.expected_low"),
                                "high": so_vn("ranked.expected_high"),
                            },
                        )
                    }}
            end as limit_vi,
            coalesce(
                ranked.reason_vi,
                {{
                    sentence(
                        "reasons.text_vi",
                        {
                            "value": so_vn("ranked.obs_value"),
                            "date": ngay_vn("ranked.reason_date"),
                        },
                    )
                }}
            ) as told_reason_vi,
            cast(
                ranked.obs_value - case
                    when ranked.suggested_value is not null
                    then ranked.suggested_value
                    when ranked.obs_value > ranked.expected_high
                    then ranked.expected_high
                    when ranked.obs_value < ranked.expected_low
                    then ranked.expected_low
                end as decimal(18, 4)
            ) as excess
        from ranked
        inner join areas on ranked.area_key = areas.area_key
        inner join indicators on ranked.indicator = indicators.indicator
        inner join checks on ranked.check_name = checks."check"
        left join
            periods
            on ranked.calendar = periods.calendar
            and ranked.time_period = periods.time_period
        left join indicators as others on ranked.other_indicator = others.indicator
        left join phrases as limits on ranked.limit_phrase = limits.phrase
        left join phrases as reasons on ranked.reason_phrase = reasons.phrase
        left join
            decisions
            on ranked.check_name = decisions.check_name
            and areas.ref_area = decisions.ref_area
            and ranked.time_period = decisions.time_period
            and ranked.indicator = decisions.indicator
            and ranked.obs_value = decisions.expected_value
            and decisions.newest_first = 1
        where ranked.worst_first = 1
    ),

    communes as (
        select distinct area_key, time_period, province_area from {{ ref("judged_figures") }}
    ),

    addends as (
        select figures.*
        from {{ ref("judged_figures") }} as figures
        inner join indicators on figures.indicator = indicators.indicator
        where indicators.rollup_areas = 'sum' and not figures.is_settled
    ),

    totals as (
        select
            province_area,
            calendar,
            time_period,
            indicator,
            {{ sum_over_areas("addends.obs_value", "addends") }} as province_total
        from addends
        group by province_area, calendar, time_period, indicator
    ),

    named as (
        select
            told.*,
            md5(
                told.check_name
                || '|'
                || told.area_key
                || '|'
                || told.time_period
                || '|'
                || told.indicator
            ) as flag_id,
            communes.province_area,
            case
                when
                    told.area_level = 'commune'
                    and told.rollup_areas in ('sum', 'count_true')
                    and told.check_name <> 'cumulative_matches_periods'
                then told.excess
            end as impact_on_province,
            totals.province_total
        from told
        left join communes using (area_key, time_period)
        left join
            totals
            on communes.province_area = totals.province_area
            and told.calendar = totals.calendar
            and told.time_period = totals.time_period
            and told.indicator = totals.indicator
    )

select
    flag_id,
    check_name,
    level,
    told_severity as severity,
    ref_area,
    area_key,
    area_level,
    area_name_vi,
    calendar,
    time_period,
    indicator,
    obs_value,
    expected_low,
    expected_high,
    suggested_value,
    cast(score as decimal(9, 6)) as score,
    suspected_cause,
    reason_vi,
    -- One file and one cause is one question, with its figures inside.
    case
        when suspected_cause is null
        then flag_id
        else md5(suspected_cause || '|' || area_key || '|' || time_period)
    end as incident_id,
    impact_on_province,
    province_area,
    province_total,
    -- What asking is worth: by how much of the province's total an answer is expected to move it.
    cast(
        round(
            100 * coalesce(score, 1) * abs(impact_on_province) / nullif(province_total, 0), 4
        ) as decimal(18, 4)
    ) as priority,
    submission_id,
    sheet,
    cell,
    {{
        sentence(
            "template_vi",
            {
                "area": "full_name_vi",
                "period": "period_vi",
                "indicator": "indicator_name_vi",
                "unit": "unit_measure",
                "value": so_vn("obs_value"),
                "other": "other_name_vi",
                "other_value": so_vn("other_value"),
                "limit": "limit_vi",
                "suggestion": so_vn("suggested_value"),
                "reason": "told_reason_vi",
            },
        )
    }} as message_vi,
    choice as decision,
    choice is null as is_open
from named
