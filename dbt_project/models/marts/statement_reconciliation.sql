-- Published statements beside the sum of the communes, of one period or of the periods that fill
-- the years a statement names. What cannot be compared says why: percentages, open starts, one
-- channel of several. "More than" is a lower bound and is compared as one, "about" within a margin;
-- both, like several years, only where all communes are in. Nothing here ever enters a series or
-- an average.
{{ config(materialized="table") }}
with

    statements as (select * from {{ ref("stg_statements") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    totals as (
        select * exclude (province_area, grouping, is_exact_union)
        from {{ ref("district_observations") }}
        where {{ stated_figures() }}
        union all
        select *
        from {{ ref("province_observations") }}
        where {{ stated_figures() }}
        union all
        select *
        from {{ ref("national_observations") }}
        where {{ stated_figures() }}
    ),

    of_one_period as (
        select
            statements.statement,
            totals.area_key,
            totals.area_name_vi,
            totals.obs_value as communes_value,
            totals.lower_bound,
            totals.upper_bound,
            totals.areas_expected,
            totals.areas_included,
            totals.areas_held,
            totals.households_covered_pct,
            statements.time_period as last_period,
            1 as periods_expected,
            case when totals.areas_included > 0 then 1 else 0 end as periods_included,
            case
                when totals.areas_included = totals.areas_expected then 1 else 0
            end as periods_complete,
            1 as areas_compared
        from statements
        left join indicators on statements.indicator = indicators.indicator
        inner join
            totals
            on statements.ref_area = totals.ref_area
            and statements.time_period = totals.time_period
            and statements.indicator = totals.indicator
            and totals.calendar = coalesce(indicators.calendar, totals.calendar)
    ),

    windows as (
        select
            statements.*,
            parts.calendar,
            parts.part_frequency,
            parts.part_period,
            parts.position,
            parts.parts_expected,
            indicators.rollup_time
        from statements
        inner join
            {{ ref("int_statement_periods") }} as parts on statements.statement = parts.statement
        inner join indicators on statements.indicator = indicators.indicator
    ),

    of_windows as (
        select
            windows.statement,
            max(totals.area_key) as area_key,
            max(totals.area_name_vi) as area_name_vi,
            case
                when windows.rollup_time = 'sum'
                then cast(sum(over_time := totals.obs_value) as decimal(18, 4))
            end as communes_value,
            cast(null as decimal(18, 4)) as lower_bound,
            cast(null as decimal(18, 4)) as upper_bound,
            max(totals.areas_expected) as areas_expected,
            case
                when count(totals.area_key) = windows.parts_expected
                then min(totals.areas_included)
                else 0
            end as areas_included,
            max(totals.areas_held) as areas_held,
            min(totals.households_covered_pct) as households_covered_pct,
            arg_max(windows.part_period, windows.position) as last_period,
            windows.parts_expected as periods_expected,
            count(*) filter (totals.areas_included > 0) as periods_included,
            count(*) filter (totals.areas_included = totals.areas_expected) as periods_complete,
            count(distinct totals.area_key) as areas_compared
        from windows
        left join
            totals
            on windows.ref_area = totals.ref_area
            and windows.calendar = totals.calendar
            and windows.part_period = totals.time_period
            and windows.indicator = totals.indicator
        group by
            windows.statement,
            windows.channel,
            windows.indicator,
            windows.rollup_time,
            windows.calendar,
            windows.part_frequency,
            windows.parts_expected
    ),

    -- The stated period itself goes first, then the longest periods that are complete.
    candidates as (
        select *, 1 as preference
        from of_one_period
        union all
        select *, 2 as preference
        from of_windows
    ),

    chosen as (
        select
            *,
            row_number() over (
                partition by statement
                order by
                    periods_included = 0,
                    preference,
                    periods_complete < periods_expected,
                    periods_included / periods_expected desc,
                    periods_expected,
                    area_key
            ) as best_first
        from candidates
    ),

    compared as (
        select
            statements.*,
            indicators.name_vi as indicator_name_vi,
            chosen.* exclude (statement, periods_complete, areas_compared, preference, best_first),
            chosen.periods_complete = chosen.periods_expected as is_complete,
            case
                when statements.qualifier = '=' and statements.statistical_kind = 'ratio'
                then 'held_as_statement'
                when statements.breakdown_of is not null
                then 'is_a_part'
                when statements.time_period is null and chosen.statement is null
                then 'no_period'
                when coalesce(chosen.periods_included, 0) = 0
                then 'no_commune_reported'
                when chosen.areas_compared > 1
                then 'area_changed'
                when statements.qualifier <> '=' and chosen.communes_value is null
                then 'not_additive'
            end as obstacle
        from statements
        left join indicators on statements.indicator = indicators.indicator
        left join chosen on statements.statement = chosen.statement and chosen.best_first = 1
    ),

    judged as (
        select
            *,
            case
                when obstacle is not null
                then obstacle
                when qualifier <> '=' and channel is not null
                then 'one_channel'
                when (qualifier <> '=' or periods_included < periods_expected) and not is_complete
                then 'communes_missing'
                when qualifier = '>'
                then
                    case when communes_value > stated_value then 'consistent' else 'contradicts' end
                when qualifier = '~'
                then
                    case
                        when
                            100 * abs(communes_value - stated_value)
                            <= {{ var("about_pct") }} * abs(stated_value)
                        then 'consistent'
                        else 'contradicts'
                    end
                when communes_value = stated_value
                then 'equal'
                when communes_value is null and lower_bound > stated_value
                then 'differs'
                when communes_value is null and upper_bound < stated_value and is_complete
                then 'differs'
                when communes_value is null
                then 'not_additive'
                when channel is not null and communes_value > stated_value
                then 'one_channel'
                when communes_value < stated_value and not is_complete
                then 'communes_missing'
                else 'differs'
            end as verdict
        from compared
    ),

    -- What stays a statement and what is no comparison have no difference.
    told as (
        select
            *,
            case
                when verdict in ('equal', 'differs', 'consistent', 'contradicts')
                then cast(stated_value - communes_value as decimal(18, 4))
            end as difference
        from judged
    )

select
    statement,
    source_file,
    place_as_named,
    ref_area,
    area_key,
    area_name_vi,
    period_as_stated,
    period_start,
    period_end,
    time_period,
    indicator,
    indicator_name_vi,
    statistical_kind,
    value_as_printed,
    stated_value,
    qualifier,
    unit_measure,
    channel,
    breakdown_of,
    communes_value,
    lower_bound,
    upper_bound,
    difference,
    cast(
        round(100 * difference / nullif(communes_value, 0), 4) as decimal(18, 4)
    ) as difference_pct,
    areas_expected,
    areas_included,
    areas_held,
    households_covered_pct,
    last_period,
    cast(periods_expected as integer) as periods_expected,
    cast(periods_included as integer) as periods_included,
    case
        when verdict in ('equal', 'differs', 'consistent', 'contradicts', 'held_as_statement')
        then verdict
        else 'not_comparable'
    end as status,
    case
        when verdict not in ('equal', 'differs', 'consistent', 'contradicts') then verdict
    end as reason,
    remarks
from told
