-- What a report does not say itself: that it repeats the one before it, that it is one more miss in
-- a row, that figures of it were sent back. Only reports of which something is to be told are here,
-- so that the marts above stay views over int_reports.
with

    reports as (
        select *, is_owed and report_status = 'missing' as is_missed from {{ ref("int_reports") }}
    ),

    followed as not materialized(
        select
            reports.*,
            coalesce(territories.territory_number, reports.area_number) as territory_number
        from reports
        left join
            {{ ref("int_territories") }} as territories
            on reports.area_number = territories.area_number
    ),

    -- To put all reports in order costs more than to find where that can tell anything.
    telling as (
        select territory_number, series
        from followed
        where figures_digest is not null
        group by territory_number, series, figures_digest
        having count(*) > 1
        union
        select territory_number, series
        from followed
        where is_missed
    ),

    in_order as (
        select
            report_key,
            series,
            period_end,
            is_missed,
            territory_number,
            figures_read - figures_zero >= {{ var("copy_minimum") }}
            and figures_digest = lag(figures_digest) over in_time
            and period_start = lag(period_end) over in_time + 1 as is_copy,
            -- The same number in each row of one run of misses.
            count(*) filter (is_owed and not is_missed) over in_time as times_sent
        from followed
        semi join telling using (territory_number, series)
        window in_time as (partition by territory_number, series order by period_end, area_number)
    ),

    copies as (
        select report_key, true as is_unchanged_copy, 0 as misses, 0 as returned
        from in_order
        where is_copy
    ),

    misses as (
        select
            report_key,
            false as is_unchanged_copy,
            row_number() over (
                partition by territory_number, series, times_sent order by period_end
            ) as misses,
            0 as returned
        from in_order
        where is_missed
    ),

    -- Only a few reports have decisions, so only their cells are looked at.
    returned as (
        select reports.report_key, false as is_unchanged_copy, 0 as misses, count(*) as returned
        from reports
        inner join
            {{ ref("int_corrections") }} as corrections
            on reports.ref_area = corrections.ref_area
            and reports.time_period = corrections.time_period
            and corrections.choice in ('return', 'hold')
            and corrections.measure = 'period'
        inner join
            {{ ref("stg_cells") }} as cells
            on reports.report_number = cells.report_number
            and cells.measure = 'period'
            and cells.indicator = corrections.indicator
            and cells.sent_value = corrections.expected_value
        where reports.has_decisions
        group by reports.report_key
    ),

    told as (
        select *
        from copies
        union all
        select *
        from misses
        union all
        select *
        from returned
    ),

    states as (
        select
            report_key,
            bool_or(is_unchanged_copy) as is_unchanged_copy,
            cast(max(misses) as integer) as consecutive_misses,
            cast(max(returned) as integer) as figures_returned
        from told
        group by report_key
    )

select reports.area_key, reports.form, reports.time_period, states.*
from reports
inner join states on reports.report_key = states.report_key
