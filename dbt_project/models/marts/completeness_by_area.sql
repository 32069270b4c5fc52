-- How many of the reports owed by the communes of a district, a province or the country came, when,
-- and of what kind they are.
with

    -- Few rows: everything above is a sum of these.
    parts as (
        select
            district_key,
            province_key,
            form,
            calendar,
            frequency,
            time_period,
            period_end,
            count(*) as areas_expected,
            count(*) filter (status = 'received') as areas_received,
            count(*) filter (status = 'received' and is_late) as areas_late,
            count(*) filter (status = 'held') as areas_held,
            count(*) filter (status = 'missing') as areas_missing,
            count(*) filter (is_empty) as areas_empty,
            count(*) filter (is_unchanged_copy) as areas_unchanged_copy,
            count(*) filter (is_declared_nil) as areas_declared_nil,
            sum(sizes_over_areas := households) as households_known,
            sum(sizes_over_areas := households) filter (status = 'received') as households_received
        from {{ ref("completeness") }}
        where status <> 'not_owed'
        group by district_key, province_key, form, calendar, frequency, time_period, period_end
    ),

    countries as (select * from {{ ref("stg_areas") }} where area_level = 'country'),

    placed as (
        select 'district' as area_level, parts.district_key as area_key, parts.*
        from parts
        where parts.district_key is not null
        union all
        select 'province' as area_level, parts.province_key as area_key, parts.*
        from parts
        union all
        select 'country' as area_level, countries.area_key, parts.*
        from parts
        inner join countries on {{ in_force("countries", "parts.period_end") }}
    ),

    names as (
        select ancestor_key, min(ancestor_area) as ref_area, min(ancestor_name_vi) as area_name_vi
        from {{ ref("int_area_ancestors") }}
        group by ancestor_key
    ),

    summed as (
        select
            area_level,
            area_key,
            form,
            calendar,
            frequency,
            time_period,
            period_end,
            cast(sum(of_counts := areas_expected) as integer) as areas_expected,
            cast(sum(of_counts := areas_received) as integer) as areas_received,
            cast(sum(of_counts := areas_late) as integer) as areas_late,
            cast(sum(of_counts := areas_held) as integer) as areas_held,
            cast(sum(of_counts := areas_missing) as integer) as areas_missing,
            cast(sum(of_counts := areas_empty) as integer) as areas_empty,
            cast(sum(of_counts := areas_unchanged_copy) as integer) as areas_unchanged_copy,
            cast(sum(of_counts := areas_declared_nil) as integer) as areas_declared_nil,
            sum(sizes_over_areas := households_known) as households_known,
            coalesce(sum(sizes_over_areas := households_received), 0) as households_received
        from placed
        group by area_level, area_key, form, calendar, frequency, time_period, period_end
    )

select
    names.ref_area,
    summed.area_key,
    names.area_name_vi,
    summed.area_level,
    summed.form,
    summed.calendar,
    summed.frequency,
    summed.time_period,
    summed.period_end,
    summed.areas_expected,
    summed.areas_received,
    summed.areas_received - summed.areas_late as areas_on_time,
    summed.areas_late,
    summed.areas_held,
    summed.areas_missing,
    summed.areas_empty,
    summed.areas_unchanged_copy,
    summed.areas_declared_nil,
    cast(
        round(100 * summed.households_received / nullif(summed.households_known, 0), 4) as decimal(
            18, 4
        )
    ) as households_covered_pct
from summed
inner join names on summed.area_key = names.ancestor_key
