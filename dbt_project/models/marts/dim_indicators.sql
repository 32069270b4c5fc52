-- The catalogue of indicators, as it is asked and rolled up.
{{ config(materialized="table") }}
with

    indicators as (select * from {{ ref("stg_indicators") }}),

    groups as (select * from {{ ref("indicator_groups") }})

select
    indicators.indicator,
    indicators.name_vi,
    indicators.name_en,
    {{ without_accents("indicators.name_vi") }} as name_ascii,
    indicators.indicator_group,
    groups.name_vi as group_name_vi,
    groups.group_order,
    indicators.statistical_kind,
    indicators.unit_measure,
    indicators.unit_measure_en,
    indicators.form,
    indicators.form_order,
    indicators.frequency,
    indicators.numerator,
    indicators.denominator,
    indicators.ratio_factor,
    indicators.rollup_areas,
    indicators.rollup_time,
    indicators.whole,
    indicators.driver,
    indicators.inflow,
    indicators.outflow,
    indicators.ceiling,
    indicators.valid_from,
    indicators.valid_to,
    indicators.decimals,
    indicators.is_sensitive,
    indicators.definition_vi,
    indicators.definition_en,
    indicators.support,
    indicators.source
from indicators
left join groups on indicators.indicator_group = groups.indicator_group
