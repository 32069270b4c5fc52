-- What every commune was asked and what it sent, after review. A value that is not there says why.
with

    figures as (select * from {{ ref("int_commune_figures") }}),

    indicators as (select * from {{ ref("stg_indicators") }})

select
    figures.ref_area,
    figures.area_key,
    figures.area_name_vi,
    figures.district_area,
    figures.province_area,
    figures.calendar,
    figures.frequency,
    figures.time_period,
    figures.indicator,
    figures.obs_value,
    figures.value_status,
    indicators.unit_measure,
    indicators.statistical_kind,
    figures.numerator,
    figures.denominator,
    case when indicators.rollup_areas = 'bounds' then figures.obs_value end as lower_bound,
    case when indicators.rollup_areas = 'bounds' then figures.obs_value end as upper_bound,
    figures.submission_id,
    figures.version
from figures
inner join indicators on figures.indicator = indicators.indicator
