-- Totals of districts; since 2025-07-01, when districts ended, of the former district over its
-- successors.
with

    totals as (select * from {{ ref("int_part_totals") }} where district_key is not null),

    {{ observations("totals", ["district_area", "district_key"]) }},

    districts as (
        select
            ancestor_key,
            max(ancestor_name_vi) as name_vi,
            max(grouping) filter (grouping <> 'district') as later_grouping,
            coalesce(
                bool_and(is_exact_union) filter (grouping <> 'district'), false
            ) as is_exact_union
        from {{ ref("int_area_ancestors") }}
        where ancestor_level = 'district'
        group by ancestor_key
    ),

    areas as (select * from {{ ref("stg_areas") }} where area_level = 'district')

select
    observed.district_area as ref_area,
    observed.district_key as area_key,
    districts.name_vi as area_name_vi,
    observed.province_area,
    case
        when {{ in_force("areas", "observed.period_end") }}
        then 'district'
        else districts.later_grouping
    end as grouping,
    coalesce({{ in_force("areas", "observed.period_end") }}, false)
    or districts.is_exact_union as is_exact_union,
    {{ observed_columns() }}
from observed
left join districts on observed.district_key = districts.ancestor_key
left join areas on observed.district_key = areas.area_key
