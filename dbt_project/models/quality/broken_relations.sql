-- Figures that do not fit another figure of the same commune and period, by the relations of the
-- catalogue: a part exceeds its whole, or an indicator is out of proportion to what drives it.
with

    figures as (select * from {{ ref("judged_figures") }}),

    others as (
        select area_key, time_period, indicator, obs_value
        from {{ ref("known_figures") }}
        where obs_value is not null
    ),

    relations as (
        select
            indicator,
            'whole' as relation,
            whole as other_indicator,
            whole_severity as severity,
            null as lowest_ratio,
            null as highest_ratio
        from {{ ref("stg_indicators") }}
        where whole is not null
        union all
        select
            indicator,
            'driver' as relation,
            driver as other_indicator,
            driver_severity as severity,
            driver_min as lowest_ratio,
            driver_max as highest_ratio
        from {{ ref("stg_indicators") }}
        where driver is not null
    ),

    pairs as (
        select
            figures.*,
            relations.severity,
            relations.other_indicator,
            others.obs_value as other_value,
            cast(ceil(others.obs_value * relations.lowest_ratio) as decimal(18, 4)) as lowest,
            cast(floor(others.obs_value * relations.highest_ratio) as decimal(18, 4)) as highest,
            case
                when relations.relation = 'whole' and figures.obs_value > others.obs_value
                then 'parts_do_not_exceed_whole'
                when
                    relations.relation = 'driver' and figures.obs_value > 0 and others.obs_value = 0
                then 'zero_driver_means_zero'
                when
                    relations.relation = 'driver'
                    and figures.obs_value > 0
                    and (
                        figures.obs_value < others.obs_value * relations.lowest_ratio
                        or figures.obs_value > others.obs_value * relations.highest_ratio
                    )
                then 'ratio_to_driver_is_usual'
            end as check_name
        from figures
        inner join relations on figures.indicator = relations.indicator
        inner join
            others
            on figures.area_key = others.area_key
            and figures.time_period = others.time_period
            and relations.other_indicator = others.indicator
    )

select
    check_name,
    case when check_name <> 'zero_driver_means_zero' then severity end as severity,
    area_key,
    calendar,
    time_period,
    indicator,
    obs_value,
    case when check_name = 'ratio_to_driver_is_usual' then lowest else 0 end as expected_low,
    case
        check_name
        when 'parts_do_not_exceed_whole'
        then other_value
        when 'ratio_to_driver_is_usual'
        then highest
        else 0
    end as expected_high,
    cast(null as decimal(18, 4)) as suggested_value,
    other_indicator,
    other_value,
    'quality.range' as limit_phrase,
    cast(null as varchar) as reason_phrase,
    cast(null as date) as reason_date,
    is_settled,
    decision,
    submission_id,
    sheet,
    cell
from pairs
where check_name is not null
