-- Which areas an area has absorbed since when, itself or with others that had absorbed them, and
-- until when they reported themselves.
with recursive

    periods as (select * from {{ ref("plausibility_periods") }}),

    changes as (
        select
            changes.ref_area,
            changes.other_area,
            changes.founds,
            periods.first_month as change_month
        from {{ ref("plausibility_changes") }} as changes
        inner join periods on changes.time_period = periods.time_period
    ),

    absorbed as (
        select ref_area, founds, change_month as from_month, other_area, change_month as until_month
        from changes
        union
        select
            absorbed.ref_area,
            absorbed.founds,
            absorbed.from_month,
            changes.other_area,
            changes.change_month
        from absorbed
        inner join
            changes
            on absorbed.other_area = changes.ref_area
            and absorbed.until_month >= changes.change_month
    )

select *
from absorbed
