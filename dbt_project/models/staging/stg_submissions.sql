-- Reports whose area, form and period are known. The highest version that was loaded is current;
-- it alone counts, whole: a figure that it leaves out is not taken from an older one.
with

    submissions as (
        select *
        from {{ source("raw", "submissions") }}
        where area_key is not null and form is not null and time_period is not null
    ),

    arrivals as (select * from {{ source("raw", "arrivals") }}),

    newest as (
        select ref_area, form, time_period, max(version) as version
        from submissions
        where is_loaded
        group by ref_area, form, time_period
    )

select
    submissions.submission_id,
    submissions.ref_area,
    submissions.area_key,
    submissions.form,
    submissions.time_period,
    submissions.version,
    submissions.status,
    submissions.is_loaded,
    submissions.is_loaded and newest.version is not null as is_current,
    arrivals.declared_name,
    arrivals.received_at
from submissions
left join arrivals on submissions.arrival_id = arrivals.arrival_id
left join
    newest
    on submissions.ref_area = newest.ref_area
    and submissions.form = newest.form
    and submissions.time_period = newest.time_period
    and submissions.version = newest.version
