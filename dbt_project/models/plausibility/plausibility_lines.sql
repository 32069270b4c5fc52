-- A line is an area with the territory that it has: a merger begins a new line, whose history is
-- what its parts reported, so that a figure is always compared with the same territory, and what
-- was judged before a merger stays as it was judged. A line stays what it was when it began.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
    )
}}
with

    areas as (select * from {{ ref("plausibility_areas") }}),

    absorptions as (select * from {{ ref("plausibility_absorptions") }}),

    -- An area of unknown size is taken for one of middle size.
    sizes as (
        select
            ref_area,
            case
                when households > 0
                then households
                else
                    (
                        select coalesce(median(of_counts := households), 1)
                        from areas
                        where households > 0
                    )
            end as households
        from areas
    ),

    territories as (
        select ref_area, -1 as from_month
        from areas
        union
        select ref_area, from_month
        from absorptions
    ),

    sized as (
        select
            territories.ref_area,
            territories.from_month,
            any_value(sizes.households) + coalesce(
                sum(of_counts := others.households) filter (where not absorptions.founds), 0
            ) as households
        from territories
        inner join sizes on territories.ref_area = sizes.ref_area
        left join
            absorptions
            on territories.ref_area = absorptions.ref_area
            and territories.from_month >= absorptions.from_month
        left join sizes as others on absorptions.other_area = others.ref_area
        group by territories.ref_area, territories.from_month
    ),

    lines as (
        select
            areas.area_number * 100000 + sized.from_month + 1 as line_no,
            sized.ref_area,
            sized.from_month,
            lead(sized.from_month, 1, 1000000) over (
                partition by sized.ref_area order by sized.from_month
            ) as until_month,
            ln(sized.households) as log_size,
            true as is_new
        from sized
        inner join areas on sized.ref_area = areas.ref_area
    )

select *
from lines
{% if is_incremental() %} where line_no not in (select line_no from {{ this }}) {% endif %}
