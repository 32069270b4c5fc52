-- Figures as sequences. A line is an area with the territory that it has: a merger begins a new
-- line, whose history is
-- what its parts reported, so that a figure is always compared with the same territory, and what
-- was judged before a
-- merger stays as it was judged.
with recursive

    -- An area of unknown size is taken for one of middle size.
    areas as (
        select
            ref_area,
            district,
            case
                when households > 0
                then households
                else
                    (
                        select coalesce(median(of_counts := households), 1)
                        from {{ ref("plausibility_areas") }}
                        where households > 0
                    )
            end as households
        from {{ ref("plausibility_areas") }}
    ),

    periods as (select * from {{ ref("plausibility_periods") }}),

    cells as (select * from {{ ref("plausibility_amounts") }}),

    changes as (
        select
            changes.ref_area,
            changes.other_area,
            changes.founds,
            periods.first_month as change_month
        from {{ ref("plausibility_changes") }} as changes
        inner join periods on changes.time_period = periods.time_period
    ),

    -- What came to be by a merger reported nothing before it, and has the households of all.
    founded as (
        select ref_area, min(change_month) as since_month
        from changes
        where founds
        group by ref_area
    ),

    -- Which areas an area has absorbed since when, itself or with others that had absorbed them,
    -- and until when they reported themselves.
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
    ),

    territories as (
        select ref_area, -1 as from_month
        from areas
        union
        select ref_area, change_month
        from changes
    ),

    sized as (
        select
            territories.ref_area,
            territories.from_month,
            any_value(areas.households) + coalesce(
                sum(of_counts := others.households) filter (where not absorbed.founds), 0
            ) as households
        from territories
        inner join areas on territories.ref_area = areas.ref_area
        left join
            absorbed
            on territories.ref_area = absorbed.ref_area
            and territories.from_month >= absorbed.from_month
        left join areas as others on absorbed.other_area = others.ref_area
        group by territories.ref_area, territories.from_month
    ),

    lines as (
        select
            row_number() over (order by sized.ref_area, sized.from_month) as line_no,
            sized.ref_area,
            dense_rank() over (order by areas.district) as district_no,
            sized.from_month,
            lead(sized.from_month, 1, 1000000) over (
                partition by sized.ref_area order by sized.from_month
            ) as until_month,
            ln(sized.households) as log_size
        from sized
        inner join areas on sized.ref_area = areas.ref_area
    ),

    own as (
        select
            lines.line_no,
            lines.district_no,
            lines.log_size,
            cells.* exclude (end_month),
            true as is_judged
        from cells
        inner join lines on cells.ref_area = lines.ref_area
        where cells.end_month > lines.from_month and cells.end_month <= lines.until_month
    ),

    parts as (
        select lines.line_no, lines.from_month, lines.ref_area as part_area
        from lines
        where lines.from_month >= 0
        union all
        select lines.line_no, absorbed.until_month, absorbed.other_area
        from lines
        inner join
            absorbed
            on lines.ref_area = absorbed.ref_area
            and lines.from_month >= absorbed.from_month
    ),

    -- A sum of which a part is missing is no history.
    owed as (
        select parts.line_no, periods.time_period, count(*) as parts
        from parts
        left join founded on parts.part_area = founded.ref_area
        inner join
            periods
            on periods.end_month <= parts.from_month
            and periods.end_month > coalesce(founded.since_month, -1)
        group by parts.line_no, periods.time_period
    ),

    restated as (
        select
            lines.line_no,
            lines.district_no,
            lines.log_size,
            lines.ref_area,
            cells.time_period,
            cells.series_no,
            cells.period_no,
            cells.year,
            sum(of_counts := cells.reported) as reported,
            sum(of_counts := cells.amount) as amount,
            cast(null as varchar) as decision,
            false as is_judged
        from lines
        inner join parts on lines.line_no = parts.line_no
        inner join cells on parts.part_area = cells.ref_area and cells.end_month <= parts.from_month
        inner join owed on lines.line_no = owed.line_no and cells.time_period = owed.time_period
        group by all
        having count(*) = any_value(owed.parts)
    ),

    figures as (
        select *
        from own
        union all by name
        select *
        from restated
    )

select
    line_no,
    district_no,
    log_size,
    ref_area,
    time_period,
    series_no,
    period_no,
    year,
    reported,
    amount,
    least({{ log_amount("greatest(amount, 0)") }}, 30) as log_amount,
    decision,
    is_judged
from figures
