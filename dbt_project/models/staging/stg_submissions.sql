-- Reports whose area, form and period are known. The highest version that was loaded is current;
-- it alone counts, whole: a figure that it leaves out is not taken from an older one. It is in time
-- when its first version was.
with

    submissions as (
        select submissions.*, arrivals.declared_name, arrivals.received_at
        from {{ source("raw", "submissions") }} as submissions
        left join
            {{ source("raw", "arrivals") }} as arrivals
            on submissions.arrival_id = arrivals.arrival_id
        where
            submissions.area_key is not null
            and submissions.form is not null
            and submissions.time_period is not null
    ),

    newest as (
        select
            arg_max(report_number, version) as report_number, min(received_at) as first_received_at
        from submissions
        where is_loaded
        group by area_key, form, time_period
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
    newest.report_number is not null as is_current,
    submissions.figures_read,
    submissions.figures_zero,
    submissions.figures_blank,
    submissions.figures_held,
    submissions.figures_digest,
    submissions.declared_name,
    submissions.received_at,
    newest.first_received_at
from submissions
left join newest on submissions.report_number = newest.report_number
