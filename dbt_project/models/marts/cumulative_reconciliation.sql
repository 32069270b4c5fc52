-- Figures from the start of the year as they were sent ("lũy kế") beside the sum of the figures of
-- the year's periods ("trong kỳ"), of the same length as the report's. They are two measures that
-- should agree; neither is ever put in the place of the other.
{{ config(materialized="view") }}
with

    sent as (select * from {{ ref("int_cumulative_figures") }}),

    periods as (select * from {{ ref("int_periods") }}),

    period_parts as (select * from {{ ref("dim_period_parts") }}),

    observations as (select * from {{ ref("commune_observations") }}),

    indicators as (select * from {{ ref("stg_indicators") }}),

    cumulative as (
        select
            sent.ref_area,
            sent.area_key,
            sent.area_name_vi,
            sent.district_area,
            sent.province_area,
            sent.calendar,
            sent.frequency,
            sent.time_period,
            to_date.time_period as to_date_period,
            sent.indicator,
            indicators.rollup_time,
            sent.obs_value as cumulative_value,
            indicators.unit_measure,
            sent.submission_id,
            sent.sheet,
            sent.cell
        from sent
        inner join indicators on sent.indicator = indicators.indicator
        inner join
            periods as to_date
            on sent.calendar = to_date.calendar
            and sent.period_end = to_date.period_end
            and to_date.frequency = 'year_to_date'
        where sent.obs_value is not null and indicators.rollup_time = 'sum'
    ),

    compared as (
        select
            cumulative.ref_area,
            cumulative.area_key,
            cumulative.area_name_vi,
            cumulative.district_area,
            cumulative.province_area,
            cumulative.calendar,
            cumulative.frequency,
            cumulative.time_period,
            cumulative.to_date_period,
            cumulative.indicator,
            cumulative.cumulative_value,
            cumulative.unit_measure,
            cumulative.submission_id,
            cumulative.sheet,
            cumulative.cell,
            case
                when cumulative.rollup_time = 'sum'
                then cast(sum(over_time := observations.obs_value) as decimal(18, 4))
            end as sum_of_periods,
            count(*) as periods_expected,
            count(observations.obs_value) as periods_included
        from cumulative
        inner join
            period_parts
            on cumulative.calendar = period_parts.calendar
            and cumulative.to_date_period = period_parts.time_period
            and cumulative.frequency = period_parts.part_frequency
        left join
            observations
            on cumulative.area_key = observations.area_key
            and cumulative.calendar = observations.calendar
            and period_parts.part_period = observations.time_period
            and cumulative.indicator = observations.indicator
        group by
            cumulative.ref_area,
            cumulative.area_key,
            cumulative.area_name_vi,
            cumulative.district_area,
            cumulative.province_area,
            cumulative.calendar,
            cumulative.frequency,
            cumulative.time_period,
            cumulative.to_date_period,
            cumulative.indicator,
            cumulative.rollup_time,
            cumulative.cumulative_value,
            cumulative.unit_measure,
            cumulative.submission_id,
            cumulative.sheet,
            cumulative.cell
    )

select
    ref_area,
    area_key,
    area_name_vi,
    district_area,
    province_area,
    calendar,
    frequency,
    time_period,
    to_date_period,
    indicator,
    unit_measure,
    cumulative_value,
    case when periods_included = periods_expected then sum_of_periods end as periods_value,
    case when periods_included < periods_expected then sum_of_periods end as partial_value,
    case
        when periods_included = periods_expected
        then cast(cumulative_value - sum_of_periods as decimal(18, 4))
    end as difference,
    cast(periods_expected as integer) as periods_expected,
    cast(periods_included as integer) as periods_included,
    case
        when cumulative_value < sum_of_periods
        then 'differs'
        when periods_included < periods_expected
        then 'periods_missing'
        when cumulative_value > sum_of_periods
        then 'differs'
        else 'equal'
    end as status,
    submission_id,
    sheet,
    cell
from compared
