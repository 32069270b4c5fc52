-- Every version of every area since 2018.
{{ config(materialized="table") }}
with

    areas as (select * from {{ ref("stg_areas") }}),

    territories as (select * from {{ ref("int_territories") }}),

    successions as (
        select from_key, list(to_key order by to_key) as successors
        from {{ ref("dim_area_changes") }}
        group by from_key
    )

select
    areas.area_key,
    areas.ref_area,
    areas.name_vi,
    areas.full_name_vi,
    {{ without_accents("areas.name_vi") }} as name_ascii,
    areas.area_level,
    areas.area_type,
    areas.parent_area,
    areas.valid_from,
    areas.valid_to,
    successions.successors,
    territories.territory_key,
    areas.date_precision,
    areas.legal_basis,
    areas.source
from areas
left join territories on areas.area_key = territories.area_key
left join successions on areas.area_key = successions.from_key
