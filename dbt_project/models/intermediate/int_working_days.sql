-- On which days offices work: Monday to Friday, but for public holidays and for Saturdays that are
-- worked instead (seeds/holidays.csv). A deadline on a day off moves to the next working day.
with

    -- A month more than is asked for, so that the last days have a next one.
    days as (
        select cast(day as date) as day
        from
            range(
                make_date({{ var("first_year") }}, 1, 1),
                make_date({{ var("last_year") }} + 2, 2, 1),
                interval 1 day
            ) as days(day)
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
where day < make_date({{ var("last_year") }} + 2, 1, 1)
