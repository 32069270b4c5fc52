-- Every report that is owed or came, with the areas above its commune on the last day of the
-- period.
with

    expected as (select * from {{ ref("int_expected_submissions") }}),

    current_submissions as (select * from {{ ref("stg_submissions") }} where is_current),

    held_submissions as (
        select distinct area_key, form, time_period
        from {{ ref("stg_submissions") }}
        where status = 'held' and not is_loaded
    ),

    reports as (
        select area_key, form, time_period
        from expected
        union
        select area_key, form, time_period
        from current_submissions
        union
        select area_key, form, time_period
        from held_submissions
    ),

    periods as (
        select forms.form, periods.*
        from {{ ref("int_periods") }} as periods
        inner join {{ ref("stg_forms") }} as forms on periods.calendar = forms.calendar
    ),

    areas as (select * from {{ ref("stg_areas") }}),

    ancestors as (select * from {{ ref("int_area_ancestors") }})

select
    areas.ref_area,
    areas.area_key,
    areas.name_vi as area_name_vi,
    districts.ancestor_area as district_area,
    provinces.ancestor_area as province_area,
    reports.form,
    periods.calendar,
    periods.frequency,
    periods.time_period,
    periods.period_start,
    periods.period_end,
    periods.months,
    {{ in_force("areas", "periods.period_end") }} as is_area_in_force,
    expected.area_key is not null as is_owed,
    case
        when current_submissions.area_key is not null
        then 'received'
        when held_submissions.area_key is not null
        then 'held'
        else 'missing'
    end as report_status,
    current_submissions.submission_id,
    current_submissions.version,
    current_submissions.received_at
from reports
inner join areas on reports.area_key = areas.area_key
inner join periods on reports.form = periods.form and reports.time_period = periods.time_period
left join
    expected
    on reports.area_key = expected.area_key
    and reports.form = expected.form
    and reports.time_period = expected.time_period
left join
    current_submissions
    on reports.area_key = current_submissions.area_key
    and reports.form = current_submissions.form
    and reports.time_period = current_submissions.time_period
left join
    held_submissions
    on reports.area_key = held_submissions.area_key
    and reports.form = held_submissions.form
    and reports.time_period = held_submissions.time_period
left join
    ancestors as districts
    on reports.area_key = districts.area_key
    and districts.ancestor_level = 'district'
    and {{ in_force("districts", "periods.period_end") }}
left join
    ancestors as provinces
    on reports.area_key = provinces.area_key
    and provinces.ancestor_level = 'province'
    and {{ in_force("provinces", "periods.period_end") }}
