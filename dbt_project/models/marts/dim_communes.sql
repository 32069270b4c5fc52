-- Where every commune version lay, and what that was called. Its rows fill all time: before the
-- first
-- and after the last day of a version the nearest place holds, so that a period which only
-- touches it
-- finds one.
{{ config(materialized="table") }}
with

    communes as (select * from {{ ref("dim_areas") }} where area_level = 'commune'),

    ancestors as (
        select *
        from {{ ref("dim_area_ancestors") }}
        where ancestor_level in ('district', 'province')
    ),

    days as (
        select area_key, valid_from as day
        from ancestors
        union
        select area_key, valid_from as day
        from communes
    ),

    spans as (
        select
            area_key,
            day,
            lag(day) over (partition by area_key order by day) as day_before,
            lead(day) over (partition by area_key order by day) as day_after
        from days
    )

select
    communes.area_key,
    communes.ref_area,
    communes.name_vi,
    communes.area_type,
    districts.ancestor_area as district_area,
    districts.ancestor_name_vi as district_name_vi,
    provinces.ancestor_area as province_area,
    provinces.ancestor_name_vi as province_name_vi,
    case when spans.day_before is null then date '0001-01-01' else spans.day end as place_from,
    coalesce(spans.day_after, date '9999-12-31') as place_to
from spans
inner join communes on spans.area_key = communes.area_key
left join
    ancestors as districts
    on spans.area_key = districts.area_key
    and districts.ancestor_level = 'district'
    and {{ in_force("districts", "spans.day") }}
left join
    ancestors as provinces
    on spans.area_key = provinces.area_key
    and provinces.ancestor_level = 'province'
    and {{ in_force("provinces", "spans.day") }}
