-- Every figure to be judged or remembered, as it stands: a corrected one is judged anew, and what a
-- person returned to its sender is no history of anything.
{% if var("panel", false) %}
    select ref_area, time_period, indicator, obs_value
    from {{ source("panel", "cells") }}
    where obs_value is not null
{% else %}
    with

        reports as (
            select *
            from {{ ref("int_reports") }}
            where
                is_counted
                and time_period
                in (select time_period from {{ ref("judged_periods") }} where is_in_hand)
        ),

        indicators as (
            select *
            from {{ ref("stg_indicators") }}
            where form is not null and rollup_areas = 'sum'
        ),

        figures as ({{ sent_figures("reports", "period") }})

    select
        figures.area_key as ref_area,
        figures.time_period,
        {{ series_name("figures.indicator", "figures.frequency") }} as indicator,
        figures.obs_value
    from figures
    inner join indicators on figures.indicator = indicators.indicator
    where figures.obs_value is not null
{% endif %}
