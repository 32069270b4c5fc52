-- The grid of communes: what every report is asked for and whatever else it brought, each with its
-- value and what became of it. A blank stays blank. Ratios are computed from both parts of one
-- commune, and the register of areas counts each commune once; whoever adds up communes adds
-- numerators and denominators. Heavy to read whole: name a period. So that it reaches the cells,
-- what is needed twice is a view of its own (a stored view materializes its CTEs), and parts of a
-- ratio meet by period as well.
{{ config(materialized="view") }}
with

    indicators as (select * from {{ ref("stg_indicators") }}),

    sent as (
        select
            sent.* exclude (status),
            case
                when sent.obs_value is not null
                then 'published'
                when sent.status in ('held', 'refused')
                then 'held'
                else 'missing'
            end as value_status,
            cast(null as decimal(18, 4)) as numerator,
            cast(null as decimal(18, 4)) as denominator
        from {{ ref("int_sent_figures") }} as sent
        inner join indicators on sent.indicator = indicators.indicator
        where
            indicators.rollup_areas not in ('recompute', 'register')
            and (sent.status <> 'blank' or {{ is_asked("sent", "indicators") }})
    ),

    pairs as (
        select
            numerators.* exclude (indicator, obs_value, sent_value, decision, sheet, cell, status),
            indicators.indicator,
            indicators.ratio_factor,
            numerators.obs_value as numerator,
            denominators.obs_value as denominator,
            numerators.status in ('held', 'refused')
            or denominators.status in ('held', 'refused') as is_held
        from {{ ref("int_sent_figures") }} as numerators
        inner join
            indicators
            on numerators.indicator = indicators.numerator
            and {{ is_asked("numerators", "indicators") }}
        inner join
            {{ ref("int_sent_figures") }} as denominators
            on indicators.denominator = denominators.indicator
            and numerators.report_number = denominators.report_number
            and numerators.time_period = denominators.time_period
        union all
        -- The register has 1 for every commune; as the base of a ratio it stands beside each
        -- report.
        select
            numerators.* exclude (indicator, obs_value, sent_value, decision, sheet, cell, status),
            indicators.indicator,
            indicators.ratio_factor,
            numerators.obs_value as numerator,
            1 as denominator,
            numerators.status in ('held', 'refused') as is_held
        from {{ ref("int_sent_figures") }} as numerators
        inner join
            indicators
            on numerators.indicator = indicators.numerator
            and {{ is_asked("numerators", "indicators") }}
        inner join
            {{ ref("stg_indicators") }} as registers
            on indicators.denominator = registers.indicator
            and registers.rollup_areas = 'register'
    ),

    ratios as (
        select
            * exclude (ratio_factor, numerator, denominator, is_held),
            cast(
                round(ratio_factor * numerator / nullif(denominator, 0), 4) as decimal(18, 4)
            ) as obs_value,
            case
                when denominator <> 0 and numerator is not null
                then 'published'
                when denominator = 0 and numerator is not null
                then 'not_applicable'
                when is_held
                then 'held'
                else 'missing'
            end as value_status,
            case when denominator is not null then numerator end as numerator,
            case when numerator is not null then denominator end as denominator
        from pairs
    ),

    absent as (
        select
            reports.*,
            indicators.indicator,
            null as obs_value,
            reports.report_status as value_status
        from {{ ref("int_reports") }} as reports
        inner join indicators on {{ is_asked("reports", "indicators") }}
        where reports.report_number is null
    ),

    registered as (
        select reports.*, indicators.indicator, 1 as obs_value, 'published' as value_status
        from {{ ref("int_reports") }} as reports
        inner join indicators on indicators.rollup_areas = 'register'
        where reports.is_first_form
    ),

    filled as (
        select *
        from sent
        union all by name
        select *
        from ratios
        union all by name
        select *
        from absent
        union all by name
        select *
        from registered
    )

select
    * exclude (part_number, is_first_form, obs_value, value_status, numerator, denominator),
    case when is_counted then obs_value end as obs_value,
    case when is_counted then value_status else 'not_applicable' end as value_status,
    case when is_counted then numerator end as numerator,
    case when is_counted then denominator end as denominator
from filled
