-- The communes of every grouping of seeds/area_groups.csv, and from when to when. A member may be
-- an
-- area of any level: it stands for all communes below it.
with

    groups as (select * from {{ ref("area_groups") }}),

    ancestors as (select * from {{ ref("int_area_ancestors") }})

select
    groups.group_kind,
    groups.group_code,
    groups.group_name_vi,
    groups.is_exact_union,
    ancestors.area_key,
    greatest(groups.valid_from, ancestors.valid_from) as valid_from,
    least(groups.valid_to, ancestors.valid_to) as valid_to
from groups
inner join
    ancestors
    on groups.area_key = ancestors.ancestor_key
    and groups.valid_from < coalesce(ancestors.valid_to, date '9999-12-31')
    and ancestors.valid_from < coalesce(groups.valid_to, date '9999-12-31')
