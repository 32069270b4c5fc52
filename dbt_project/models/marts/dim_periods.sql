-- Every period of both calendars, with its neighbours and its name.
{{ config(materialized="table") }}
with

    periods as (select * from {{ ref("int_periods") }}),

    phrases as (select * from {{ ref("phrases") }})

select
    periods.time_period,
    periods.calendar,
    periods.frequency,
    periods.period_start,
    periods.period_end,
    periods.months,
    periods.year,
    periods.previous_period,
    periods.same_period_last_year,
    {{
        sentence(
            "phrases.text_vi",
            {
                "number": "cast(periods.number as varchar)",
                "year": "cast(periods.year as varchar)",
            },
        )
    }} as label_vi,
    periods.sort
from periods
left join
    phrases
    on phrases.phrase
    = 'period.'
    || periods.frequency
    || case when periods.frequency = 'half_year' then '_' || periods.number else '' end
