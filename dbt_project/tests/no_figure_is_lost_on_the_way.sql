-- Every figure of a current report is in the grid of communes; none vanished in a join.
with

    reports as (
        select *
        from {{ ref("int_reports") }}
        where report_number is not null and {{ proven_periods() }}
    ),

    sent as (
        select reports.time_period, cells.*
        from {{ ref("stg_cells") }} as cells
        inner join reports on cells.report_number = reports.report_number
        where cells.measure = 'period' and cells.sent_value is not null
    ),

    figures as (select * from {{ ref("int_commune_figures") }} where {{ proven_periods() }}),

    indicators as (select * from {{ ref("stg_indicators") }})

select sent.report_number, sent.indicator, sent.sent_value
from sent
left join indicators on sent.indicator = indicators.indicator
left join
    figures on sent.report_number = figures.report_number and sent.indicator = figures.indicator
where
    indicators.indicator is null
    or (
        indicators.rollup_areas not in ('recompute', 'register')
        and figures.sent_value is distinct from sent.sent_value
    )
