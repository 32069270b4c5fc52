-- Figures of communes in the periods that this build judges and in those that they are compared
-- with. What was judged before and did not change is not looked at again.
with

    judged as (select time_period from {{ ref("int_changed_periods") }} where is_to_judge),

    periods as (select * from {{ ref("int_periods") }}),

    neighbours as (
        select judged.time_period as judged_period, others.time_period
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
        where time_period in (select time_period from neighbours)
    ),

    figures as ({{ commune_figures("reports") }})

select *, time_period in (select time_period from judged) as is_to_judge
from figures
