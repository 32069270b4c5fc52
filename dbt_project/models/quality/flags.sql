-- Figures that are hard to believe, one row per figure and check, each with its place, its reason
-- in Vietnamese, what would be usual and what it does to the province. A flag never changes a
-- figure; a person's answer closes it for as long as the figure stays what it was. The flags of
-- periods that are not judged now stay as they are; those of a time without incidents are
-- questions of their own.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=before_begin("{{ forget_periods(this, 'is_to_judge') }}"),
        post_hook=after_commit(
            "update {{ this }} set incident_id = flag_id where incident_id is null"
        ),
        full_refresh=false,
        on_schema_change="sync_all_columns",
    )
}}
with

    broken as (
        {% for source in [
            "broken_relations",
            "broken_limits",
            "broken_movements",
            "doubtful_statements",
        ] %}
            select *
            from {{ ref(source) }}
            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}
    ),

    implausible as (select * from {{ ref("implausible_figures") }}),

    -- What a check asks about is not asked about twice: it is told with the likeliest mistake. Of
    -- two
    -- figures that do not go together the less likely one is named, and where no more than the
    -- usual
    -- ratio speaks against the other, that one is asked about alone.
    doubts as (
        select
            broken.* replace (
                coalesce(broken.suggested_value, implausible.suggested_value) as suggested_value
            ),
            implausible.score,
            implausible.suspected_cause,
            implausible.reason_vi,
            case
                when implausible.score is null or others.score > implausible.score
                then others.suggested_value
            end as other_suggested_value
        from broken
        left join
            implausible
            on broken.area_key = implausible.area_key
            and broken.time_period = implausible.time_period
            and broken.indicator = implausible.indicator
            and broken.is_settled = implausible.is_settled
        left join
            implausible as others
            on broken.area_key = others.area_key
            and broken.time_period = others.time_period
            and broken.other_indicator = others.indicator
            and not others.is_settled
        where
            broken.check_name <> 'ratio_to_driver_is_usual'
            or others.score is null
            or implausible.score is not null
        union all by name
        select implausible.*
        from implausible
        left join
            broken
            on implausible.area_key = broken.area_key
            and implausible.time_period = broken.time_period
            and implausible.indicator = broken.indicator
            and implausible.is_settled = broken.is_settled
        where broken.area_key is null
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

    -- Who confirms a figure has seen it: nothing else that is merely unusual about it is asked.
    confirmed as (
        select distinct ref_area, time_period, indicator, expected_value
        from {{ ref("stg_decisions") }}
        where choice = 'confirm' and measure = 'period'
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
            -- What breaks a rule is wrong; what is merely unusual is as often right.
            coalesce(
                ranked.score, case told_severity when 'critical' then 1 else 0.5 end
            ) as told_score,
            checks.message_vi as template_vi,
            lower(periods.label_vi) as period_vi,
            coalesce(
                decisions.choice,
                ranked.decision,
                case
                    when told_severity = 'warning' and confirmed.ref_area is not null then 'confirm'
                end
            ) as choice,
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
                case when ranked.check_name = 'figure_is_plausible' then ranked.reason_vi end,
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
            case
                when ranked.check_name <> 'figure_is_plausible' then ' ' || ranked.reason_vi
            end as mistake_vi,
            case
                when ranked.other_suggested_value is not null
                then
                    ' '
                    || {{
                        sentence(
                            "less_likely.text_vi",
                            {
                                "other": "others.name_vi",
                                "suggestion": so_vn("ranked.other_suggested_value"),
                            },
                        )
                    }}
            end as less_likely_vi
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
        left join phrases as less_likely on less_likely.phrase = 'question.less_likely'
        left join phrases as reasons on ranked.reason_phrase = reasons.phrase
        left join
            decisions
            on ranked.check_name = decisions.check_name
            and areas.ref_area = decisions.ref_area
            and ranked.time_period = decisions.time_period
            and ranked.indicator = decisions.indicator
            and ranked.obs_value = decisions.expected_value
            and decisions.newest_first = 1
        left join
            confirmed
            on ranked.check_name <> 'cumulative_matches_periods'
            and areas.ref_area = confirmed.ref_area
            and ranked.time_period = confirmed.time_period
            and ranked.indicator = confirmed.indicator
            and ranked.obs_value = confirmed.expected_value
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

    identified as (
        select
            *,
            md5(check_name || '|' || area_key || '|' || time_period || '|' || indicator) as flag_id,
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
            }} || coalesce(mistake_vi, '') || coalesce(less_likely_vi, '') as message_vi
        from told
    ),

    -- The words in which a question was last put are those that were answered.
    put as (
        select *
        from {{ source("meta", "questions") }}
        where event = 'asked'
        qualify row_number() over (partition by flag_id, obs_value order by listed_at desc) = 1
    ),

    -- What a person has answered stays as it was put.
    remembered as (
        select
            identified.* replace (
                {% for column in [
                    "expected_low",
                    "expected_high",
                    "suggested_value",
                    "suspected_cause",
                    "reason_vi",
                    "message_vi",
                ] %}
                    coalesce(put.{{ column }}, identified.{{ column }}) as {{ column }},
                {% endfor %}
                coalesce(put.score, identified.told_score) as told_score
            )
        from identified
        left join
            put
            on identified.choice is not null
            and identified.flag_id = put.flag_id
            and identified.obs_value = put.obs_value
    ),

    weighed as (
        select
            remembered.*,
            communes.province_area,
            totals.province_total,
            case
                when
                    remembered.area_level = 'commune'
                    and remembered.rollup_areas in ('sum', 'count_true')
                    and remembered.check_name <> 'cumulative_matches_periods'
                then
                    cast(
                        remembered.obs_value - case
                            when remembered.suggested_value is not null
                            then remembered.suggested_value
                            when remembered.obs_value > remembered.expected_high
                            then remembered.expected_high
                            when remembered.obs_value < remembered.expected_low
                            then remembered.expected_low
                        end as decimal(18, 4)
                    )
            end as impact_on_province
        from remembered
        left join communes using (area_key, time_period)
        left join
            totals
            on communes.province_area = totals.province_area
            and remembered.calendar = totals.calendar
            and remembered.time_period = totals.time_period
            and remembered.indicator = totals.indicator
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
    cast(told_score as decimal(9, 6)) as score,
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
            100
            * told_score
            * abs(impact_on_province)
            / case province_total when 0 then 1 else province_total end,
            4
        ) as decimal(18, 4)
    ) as priority,
    submission_id,
    sheet,
    cell,
    message_vi,
    choice as decision,
    choice is null as is_open
from weighed
