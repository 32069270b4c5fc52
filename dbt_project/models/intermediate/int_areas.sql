-- The versions of areas, numbered, because there are millions of reports: a number is cheaper to
-- join
-- and to sort by than a word.
select
    cast(row_number() over (order by area_key) as bigint) as area_number,
    area_key,
    ref_area,
    name_vi,
    area_level,
    valid_from,
    valid_to
from {{ ref("stg_areas") }}
