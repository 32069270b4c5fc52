-- Reports whose area, form and period are known. The highest version that was loaded is current;
-- it alone counts, whole: a figure that it leaves out is not taken from an older one. It is in time
-- when its first version was.
with

    submissions as (select * from {{ source("raw", "submissions") }} where area_key is not null),

    arrivals as (
        select arrival_id, declared_name, received_at from {{ source("raw", "arrivals") }}
    ),

    -- Few reports come more than once: to put all of them in order would cost as much as all the
    -- rest.
    versions as (
        select
            submissions.report_number,
            row_number() over (of_report order by submissions.version desc) = 1 as is_newest,
            min(arrivals.received_at) over of_report as first_received_at
        from {{ source("raw", "submissions") }} as submissions
        left join
            {{ source("raw", "arrivals") }} as arrivals
            on submissions.arrival_id = arrivals.arrival_id
        where
            submissions.is_loaded
            and (submissions.area_key, submissions.form, submissions.time_period) in (
                select area_key, form, time_period
                from {{ source("raw", "submissions") }}
                where is_loaded and version > 1
            )
        window
            of_report as (
                partition by submissions.area_key, submissions.form, submissions.time_period
            )
    )

select
    submissions.report_number,
    submissions.submission_id,
    submissions.ref_area,
    submissions.area_key,
    submissions.form,
    submissions.time_period,
    submissions.version,
    submissions.status,
    submissions.is_loaded,
    submissions.is_loaded
    and coalesce(versions.is_newest, submissions.version is not null) as is_current,
    submissions.figures_read,
    submissions.figures_zero,
    submissions.figures_blank,
    submissions.figures_held,
    submissions.figures_digest,
    arrivals.declared_name,
    arrivals.received_at,
    case
        when is_current then coalesce(versions.first_received_at, arrivals.received_at)
    end as first_received_at
from submissions
left join arrivals on submissions.arrival_id = arrivals.arrival_id
left join versions on submissions.report_number = versions.report_number
where submissions.form is not null and submissions.time_period is not null
