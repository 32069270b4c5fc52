-- Reports whose area, form and period are known. The highest version that was loaded is current;
-- it alone counts, whole: a figure that it leaves out is not taken from an older one.
with

    submissions as (select * from {{ source("raw", "submissions") }} where area_key is not null),

    -- Few reports come more than once: to put all of them in order would cost as much as all the
    -- rest.
    repeated as (
        select
            versions.report_number,
            row_number() over (
                partition by versions.area_key, versions.form, versions.time_period
                order by versions.version desc
            )
            = 1 as is_newest
        from {{ source("raw", "submissions") }} as versions
        where
            versions.is_loaded
            and (versions.area_key, versions.form, versions.time_period) in (
                select area_key, form, time_period
                from {{ source("raw", "submissions") }}
                where is_loaded and version > 1
            )
    )

select
    submissions.report_number,
    submissions.submission_id,
    submissions.arrival_id,
    submissions.ref_area,
    submissions.area_key,
    submissions.form,
    submissions.time_period,
    submissions.version,
    submissions.status,
    submissions.is_loaded,
    submissions.is_loaded
    and coalesce(repeated.is_newest, submissions.version is not null) as is_current,
    repeated.report_number is not null as is_repeated,
    submissions.figures_read,
    submissions.figures_zero,
    submissions.figures_blank,
    submissions.figures_held,
    submissions.figures_digest
from submissions
left join repeated on submissions.report_number = repeated.report_number
where submissions.form is not null and submissions.time_period is not null
