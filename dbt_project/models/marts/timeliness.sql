-- How punctual an area is: over all that it owed, and over the last twelve periods of a frequency.
-- A commune is followed through changes of its name or type; areas above it stand for the reports
-- of all their communes.
with

    reports as (
        select
            completeness.*,
            coalesce(territories.territory_key, completeness.area_key) as territory_key
        from {{ ref("completeness") }} as completeness
        left join
            {{ ref("dim_areas") }} as territories on completeness.area_key = territories.area_key
        where completeness.status <> 'not_owed'
    ),

    periods as (
        select
            form,
            frequency,
            time_period,
            row_number() over (
                partition by form, frequency order by period_end desc
            ) as newest_first
        from (select distinct form, frequency, time_period, period_end from reports)
    ),

    spans as (
        select *, 'all_periods' as span
        from reports
        union all
        select reports.*, 'last_{{ var("recent_periods") }}_periods' as span
        from reports
        inner join
            periods
            on reports.form = periods.form
            and reports.time_period = periods.time_period
            and periods.newest_first <= {{ var("recent_periods") }}
    ),

    measured as (
        select
            case
                when grouping(territory_key) = 0
                then 'commune'
                when grouping(district_key) = 0
                then 'district'
                when grouping(province_key) = 0
                then 'province'
                else 'country'
            end as area_level,
            -- Of a commune that changed, or of the only country: the version of the newest report.
            case
                when grouping(district_key) = 0
                then district_key
                when grouping(province_key) = 0
                then province_key
                when grouping(territory_key) = 0
                then arg_max(area_key, period_end)
            end as area_key,
            form,
            calendar,
            frequency,
            span,
            arg_min(time_period, period_end) as first_period,
            arg_max(time_period, period_end) as last_period,
            max(period_end) as last_day,
            count(*) as reports_owed,
            count(*) filter (status = 'received') as reports_received,
            count(*) filter (status = 'received' and not is_late) as reports_on_time,
            count(*) filter (status = 'received' and is_late) as reports_late,
            count(*) filter (status = 'held') as reports_held,
            count(*) filter (status = 'missing') as reports_missing,
            median(of_counts := days_late) as median_days_late,
            max(days_late) as longest_days_late,
            max(consecutive_misses) as longest_run_of_misses
        from spans
        group by
            grouping sets (
                (form, calendar, frequency, span, territory_key),
                (form, calendar, frequency, span, district_key),
                (form, calendar, frequency, span, province_key),
                (form, calendar, frequency, span)
            )
    ),

    countries as (select * from {{ ref("dim_areas") }} where area_level = 'country'),

    names as (
        select ancestor_key, min(ancestor_area) as ref_area, min(ancestor_name_vi) as area_name_vi
        from {{ ref("dim_area_ancestors") }}
        group by ancestor_key
    )

select
    names.ref_area,
    names.ancestor_key as area_key,
    names.area_name_vi,
    measured.area_level,
    measured.form,
    measured.calendar,
    measured.frequency,
    measured.span,
    measured.first_period,
    measured.last_period,
    cast(measured.reports_owed as integer) as reports_owed,
    cast(measured.reports_received as integer) as reports_received,
    cast(measured.reports_on_time as integer) as reports_on_time,
    cast(measured.reports_late as integer) as reports_late,
    cast(measured.reports_held as integer) as reports_held,
    cast(measured.reports_missing as integer) as reports_missing,
    cast(
        round(100 * measured.reports_on_time / measured.reports_owed, 4) as decimal(18, 4)
    ) as on_time_pct,
    cast(measured.median_days_late as decimal(18, 4)) as median_days_late,
    cast(measured.longest_days_late as integer) as longest_days_late,
    cast(measured.longest_run_of_misses as integer) as longest_run_of_misses
from measured
left join
    countries
    on measured.area_level = 'country'
    and {{ in_force("countries", "measured.last_day") }}
inner join names on coalesce(measured.area_key, countries.area_key) = names.ancestor_key
