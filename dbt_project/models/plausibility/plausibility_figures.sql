-- Figures as sequences: each as one of its line, and before a line begins what its parts reported.
with

    lines as (
        select lines.*, dense_rank() over (order by areas.district) as district_no
        from {{ ref("plausibility_lines") }} as lines
        inner join {{ ref("plausibility_areas") }} as areas on lines.ref_area = areas.ref_area
    ),

    periods as (select * from {{ ref("plausibility_periods") }}),

    cells as (select * from {{ ref("plausibility_amounts") }}),

    absorptions as (select * from {{ ref("plausibility_absorptions") }}),

    -- What came to be by a merger reported nothing before it, and has the households of all.
    founded as (
        select ref_area, min(from_month) as since_month
        from absorptions
        where founds and from_month = until_month
        group by ref_area
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
        select lines.line_no, absorptions.until_month, absorptions.other_area
        from lines
        inner join
            absorptions
            on lines.ref_area = absorptions.ref_area
            and lines.from_month >= absorptions.from_month
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
