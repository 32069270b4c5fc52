-- How many of the reports owed by the communes of a district or province came.
with

    reports as (select * from {{ ref("int_reports") }} where is_owed),

    ancestors as (
        select *
        from {{ ref("int_area_ancestors") }}
        where ancestor_level in ('district', 'province')
    )

select
    ancestors.ancestor_area as ref_area,
    ancestors.ancestor_key as area_key,
    ancestors.ancestor_name_vi as area_name_vi,
    ancestors.ancestor_level as area_level,
    reports.time_period,
    reports.form,
    cast(count(*) as integer) as areas_expected,
    cast(count(*) filter (reports.report_status = 'received') as integer) as areas_received,
    cast(count(*) filter (reports.report_status = 'held') as integer) as areas_held,
    cast(count(*) filter (reports.report_status = 'missing') as integer) as areas_missing
from reports
inner join
    ancestors
    on reports.area_key = ancestors.area_key
    and {{ in_force("ancestors", "reports.period_end") }}
group by
    ancestors.ancestor_area,
    ancestors.ancestor_key,
    ancestors.ancestor_name_vi,
    ancestors.ancestor_level,
    reports.time_period,
    reports.form
