-- Which shorter periods make up a longer one, by their days: the parts of one frequency lie inside
-- the whole, and together have as many days. Never across calendars; what is only derived is no
-- part of anything.
{{ config(materialized="table") }}
with

    periods as (select *, period_end - period_start + 1 as days from {{ ref("int_periods") }}),

    inside as (
        select
            wholes.calendar,
            wholes.frequency,
            wholes.time_period,
            parts.frequency as part_frequency,
            parts.time_period as part_period,
            wholes.days,
            sum(of_counts := parts.days) over of_whole as days_of_parts,
            row_number() over (of_whole order by parts.period_start) as position,
            count(*) over of_whole as parts_expected
        from periods as wholes
        inner join
            periods as parts
            on wholes.calendar = parts.calendar
            and wholes.frequency <> parts.frequency
            and parts.frequency <> 'year_to_date'
            and parts.period_start between wholes.period_start and wholes.period_end
            and parts.period_end <= wholes.period_end
        window of_whole as (partition by wholes.calendar, wholes.time_period, parts.frequency)
    )

select
    calendar,
    frequency,
    time_period,
    part_frequency,
    part_period,
    cast(position as integer) as position,
    cast(parts_expected as integer) as parts_expected
from inside
where days_of_parts = days
