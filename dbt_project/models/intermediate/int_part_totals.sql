-- The totals of parts of districts, with what follows from their keys: a key is the code of an area
-- and the day on which it began.
{{ config(materialized="view") }}
with

    totals as (select * from {{ ref("int_area_totals") }}),

    periods as (
        select
            forms.form, periods.time_period, periods.calendar, periods.frequency, periods.period_end
        from {{ ref("int_periods") }} as periods
        inner join {{ ref("stg_forms") }} as forms on periods.calendar = forms.calendar
    )

select
    totals.* exclude (form),
    split_part(totals.district_key, '.', 1) as district_area,
    split_part(totals.province_key, '.', 1) as province_area,
    periods.calendar,
    periods.frequency,
    periods.period_end
from totals
inner join periods on totals.form = periods.form and totals.time_period = periods.time_period
