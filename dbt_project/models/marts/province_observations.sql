-- Totals of provinces.
with

    totals as (select * from {{ ref("int_part_totals") }} where province_key is not null),

    {{ observations("totals", ["province_key"]) }},

    provinces as (select * from {{ ref("stg_areas") }} where area_level = 'province')

select
    provinces.ref_area,
    observed.province_key as area_key,
    provinces.name_vi as area_name_vi,
    {{ observed_columns() }}
from observed
left join provinces on observed.province_key = provinces.area_key
