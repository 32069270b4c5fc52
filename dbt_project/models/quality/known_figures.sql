-- What the figures that this build judges are compared with, and no more: in their own period the
-- parts of relations and movements, in the one before the stocks, and earlier in the year what is
-- also told from its start.
with

    judged as (select time_period from {{ ref("int_changed_periods") }} where is_to_judge),

    periods as (select * from {{ ref("int_periods") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    related as (
        select distinct unnest([whole, driver, inflow, outflow]) as indicator from indicators
    ),

    told_from_start as (
        select distinct calendar, time_period, indicator
        from {{ ref("int_cumulative_figures") }}
        where time_period in (select time_period from judged)
    ),

    wanted as (
        select judged.time_period, related.indicator
        from judged
        cross join related
        where related.indicator is not null
        union
        select periods.previous_period, indicators.indicator
        from judged
        inner join periods on judged.time_period = periods.time_period
        cross join indicators
        where indicators.inflow is not null and indicators.outflow is not null
        union
        select others.time_period, told_from_start.indicator
        from told_from_start
        inner join
            periods
            on told_from_start.calendar = periods.calendar
            and told_from_start.time_period = periods.time_period
        inner join
            periods as others
            on periods.calendar = others.calendar
            and periods.frequency = others.frequency
            and periods.year = others.year
            and periods.number >= others.number
    ),

    reports as (
        select *
        from {{ ref("int_reports") }}
        where is_counted and time_period in (select time_period from wanted)
    ),

    sent as ({{ sent_figures("reports", "period") }})

select sent.area_key, sent.calendar, sent.time_period, sent.indicator, sent.obs_value
from sent
inner join wanted on sent.time_period = wanted.time_period and sent.indicator = wanted.indicator
where sent.obs_value is not null
