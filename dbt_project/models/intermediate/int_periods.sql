-- Every period of every calendar, named by its closing month (seeds/calendars.csv has the
-- decrees).
with

    calendars as (select * from {{ ref("calendars") }}),

    frequencies as (select * from {{ months_of_frequencies() }}),

    years as (
        select cast(year as integer) as year
        from range({{ var("first_year") }}, {{ var("last_year") }} + 1) as years(year)
    ),

    periods as (
        select
            calendars.calendar,
            frequencies.frequency,
            frequencies.months,
            frequencies.letter,
            years.year,
            cast(numbers.number as integer) as number,
            make_date(years.year, 1, calendars.month_first_day) as year_day,
            numbers.number * frequencies.months + calendars.month_offset as months_to_end
        from calendars
        cross join frequencies
        cross join years
        inner join range(1, 13) as numbers(number) on numbers.number * frequencies.months <= 12
    )

select
    {{ period_code("year", "letter", "number") }} as time_period,
    calendar,
    frequency,
    cast(year_day + to_months(months_to_end - months) as date) as period_start,
    cast(year_day + to_months(months_to_end) - to_days(1) as date) as period_end,
    months,
    year,
    number,
    case
        when number > 1
        then {{ period_code("year", "letter", "number - 1") }}
        else {{ period_code("year - 1", "letter", "12 // months") }}
    end as previous_period,
    {{ period_code("year - 1", "letter", "number") }} as same_period_last_year,
    cast(10000 * year + 100 * number * months + months as integer) as sort
from periods
