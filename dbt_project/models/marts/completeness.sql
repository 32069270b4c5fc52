-- Who reported, who still owes, how full the reports are, and what kind of report each is. A state
-- names the gravest thing once; what else is true of a report stands in its own columns.
with

    reports as (
        select
            *,
            case when is_owed then report_status else 'not_owed' end as status,
            report_status = 'received' as is_received
        from {{ ref("int_reports") }}
    ),

    states as (select * from {{ ref("int_submission_states") }}),

    -- What each form asks for in each period.
    asked as (
        select forms.form, periods.time_period, count(*) as figures
        from {{ ref("stg_forms") }} as forms
        inner join {{ ref("int_periods") }} as periods on forms.calendar = periods.calendar
        inner join
            {{ ref("stg_indicators") }} as indicators
            on forms.form = indicators.form
            and periods.months >= indicators.months
            and periods.period_end >= coalesce(indicators.valid_from, periods.period_end)
            and periods.period_end < coalesce(indicators.valid_to, date '9999-12-31')
        group by forms.form, periods.time_period
    ),

    told as (
        select
            reports.*,
            reports.is_received and reports.figures_read + reports.figures_held = 0 as is_empty,
            reports.is_received and coalesce(states.is_unchanged_copy, false) as is_unchanged_copy,
            reports.is_received
            and reports.figures_read > 0
            and reports.figures_zero = reports.figures_read
            and reports.figures_held = 0 as is_declared_nil,
            coalesce(states.consecutive_misses, 0) as consecutive_misses,
            coalesce(states.figures_returned, 0) as figures_returned,
            coalesce(asked.figures, 0) as figures_asked
        from reports
        left join states on reports.report_key = states.report_key
        left join asked on reports.form = asked.form and reports.time_period = asked.time_period
    )

select
    ref_area,
    area_key,
    area_name_vi,
    district_area,
    district_key,
    province_area,
    province_key,
    form,
    calendar,
    frequency,
    time_period,
    period_end,
    status,
    case
        when status in ('not_owed', 'missing', 'held')
        then status
        when is_empty
        then 'empty'
        when is_unchanged_copy
        then 'unchanged_copy'
        when is_late
        then 'late'
        when is_declared_nil
        then 'declared_nil'
        else 'real'
    end as state,
    is_empty,
    is_unchanged_copy,
    is_declared_nil,
    is_late,
    due_date,
    received_at,
    cast(
        case when is_late then {{ day_in_vietnam("first_received_at") }} - due_date end as integer
    ) as days_late,
    consecutive_misses,
    submission_id,
    version,
    cast(
        case
            when is_received then figures_read + figures_blank + figures_held else figures_asked
        end as integer
    ) as cells_asked,
    cast(
        case when is_received then figures_read - figures_returned else 0 end as integer
    ) as cells_filled,
    cast(case when is_received then figures_zero else 0 end as integer) as cells_zero,
    cast(
        case
            report_status
            when 'received'
            then figures_held + figures_returned
            when 'held'
            then figures_asked
            else 0
        end as integer
    ) as cells_held,
    cast(households as bigint) as households
from told
