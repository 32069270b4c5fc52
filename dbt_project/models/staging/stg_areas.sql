-- Every version of every area, and the name under which a sentence can speak of it: the area and
-- what it lay in when it began.
with areas as (select * from {{ ref("areas") }})

select
    areas.area_key,
    areas.ref_area,
    areas.name_vi,
    areas.level as area_level,
    areas.area_type,
    areas.parent_area,
    areas.valid_from,
    areas.valid_to,
    areas.date_precision,
    areas.legal_basis,
    areas.source,
    areas.name_vi || case
        when areas.level = 'commune' then coalesce(', ' || parents.name_vi, '') else ''
    end as full_name_vi
from areas
left join
    areas as parents
    on areas.parent_area = parents.ref_area
    and {{ in_force("parents", "areas.valid_from") }}
