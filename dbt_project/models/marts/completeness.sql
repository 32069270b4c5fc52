-- Who reported, who still owes, and how full the reports are.
with

    reports as (select * from {{ ref("int_reports") }}),

    cells as (
        select
            area_key,
            form,
            time_period,
            count(*) as asked,
            count(*) filter (value_status = 'published') as filled,
            count(*) filter (value_status = 'held') as held
        from {{ ref("int_commune_figures") }}
        where
            indicator in (select indicator from {{ ref("stg_indicators") }} where form is not null)
        group by area_key, form, time_period
    )

select
    reports.ref_area,
    reports.area_key,
    reports.area_name_vi,
    reports.district_area,
    reports.province_area,
    reports.time_period,
    reports.form,
    case when reports.is_owed then reports.report_status else 'not_owed' end as status,
    reports.submission_id,
    reports.version,
    reports.received_at,
    cast(coalesce(cells.asked, 0) as integer) as cells_asked,
    cast(coalesce(cells.filled, 0) as integer) as cells_filled,
    cast(coalesce(cells.held, 0) as integer) as cells_held
from reports
left join
    cells
    on reports.area_key = cells.area_key
    and reports.form = cells.form
    and reports.time_period = cells.time_period
