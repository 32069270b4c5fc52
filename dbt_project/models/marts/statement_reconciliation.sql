-- Published statements beside the sum of the communes. Percentages and lower bounds are held as
-- statements; what cannot be compared says why. Nothing here ever enters a series or an average.
with

    statements as (select * from {{ ref("stg_statements") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    totals as (
        select *
        from {{ ref("int_observations_rolled_up") }}
        where area_level in ('district', 'province')
    ),

    compared as (
        select
            statements.*,
            indicators.name_vi as indicator_name_vi,
            totals.area_key,
            totals.area_name_vi,
            totals.obs_value as communes_value,
            totals.lower_bound,
            totals.upper_bound,
            totals.areas_expected,
            totals.areas_reported,
            totals.areas_held,
            totals.areas_reported = totals.areas_expected as is_complete,
            case
                when statements.qualifier <> '=' or statements.statistical_kind = 'ratio'
                then 'held_as_statement'
                when statements.breakdown_of is not null
                then 'is_a_part'
                when statements.time_period is null
                then 'no_period'
                when coalesce(totals.areas_reported, 0) = 0
                then 'no_commune_reported'
            end as obstacle
        from statements
        left join indicators on statements.indicator = indicators.indicator
        left join
            totals
            on statements.ref_area = totals.ref_area
            and statements.time_period = totals.time_period
            and statements.indicator = totals.indicator
    ),

    judged as (
        select
            *,
            case
                when obstacle is not null
                then obstacle
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
    case
        when verdict in ('equal', 'differs')
        then cast(stated_value - communes_value as decimal(18, 4))
    end as difference,
    areas_expected,
    areas_reported,
    areas_held,
    case
        when verdict in ('equal', 'differs', 'held_as_statement') then verdict else 'not_comparable'
    end as status,
    case when verdict not in ('equal', 'differs') then verdict end as reason,
    remarks
from judged
