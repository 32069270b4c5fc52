-- Who owes which report: every commune in force on the last day of a period, below an area with a
-- duty on that day. The duty of the nearest area goes first: a district's own rows replace those
-- of the country. Periods that nobody has reported for yet are not owed: a frequency ends with the
-- newest period received.
with

    duties as (select * from {{ ref("reporting_duties") }}),

    ancestors as (select * from {{ ref("int_area_ancestors") }}),

    periods as (
        select forms.form, periods.*
        from {{ ref("int_periods") }} as periods
        inner join {{ ref("forms") }} as forms on periods.calendar = forms.calendar
    ),

    newest as (
        select periods.form, periods.frequency, max(periods.period_end) as period_end
        from {{ ref("stg_submissions") }} as submissions
        inner join
            periods
            on submissions.form = periods.form
            and submissions.time_period = periods.time_period
        where submissions.status <> 'refused'
        group by periods.form, periods.frequency
    ),

    closed_periods as (
        select periods.*
        from periods
        inner join newest on periods.form = newest.form and periods.frequency = newest.frequency
        where periods.period_end <= newest.period_end
    ),

    days as (select distinct form, period_end from closed_periods),

    duties_on_days as (
        select
            ancestors.ref_area,
            ancestors.area_key,
            duties.form,
            duties.frequency,
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
    )

select distinct
    duties_on_days.ref_area,
    duties_on_days.area_key,
    duties_on_days.form,
    closed_periods.calendar,
    closed_periods.frequency,
    closed_periods.time_period,
    closed_periods.period_start,
    closed_periods.period_end,
    closed_periods.months
from duties_on_days
inner join
    closed_periods
    on duties_on_days.form = closed_periods.form
    and duties_on_days.frequency = closed_periods.frequency
    and duties_on_days.period_end = closed_periods.period_end
where duties_on_days.distance = duties_on_days.nearest
