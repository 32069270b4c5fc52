-- depends_on: {{ ref('int_reported_periods') }}
-- How many households a commune had by each of its current reports that says so, after decisions.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_sizes(this) }}", "{{ sides_as_written() }}"],
        post_hook="{{ sides_as_estimated() }}",
    )
}}
with

    indicators as (select * from {{ ref("stg_indicators") }} where is_size),

    submissions as (select * from {{ ref("stg_versions") }} where is_current),

    -- A cell without a figure says nothing.
    cells as (
        select cells.report_number, cells.indicator, cells.sent_value
        from {{ ref("stg_cells") }} as cells
        inner join indicators on cells.indicator = indicators.indicator
        where cells.measure = 'period' and cells.sent_value is not null
    ),

    decisions as (select * from {{ ref("int_corrections") }}),

    areas as (select * from {{ ref("int_areas") }}),

    periods as (
        select *
        from {{ ref("int_form_periods") }}
        {% if is_incremental() %}
            where
                period_end
                in (select period_end from {{ ref("int_reported_periods") }} where is_to_lay_out)
        {% endif %}
    )

select
    areas.area_number,
    periods.period_end,
    max(
        case when decisions.choice is null then cells.sent_value else decisions.new_value end
    ) as households
from cells
inner join submissions on cells.report_number = submissions.report_number
inner join
    periods on submissions.form = periods.form and submissions.time_period = periods.time_period
inner join areas on submissions.area_key = areas.area_key
left join
    decisions
    on submissions.ref_area = decisions.ref_area
    and submissions.time_period = decisions.time_period
    and cells.indicator = decisions.indicator
    and cells.sent_value = decisions.expected_value
    and decisions.measure = 'period'
group by areas.area_number, periods.period_end
having
    max(case when decisions.choice is null then cells.sent_value else decisions.new_value end)
    is not null
