-- Figures that do not follow from the periods before: a stock that is not the stock before plus
-- what came and minus what went, and a figure from the start of the year that is not the sum of
-- the year's periods. Where a period is missing or blank the first says nothing, and the second
-- only that a sum cannot shrink.
with

    figures as (select * from {{ ref("judged_figures") }}),

    known as (
        select area_key, calendar, time_period, indicator, obs_value
        from {{ ref("known_figures") }}
        where obs_value is not null
    ),

    indicators as (select * from {{ ref("stg_indicators") }}),

    periods as (select * from {{ ref("int_periods") }}),

    cumulative as (
        select *
        from {{ ref("int_cumulative_figures") }}
        where
            time_period
            in (select time_period from {{ ref("int_changed_periods") }} where is_to_judge)
    ),

    -- By the stock that they move, so that every join has all of its keys.
    inflows as (
        select known.area_key, known.time_period, indicators.indicator, known.obs_value
        from known
        inner join indicators on known.indicator = indicators.inflow
    ),

    outflows as (
        select known.area_key, known.time_period, indicators.indicator, known.obs_value
        from known
        inner join indicators on known.indicator = indicators.outflow
    ),

    stocks as (
        select
            'stock_follows_its_movements' as check_name,
            figures.area_key,
            figures.calendar,
            figures.time_period,
            figures.indicator,
            figures.obs_value,
            {{ stock_after("befores.obs_value", "inflows.obs_value", "outflows.obs_value") }}
            as derived_value,
            true as is_complete,
            figures.is_settled,
            figures.decision,
            figures.submission_id,
            figures.sheet,
            figures.cell
        from figures
        inner join
            periods
            on figures.calendar = periods.calendar
            and figures.time_period = periods.time_period
        inner join
            known as befores
            on figures.area_key = befores.area_key
            and periods.previous_period = befores.time_period
            and figures.indicator = befores.indicator
        inner join
            inflows
            on figures.area_key = inflows.area_key
            and figures.time_period = inflows.time_period
            and figures.indicator = inflows.indicator
        inner join
            outflows
            on figures.area_key = outflows.area_key
            and figures.time_period = outflows.time_period
            and figures.indicator = outflows.indicator
    ),

    cumulatives as (
        select
            cumulative.area_key,
            cumulative.calendar,
            cumulative.time_period,
            cumulative.indicator,
            cumulative.obs_value,
            cumulative.submission_id,
            cumulative.sheet,
            cumulative.cell,
            periods.frequency,
            periods.year,
            periods.number
        from cumulative
        inner join
            periods
            on cumulative.calendar = periods.calendar
            and cumulative.time_period = periods.time_period
        where cumulative.obs_value is not null
    ),

    sums as (
        select
            'cumulative_matches_periods' as check_name,
            cumulatives.area_key,
            cumulatives.calendar,
            cumulatives.time_period,
            cumulatives.indicator,
            max(cumulatives.obs_value) as obs_value,
            cast(sum(over_time := known.obs_value) as decimal(18, 4)) as derived_value,
            count(*) = max(cumulatives.number) as is_complete,
            false as is_settled,
            cast(null as varchar) as decision,
            max(cumulatives.submission_id) as submission_id,
            max(cumulatives.sheet) as sheet,
            max(cumulatives.cell) as cell
        from cumulatives
        inner join
            periods
            on cumulatives.calendar = periods.calendar
            and cumulatives.frequency = periods.frequency
            and cumulatives.year = periods.year
            and cumulatives.number >= periods.number
        inner join
            known
            on cumulatives.area_key = known.area_key
            and periods.time_period = known.time_period
            and cumulatives.indicator = known.indicator
        inner join
            indicators
            on cumulatives.indicator = indicators.indicator
            and indicators.rollup_time = 'sum'
        group by
            cumulatives.area_key,
            cumulatives.calendar,
            cumulatives.time_period,
            cumulatives.indicator
    ),

    derived as (
        select *
        from stocks
        union all
        select *
        from sums
    )

select
    check_name,
    cast(null as varchar) as severity,
    area_key,
    calendar,
    time_period,
    indicator,
    obs_value,
    cast(derived_value as decimal(18, 4)) as expected_low,
    case when is_complete then cast(derived_value as decimal(18, 4)) end as expected_high,
    cast(derived_value as decimal(18, 4)) as suggested_value,
    cast(null as varchar) as other_indicator,
    cast(null as decimal(18, 4)) as other_value,
    cast(null as varchar) as limit_phrase,
    cast(null as varchar) as reason_phrase,
    cast(null as date) as reason_date,
    is_settled,
    decision,
    submission_id,
    sheet,
    cell
from derived
where obs_value < derived_value or (is_complete and obs_value > derived_value)
