-- The periods whose figures a statement can be laid beside: those of the indicator's calendar that
-- together have exactly the days that the statement names, such as three years of "2021–2023".
-- Flows alone add up, and a statement without a first day names no days.
with

    statements as (select * from {{ ref("stg_statements") }} where statistical_kind = 'flow'),

    indicators as (select * from {{ ref("stg_indicators") }} where rollup_time = 'sum'),

    periods as (
        select *, period_end - period_start + 1 as days
        from {{ ref("int_periods") }}
        where frequency <> 'year_to_date'
    ),

    inside as (
        select
            statements.statement,
            statements.indicator,
            periods.calendar,
            periods.frequency as part_frequency,
            periods.time_period as part_period,
            statements.period_end - statements.period_start + 1 as days,
            sum(of_counts := periods.days) over of_window as days_of_parts,
            row_number() over (of_window order by periods.period_start) as position,
            count(*) over of_window as parts_expected
        from statements
        inner join indicators on statements.indicator = indicators.indicator
        inner join
            periods
            on indicators.calendar = periods.calendar
            and indicators.months <= periods.months
            and periods.period_start >= statements.period_start
            and periods.period_end <= statements.period_end
        window of_window as (partition by statements.statement, periods.frequency)
    )

select
    statement,
    indicator,
    calendar,
    part_frequency,
    part_period,
    cast(position as integer) as position,
    cast(parts_expected as integer) as parts_expected
from inside
where days_of_parts = days
