-- Every period of every calendar, named by its closing month (seeds/calendars.csv has the
-- decrees). The first months of a year are periods as well, each with the same first day: nobody
-- reports for them, they are made of others.
with

    calendars as (select * from {{ ref("calendars") }}),

    frequencies as (
        select *, frequency = 'year_to_date' as is_to_date from {{ months_of_frequencies() }}
    ),

    years as (
        select calendar, cast(unnest(range(first_year, last_year + 1)) as integer) as year
        from calendars
    ),

    periods as (
        select
            calendars.calendar,
            frequencies.frequency,
            frequencies.is_to_date,
            frequencies.months as step,
            case
                when frequencies.is_to_date
                then cast(numbers.number as integer)
                else frequencies.months
            end as months,
            frequencies.letter,
            years.year,
            cast(numbers.number as integer) as number,
            make_date(years.year, 1, calendars.month_first_day) as year_day,
            cast(numbers.number * frequencies.months as integer) as closing_month,
            closing_month + calendars.month_offset as months_to_end
        from calendars
        cross join frequencies
        inner join years on calendars.calendar = years.calendar
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
        when not is_to_date
        then {{ period_code("year - 1", "letter", "12 // step") }}
    end as previous_period,
    {{ period_code("year - 1", "letter", "number") }} as same_period_last_year,
    10000 * year + 100 * closing_month + case when is_to_date then 13 else months end as sort
from periods
