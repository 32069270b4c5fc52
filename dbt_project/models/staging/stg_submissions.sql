-- Reports whose area, form and period are known, with when they came: in time is a report when its
-- first version was. Who need not know when reads stg_versions, since a join of all reports with
-- all arrivals is not cheap.
with

    versions as (select * from {{ ref("stg_versions") }}),

    arrivals as (
        select arrival_id, declared_name, received_at from {{ source("raw", "arrivals") }}
    ),

    -- Read anew, since DuckDB would lay out all rows of what is named twice; here they are few.
    first_arrivals as (
        select
            versions.area_key,
            versions.form,
            versions.time_period,
            min(arrivals.received_at) as first_received_at
        from {{ ref("stg_versions") }} as versions
        inner join
            {{ source("raw", "arrivals") }} as arrivals on versions.arrival_id = arrivals.arrival_id
        where versions.is_repeated
        group by versions.area_key, versions.form, versions.time_period
    )

select
    versions.report_number,
    versions.submission_id,
    versions.ref_area,
    versions.area_key,
    versions.form,
    versions.time_period,
    versions.version,
    versions.status,
    versions.is_loaded,
    versions.is_current,
    versions.figures_read,
    versions.figures_zero,
    versions.figures_blank,
    versions.figures_held,
    versions.figures_digest,
    arrivals.declared_name,
    arrivals.received_at,
    case
        when versions.is_current
        then coalesce(first_arrivals.first_received_at, arrivals.received_at)
    end as first_received_at
from versions
left join arrivals on versions.arrival_id = arrivals.arrival_id
left join
    first_arrivals
    on versions.is_repeated
    and versions.area_key = first_arrivals.area_key
    and versions.form = first_arrivals.form
    and versions.time_period = first_arrivals.time_period
