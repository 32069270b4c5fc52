-- One row per indicator, numbered as on the form, with the numbers of what it is a part of and of
-- what
-- drives it. Where the form of a panel leaves the order open, what was reported first decides,
-- never
-- a code; the catalogue leaves nothing open, and its numbers stay from build to build.
with

    indicators as (select * from {{ ref("plausibility_indicators") }}),

    {% if var("panel", false) %}
        middles as (
            select
                cells.indicator,
                periods.end_month,
                median(
                    of_logs := {{ log_amount("greatest(cast(cells.obs_value as double), 0)") }}
                ) as middle
            from {{ ref("plausibility_cells") }} as cells
            inner join
                {{ ref("plausibility_periods") }} as periods
                on cells.time_period = periods.time_period
            group by cells.indicator, periods.end_month
        ),

        beginnings as (
            select
                indicator, min(end_month) as first_month, arg_min(middle, end_month) as first_middle
            from middles
            group by indicator
        ),
    {% endif %}

    numbered as (
        select
            row_number() over (
                order by
                    indicators.form_order,
                    {% if var("panel", false) %}
                        indicators.statistical_kind,
                        beginnings.first_month,
                        beginnings.first_middle,
                    {% endif %}
                    indicators.indicator
            ) as series_no,
            indicators.indicator,
            indicators.statistical_kind,
            indicators.whole,
            indicators.driver
        from indicators
        {% if var("panel", false) %}
            left join beginnings on indicators.indicator = beginnings.indicator
        {% endif %}
    )

select
    numbered.series_no,
    numbered.indicator,
    numbered.statistical_kind,
    wholes.series_no as whole_no,
    drivers.series_no as driver_no
from numbered
left join numbered as wholes on numbered.whole = wholes.indicator
left join numbered as drivers on numbered.driver = drivers.indicator
