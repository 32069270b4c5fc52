-- The grid: what every report is asked for and whatever else it brought, each with its value and
-- what became of it. A blank stays blank. Ratios are computed here from both parts of one commune,
-- and the register of areas counts each commune once; whoever adds up communes adds numerators and
-- denominators.
with

    reports as (select * from {{ ref("int_reports") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    observations as (select * from {{ ref("stg_observations") }}),

    asked as (
        select reports.area_key, reports.form, reports.time_period, indicators.indicator
        from reports
        inner join
            indicators
            on reports.form = indicators.asked_on_form
            and reports.months >= indicators.months
            and reports.period_end >= coalesce(indicators.valid_from, reports.period_end)
            and reports.period_end < coalesce(indicators.valid_to, reports.period_end + to_days(1))
    ),

    sent as (
        select
            coalesce(asked.area_key, observations.area_key) as area_key,
            coalesce(asked.form, observations.form) as form,
            coalesce(asked.time_period, observations.time_period) as time_period,
            coalesce(asked.indicator, observations.indicator) as indicator,
            observations.obs_value,
            observations.sent_value,
            observations.status,
            observations.decision,
            observations.sheet,
            observations.cell,
            asked.area_key is not null as is_asked
        from asked
        full outer join
            observations
            on asked.area_key = observations.area_key
            and asked.form = observations.form
            and asked.time_period = observations.time_period
            and asked.indicator = observations.indicator
    ),

    counted as (
        select
            reports.area_key,
            min(reports.form) as form,
            reports.time_period,
            indicators.indicator,
            cast(1 as decimal(18, 4)) as obs_value
        from reports
        inner join indicators on indicators.rollup_areas = 'register'
        where reports.is_area_in_force
        group by reports.area_key, reports.time_period, indicators.indicator
    ),

    parts as (
        select
            area_key,
            time_period,
            indicator,
            obs_value,
            coalesce(status, '') in ('held', 'refused') as is_held
        from sent
        union all
        select area_key, time_period, indicator, obs_value, false as is_held
        from counted
    ),

    figures as (
        select
            sent.area_key,
            sent.form,
            sent.time_period,
            sent.indicator,
            sent.obs_value,
            case
                when sent.obs_value is not null
                then 'published'
                when sent.status in ('held', 'refused')
                then 'held'
            end as value_status,
            cast(null as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator,
            sent.sent_value,
            sent.decision,
            sent.sheet,
            sent.cell
        from sent
        inner join indicators on sent.indicator = indicators.indicator
        where
            indicators.rollup_areas not in ('recompute', 'register')
            and (sent.is_asked or sent.status <> 'blank')
        union all
        select
            sent.area_key,
            sent.form,
            sent.time_period,
            sent.indicator,
            cast(
                round(
                    indicators.ratio_factor
                    * numerators.obs_value
                    / nullif(denominators.obs_value, 0),
                    4
                ) as decimal(18, 4)
            ) as obs_value,
            case
                when denominators.obs_value <> 0 and numerators.obs_value is not null
                then 'published'
                when denominators.obs_value = 0 and numerators.obs_value is not null
                then 'not_applicable'
                when numerators.is_held or denominators.is_held
                then 'held'
            end as value_status,
            case when denominators.obs_value is not null then numerators.obs_value end as numerator,
            case
                when numerators.obs_value is not null then denominators.obs_value
            end as denominator,
            null as sent_value,
            null as decision,
            null as sheet,
            null as cell
        from sent
        inner join
            indicators
            on sent.indicator = indicators.indicator
            and indicators.rollup_areas = 'recompute'
        left join
            parts as numerators
            on sent.area_key = numerators.area_key
            and sent.time_period = numerators.time_period
            and indicators.numerator = numerators.indicator
        left join
            parts as denominators
            on sent.area_key = denominators.area_key
            and sent.time_period = denominators.time_period
            and indicators.denominator = denominators.indicator
        where sent.is_asked
        union all
        select
            area_key,
            form,
            time_period,
            indicator,
            obs_value,
            'published' as value_status,
            null as numerator,
            null as denominator,
            null as sent_value,
            null as decision,
            null as sheet,
            null as cell
        from counted
    )

select
    reports.ref_area,
    reports.area_key,
    reports.area_name_vi,
    reports.district_area,
    reports.province_area,
    reports.form,
    reports.calendar,
    reports.frequency,
    reports.time_period,
    reports.period_start,
    reports.period_end,
    reports.months,
    reports.is_area_in_force,
    figures.indicator,
    case when reports.is_area_in_force then figures.obs_value end as obs_value,
    case
        when not reports.is_area_in_force
        then 'not_applicable'
        when figures.value_status is null and reports.report_status = 'held'
        then 'held'
        else coalesce(figures.value_status, 'missing')
    end as value_status,
    case when reports.is_area_in_force then figures.numerator end as numerator,
    case when reports.is_area_in_force then figures.denominator end as denominator,
    figures.sent_value,
    figures.decision,
    reports.submission_id,
    reports.version,
    figures.sheet,
    figures.cell
from figures
inner join
    reports
    on figures.area_key = reports.area_key
    and figures.form = reports.form
    and figures.time_period = reports.time_period
