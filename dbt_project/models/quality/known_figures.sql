-- Figures of communes in the periods that this build judges and in those that they are compared
-- with: the one before, and those before it in the year.
with

    judged as (select time_period from {{ ref("int_changed_periods") }} where is_to_judge),

    periods as (select * from {{ ref("int_periods") }}),

    neighbours as (
        select distinct others.time_period
        from judged
        inner join periods on judged.time_period = periods.time_period
        inner join
            periods as others
            on periods.calendar = others.calendar
            and periods.frequency = others.frequency
            and (
                others.time_period = periods.previous_period
                or (others.year = periods.year and others.number <= periods.number)
            )
    ),

    reports as (
        select *
        from {{ ref("int_reports") }}
        where is_counted and time_period in (select time_period from neighbours)
    ),

    sent as ({{ sent_figures("reports", "period") }})

select area_key, calendar, time_period, indicator, obs_value
from sent
where obs_value is not null
