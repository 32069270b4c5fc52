-- Totals of the country, over the communes that were asked.
with

    totals as (select *, 'VN' as country_area from {{ ref("int_part_totals") }}),

    {{ observations("totals", ["country_area"]) }},

    countries as (select * from {{ ref("stg_areas") }} where area_level = 'country')

select
    countries.ref_area,
    countries.area_key,
    countries.name_vi as area_name_vi,
    {{ observed_columns() }}
from observed
left join countries on observed.country_area = countries.ref_area
