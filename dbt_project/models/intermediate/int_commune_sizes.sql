-- How many households a commune had by each of its current reports that says so, after decisions.
with

    indicators as (select * from {{ ref("stg_indicators") }} where is_size),

    submissions as (select * from {{ ref("stg_submissions") }} where is_current),

    cells as (
        select cells.report_number, cells.indicator, cells.sent_value
        from {{ ref("stg_cells") }} as cells
        inner join indicators on cells.indicator = indicators.indicator
        where cells.measure = 'period' and cells.status = 'read'
    ),

    decisions as (select * from {{ ref("int_corrections") }}),

    periods as (
        select forms.form, periods.time_period, periods.period_end
        from {{ ref("int_periods") }} as periods
        inner join {{ ref("stg_forms") }} as forms on periods.calendar = forms.calendar
    )

select
    submissions.area_key,
    periods.period_end,
    max(
        case when decisions.choice is null then cells.sent_value else decisions.new_value end
    ) as households
from cells
inner join submissions on cells.report_number = submissions.report_number
inner join
    periods on submissions.form = periods.form and submissions.time_period = periods.time_period
left join
    decisions
    on submissions.ref_area = decisions.ref_area
    and submissions.time_period = decisions.time_period
    and cells.indicator = decisions.indicator
    and cells.sent_value = decisions.expected_value
    and decisions.measure = 'period'
group by submissions.area_key, periods.period_end
