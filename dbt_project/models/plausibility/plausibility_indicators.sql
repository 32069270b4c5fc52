-- What is counted: as a stock or a flow, as part of what, driven by what, and where on the form. In
-- the warehouse the months of an indicator are one series and its years another.
{% if var("panel", false) %}
    select indicator, statistical_kind, whole, driver, form_order
    from {{ source("panel", "indicators") }}
{% else %}
    select
        {{ series_name("indicators.indicator", "frequencies.frequency") }} as indicator,
        indicators.statistical_kind,
        {{ series_name("indicators.whole", "frequencies.frequency") }} as whole,
        {{ series_name("indicators.driver", "frequencies.frequency") }} as driver,
        frequencies.months * 10000 + indicators.form_order as form_order
    from {{ ref("stg_indicators") }} as indicators
    inner join
        {{ months_of_frequencies() }}
        on indicators.months <= frequencies.months
        and frequencies.frequency <> 'year_to_date'
    where indicators.form is not null and indicators.rollup_areas = 'sum'
{% endif %}
