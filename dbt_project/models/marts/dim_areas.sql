-- Every version of every area since 2018.
{{ config(materialized="table") }}
select
    area_key,
    ref_area,
    name_vi,
    full_name_vi,
    area_level,
    area_type,
    parent_area,
    valid_from,
    valid_to,
    date_precision,
    legal_basis,
    source
from {{ ref("stg_areas") }}
