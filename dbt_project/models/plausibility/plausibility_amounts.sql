-- Figures as amounts to compare, none of them for publication: a decision of a person goes before
-- what was reported.
with

    series as (select * from {{ ref("plausibility_series") }}),

    cells as (
        select
            cells.ref_area,
            cells.time_period,
            series.series_no,
            periods.period_no,
            periods.year,
            periods.end_month,
            cast(cells.obs_value as double) as reported,
            cast(
                case
                    when decisions.decision = 'corrected'
                    then coalesce(decisions.corrected_value, cells.obs_value)
                    else cells.obs_value
                end as double
            ) as amount,
            decisions.decision
        from {{ ref("plausibility_cells") }} as cells
        inner join series on cells.indicator = series.indicator
        inner join
            {{ ref("plausibility_periods") }} as periods on cells.time_period = periods.time_period
        left join
            {{ ref("plausibility_decisions") }} as decisions
            on cells.ref_area = decisions.ref_area
            and cells.time_period = decisions.time_period
            and cells.indicator = decisions.indicator
            and cells.obs_value = decisions.obs_value
    )

select *
from cells
