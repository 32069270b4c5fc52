-- On its first day each commune has a district or grouping only if one exists, but always a
-- province.
select communes.area_key
from {{ ref("stg_areas") }} as communes
left join
    {{ ref("int_area_ancestors") }} as provinces
    on communes.area_key = provinces.area_key
    and provinces.ancestor_level = 'province'
    and {{ in_force("provinces", "communes.valid_from") }}
where communes.area_level = 'commune' and provinces.area_key is null
