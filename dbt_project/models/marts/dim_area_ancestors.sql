-- The areas above every commune version, and from when to when. Since 2025-07-01 the district is
-- the grouping that stands for it.
select
    area_key,
    ref_area,
    ancestor_area,
    ancestor_key,
    ancestor_name_vi,
    ancestor_level,
    grouping,
    is_exact_union,
    valid_from,
    valid_to
from {{ ref("int_area_ancestors") }}
