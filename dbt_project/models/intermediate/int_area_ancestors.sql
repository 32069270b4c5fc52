-- For every commune the areas above it, and from when to when: the only way up in the whole
-- project. It begins with the commune itself (distance 0). Since there are no districts, their
-- place is taken by a grouping of communes (seeds/area_groups.csv): the former district that gave
-- a commune its largest share.
with recursive

    areas as (select * from {{ ref("stg_areas") }}),

    groups as (
        select * from {{ ref("area_groups") }} where group_kind = '{{ var("district_grouping") }}'
    ),

    climbs as (
        select
            area_key,
            ref_area,
            ref_area as ancestor_area,
            area_key as ancestor_key,
            name_vi as ancestor_name_vi,
            area_level as ancestor_level,
            parent_area as next_area,
            valid_from,
            valid_to
        from areas
        where area_level = 'commune'
        union all
        select
            climbs.area_key,
            climbs.ref_area,
            areas.ref_area as ancestor_area,
            areas.area_key as ancestor_key,
            areas.name_vi as ancestor_name_vi,
            areas.area_level as ancestor_level,
            areas.parent_area as next_area,
            greatest(climbs.valid_from, areas.valid_from) as valid_from,
            least(climbs.valid_to, areas.valid_to) as valid_to
        from climbs
        inner join
            areas
            on climbs.next_area = areas.ref_area
            and areas.valid_from < coalesce(climbs.valid_to, date '9999-12-31')
            and climbs.valid_from < coalesce(areas.valid_to, date '9999-12-31')
    ),

    former_districts as (
        select ref_area, max(area_key) as area_key
        from areas
        where area_level = 'district'
        group by ref_area
    ),

    memberships as (
        select
            groups.area_key,
            groups.ref_area,
            groups.group_code as ancestor_area,
            coalesce(
                former_districts.area_key, groups.group_kind || '.' || groups.group_code
            ) as ancestor_key,
            groups.group_name_vi as ancestor_name_vi,
            'district' as ancestor_level,
            groups.group_kind as grouping,
            groups.is_exact_union,
            groups.valid_from,
            groups.valid_to
        from groups
        left join former_districts on groups.group_code = former_districts.ref_area
    ),

    all_levels as (
        select
            area_key,
            ref_area,
            ancestor_area,
            ancestor_key,
            ancestor_name_vi,
            ancestor_level,
            ancestor_level as grouping,
            true as is_exact_union,
            valid_from,
            valid_to
        from climbs
        union all
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
        from memberships
    )

select
    area_key,
    ref_area,
    ancestor_area,
    ancestor_key,
    ancestor_name_vi,
    ancestor_level,
    case
        ancestor_level when 'commune' then 0 when 'district' then 1 when 'province' then 2 else 3
    end as distance,
    grouping,
    is_exact_union,
    valid_from,
    valid_to
from all_levels
