-- How many communes each area had, and from when to when. The last stretch has no end.
with

    ancestors as (select * from {{ ref("int_area_ancestors") }} where distance > 0),

    changes as (
        select ancestor_area, ancestor_key, ancestor_name_vi, valid_from as day, 1 as change
        from ancestors
        union all
        select ancestor_area, ancestor_key, ancestor_name_vi, valid_to as day, -1 as change
        from ancestors
        where valid_to is not null
    ),

    days as (
        select
            ancestor_area,
            ancestor_key,
            max(ancestor_name_vi) as area_name_vi,
            day,
            sum(of_counts := change) as change
        from changes
        group by ancestor_area, ancestor_key, day
        having sum(of_counts := change) <> 0
    )

select
    ancestor_area as ref_area,
    ancestor_key as area_key,
    area_name_vi,
    day as valid_from,
    lead(day) over (partition by ancestor_key order by day) as valid_to,
    cast(
        sum(of_counts := change) over (partition by ancestor_key order by day) as integer
    ) as communes
from days
