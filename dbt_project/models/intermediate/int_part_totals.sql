-- The totals of parts of districts with what they cover. What the form did not ask for covers those
-- that sent it.
{{ config(materialized="view") }}
with

    totals as (select * from {{ ref("int_area_totals") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    parts as (select * from {{ ref("int_parts") }})

select
    parts.district_area,
    parts.district_key,
    parts.province_area,
    parts.province_key,
    parts.calendar,
    parts.frequency,
    parts.time_period,
    parts.period_end,
    indicators.indicator,
    totals.sum_of_values,
    totals.largest_value,
    totals.areas_in_class,
    totals.numerator,
    totals.denominator,
    case
        when totals.is_asked
        then parts.areas_expected
        else totals.areas_included + totals.areas_held
    end as areas_expected,
    case
        when totals.is_asked
        then parts.areas_received
        else totals.areas_included + totals.areas_held
    end as areas_received,
    totals.areas_included,
    totals.areas_held + case when totals.is_asked then parts.areas_waiting else 0 end as areas_held,
    case when totals.is_asked then parts.areas_late end as areas_late,
    case
        when totals.is_asked then parts.households_expected else totals.households_included
    end as households_expected,
    totals.households_included,
    case
        when totals.is_asked then parts.areas_expected_sized else totals.areas_included_sized
    end as areas_expected_sized,
    totals.areas_included_sized
from totals
inner join parts on totals.part_key = parts.part_key and totals.form_period = parts.form_period
inner join indicators on totals.indicator_number = indicators.indicator_number
