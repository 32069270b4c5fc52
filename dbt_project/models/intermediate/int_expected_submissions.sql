-- Who owes which report: every commune in force on the last day of a period, below an area with a
-- duty on that day. The duty of the nearest area goes first: a district's own rows replace those
-- of the country. A deadline on a day off moves to the next working day.
{{ config(materialized="view") }}
with

    duties as (select * from {{ ref("reporting_duties") }}),

    areas as (select * from {{ ref("int_areas") }}),

    closed_periods as (
        select periods.*, reported.is_to_lay_out
        from {{ ref("int_reported_periods") }} as reported
        inner join
            {{ ref("int_form_periods") }} as periods on reported.form_period = periods.form_period
        where reported.is_closed
    ),

    covered as (
        select
            areas.area_number,
            ancestors.area_key,
            ancestors.ref_area,
            ancestors.distance,
            duties.form,
            duties.frequency,
            duties.due_after_days,
            greatest(ancestors.valid_from, duties.valid_from) as valid_from,
            least(ancestors.valid_to, duties.valid_to) as valid_to
        from {{ ref("int_area_ancestors") }} as ancestors
        inner join duties on ancestors.ancestor_area = duties.ref_area
        inner join areas on ancestors.area_key = areas.area_key
    ),

    -- Below two areas with duties the nearer one is asked day by day, below one it need not be.
    contested as (
        select area_number, form
        from covered
        group by area_number, form
        having min(distance) < max(distance)
    ),

    nearest as (
        select covered.area_number, covered.form, days.period_end, min(covered.distance) as distance
        from covered
        inner join contested using (area_number, form)
        inner join
            (select distinct form, period_end from closed_periods) as days
            on covered.form = days.form
            and {{ in_force("covered", "days.period_end") }}
        group by covered.area_number, covered.form, days.period_end
    ),

    working_days as (select * from {{ ref("int_working_days") }})

select
    covered.area_number,
    closed_periods.form_period,
    covered.ref_area,
    covered.area_key,
    closed_periods.form,
    closed_periods.calendar,
    closed_periods.frequency,
    closed_periods.time_period,
    closed_periods.period_start,
    closed_periods.period_end,
    closed_periods.months,
    working_days.next_working_day as due_date,
    closed_periods.is_to_lay_out
from closed_periods
inner join
    covered
    on closed_periods.form = covered.form
    and closed_periods.frequency = covered.frequency
    and {{ in_force("covered", "closed_periods.period_end") }}
left join
    nearest
    on covered.area_number = nearest.area_number
    and covered.form = nearest.form
    and closed_periods.period_end = nearest.period_end
left join
    working_days on working_days.day = closed_periods.period_end + to_days(covered.due_after_days)
where covered.distance = coalesce(nearest.distance, covered.distance)
