-- The grid of communes: what every report is asked for and whatever else it brought, each with its
-- value and what became of it. A blank stays blank. Ratios are computed from both parts of one
-- commune, and the register of areas counts each commune once; whoever adds up communes adds
-- numerators and denominators. Heavy to read whole: name a period. So that it reaches the cells,
-- they are never read twice and joined: a stored view materializes its CTEs, and DuckDB carries the
-- period to one side of a join only.
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

    -- Of which ratios an indicator is a part; the register has 1 for every commune.
    ratio_parts as (
        select
            ratios.indicator as ratio,
            ratios.ratio_factor,
            ratios.asked_on_form,
            ratios.months,
            ratios.valid_from,
            ratios.valid_to,
            parts.indicator,
            parts.indicator = ratios.numerator as is_numerator,
            bases.rollup_areas = 'register' as is_of_register
        from {{ ref("stg_indicators") }} as ratios
        inner join
            {{ ref("stg_indicators") }} as parts
            on parts.indicator in (ratios.numerator, ratios.denominator)
        inner join {{ ref("stg_indicators") }} as bases on ratios.denominator = bases.indicator
        where ratios.rollup_areas = 'recompute'
    ),

    pairs as (
        select
            sent.report_number,
            sent.time_period,
            ratio_parts.ratio as indicator,
            ratio_parts.ratio_factor,
            max(sent.obs_value) filter (ratio_parts.is_numerator) as numerator,
            case
                when ratio_parts.is_of_register
                then 1
                else max(sent.obs_value) filter (not ratio_parts.is_numerator)
            end as denominator,
            bool_or(sent.status in ('held', 'refused')) as is_held
        from {{ ref("int_sent_figures") }} as sent
        inner join
            ratio_parts
            on sent.indicator = ratio_parts.indicator
            and {{ is_asked("sent", "ratio_parts") }}
        group by
            sent.report_number,
            sent.time_period,
            ratio_parts.ratio,
            ratio_parts.ratio_factor,
            ratio_parts.is_of_register
    ),

    ratios as (
        select
            reports.* exclude (time_period),
            pairs.time_period,  -- so that a period that is asked for reaches the pairs
            pairs.indicator,
            cast(
                round(
                    pairs.ratio_factor * pairs.numerator / nullif(pairs.denominator, 0), 4
                ) as decimal(18, 4)
            ) as obs_value,
            case
                when pairs.denominator <> 0 and pairs.numerator is not null
                then 'published'
                when pairs.denominator = 0 and pairs.numerator is not null
                then 'not_applicable'
                when pairs.is_held
                then 'held'
                else 'missing'
            end as value_status,
            case when pairs.denominator is not null then pairs.numerator end as numerator,
            case when pairs.numerator is not null then pairs.denominator end as denominator
        from pairs
        inner join
            {{ ref("int_reports") }} as reports
            on pairs.report_number = reports.report_number
            and pairs.time_period = reports.time_period
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
    * exclude (part_key, is_first_form, obs_value, value_status, numerator, denominator),
    case when is_counted then obs_value end as obs_value,
    case when is_counted then value_status else 'not_applicable' end as value_status,
    case when is_counted then numerator end as numerator,
    case when is_counted then denominator end as denominator
from filled
