-- Who owes which report: every commune in force on the last day of a period, below an area with a
-- duty on that day. The duty of the nearest area goes first: a district's own rows replace those
-- of the country. A frequency begins with the oldest period that anybody reported for, and ends
-- with the newest: before and after, nothing is owed yet. A deadline on a day off moves to the next
-- working day.
with

    duties as (select * from {{ ref("reporting_duties") }}),

    ancestors as (select * from {{ ref("int_area_ancestors") }}),

    periods as (
        select forms.form, periods.*
        from {{ ref("int_periods") }} as periods
        inner join {{ ref("stg_forms") }} as forms on periods.calendar = forms.calendar
    ),

    reported as (
        select
            periods.form,
            periods.frequency,
            min(periods.period_end) as first_end,
            max(periods.period_end) as last_end
        from
            (
                select distinct form, time_period
                from {{ source("raw", "submissions") }}
                where area_key is not null and status <> 'refused'
            ) as submissions
        inner join
            periods
            on submissions.form = periods.form
            and submissions.time_period = periods.time_period
        group by periods.form, periods.frequency
    ),

    closed_periods as (
        select periods.*
        from periods
        inner join
            reported
            on periods.form = reported.form
            and periods.frequency = reported.frequency
            and periods.period_end between reported.first_end and reported.last_end
    ),

    days as (select distinct form, period_end from closed_periods),

    duties_on_days as (
        select
            ancestors.ref_area,
            ancestors.area_key,
            duties.form,
            duties.frequency,
            duties.due_after_days,
            days.period_end,
            ancestors.distance,
            min(ancestors.distance) over (
                partition by ancestors.area_key, duties.form, days.period_end
            ) as nearest
        from days
        inner join duties on days.form = duties.form and {{ in_force("duties", "days.period_end") }}
        inner join
            ancestors
            on duties.ref_area = ancestors.ancestor_area
            and {{ in_force("ancestors", "days.period_end") }}
    ),

    working_days as (select * from {{ ref("int_working_days") }})

select
    duties_on_days.ref_area,
    duties_on_days.area_key,
    duties_on_days.form,
    closed_periods.calendar,
    closed_periods.frequency,
    closed_periods.time_period,
    closed_periods.period_start,
    closed_periods.period_end,
    closed_periods.months,
    working_days.next_working_day as due_date
from duties_on_days
inner join
    closed_periods
    on duties_on_days.form = closed_periods.form
    and duties_on_days.frequency = closed_periods.frequency
    and duties_on_days.period_end = closed_periods.period_end
left join
    working_days
    on working_days.day = closed_periods.period_end + to_days(duties_on_days.due_after_days)
where duties_on_days.distance = duties_on_days.nearest
