-- On which days offices work: Monday to Friday, but for public holidays and for Saturdays that are
-- worked instead (seeds/holidays.csv). A deadline on a day off moves to the next working day.
with

    -- The days of the years of which there are periods, and of the one after it, in which reports
    -- fall due.
    years as (
        select
            make_date(min(first_year), 1, 1) as first_day,
            make_date(max(last_year) + 2, 1, 1) as end_day
        from {{ ref("calendars") }}
    ),

    -- A month more than is asked for, so that the last days have a next one.
    days as (
        select cast(unnest(range(first_day, end_day + to_months(1), interval 1 day)) as date) as day
        from years
    ),

    holidays as (select * from {{ ref("holidays") }}),

    working as (
        select days.day, coalesce(holidays.is_working_day, isodow(days.day) <= 5) as is_working_day
        from days
        left join holidays on days.day = holidays.day
    ),

    with_next as (
        select
            day,
            is_working_day,
            min(case when is_working_day then day end) over (
                order by day rows between current row and unbounded following
            ) as next_working_day
        from working
    )

select *
from with_next
where day < (select end_day from years)
