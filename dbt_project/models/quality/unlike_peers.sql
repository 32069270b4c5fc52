-- Figures far from those of the communes of the same province and period, on a log scale: per
-- size_indicator where a commune has a believable one, else only if they are far in both ways, with
-- it and without. Centre and spread are medians, so that one absurd figure moves nobody else's
-- judgement; small counts get the spread that small counts have. A slip of one to three digits is
-- suggested when it lands near the centre.
with

    figures as (
        select figures.*, indicators.decimals
        from {{ ref("judged_figures") }} as figures
        inner join
            {{ ref("stg_indicators") }} as indicators on figures.indicator = indicators.indicator
        where indicators.rollup_areas = 'sum' and figures.obs_value > 0
    ),

    sizes as (
        select province_area, time_period, area_key, ln(obs_value) as log_size
        from figures
        where indicator = '{{ var("size_indicator") }}' and not is_settled
    ),

    size_centres as (
        select province_area, time_period, {{ median_of("log_size") }} as centre
        from sizes
        group by province_area, time_period
    ),

    size_spreads as (
        select
            sizes.province_area,
            sizes.time_period,
            size_centres.centre,
            {{ log_spread("sizes.log_size", "size_centres.centre") }} as spread
        from sizes
        inner join size_centres using (province_area, time_period)
        group by sizes.province_area, sizes.time_period, size_centres.centre
    ),

    judged_sizes as (
        select
            sizes.area_key,
            sizes.time_period,
            sizes.log_size,
            abs(sizes.log_size - size_spreads.centre)
            <= {{ var("peers_distance") }} * size_spreads.spread as is_size_believable
        from sizes
        inner join size_spreads using (province_area, time_period)
    ),

    measured as (
        select
            figures.*,
            'plain' as basis,
            cast(0 as double) as log_size,
            coalesce(judged_sizes.is_size_believable, false) as is_size_believable,
            ln(figures.obs_value) as log_value
        from figures
        left join judged_sizes using (area_key, time_period)
        union all
        select
            figures.*,
            'per_size' as basis,
            judged_sizes.log_size,
            judged_sizes.is_size_believable,
            ln(figures.obs_value) - judged_sizes.log_size as log_value
        from figures
        inner join judged_sizes using (area_key, time_period)
        where figures.indicator <> '{{ var("size_indicator") }}'
    ),

    centres as (
        select
            province_area,
            time_period,
            indicator,
            basis,
            count(*) as peers,
            {{ median_of("log_value") }} as centre
        from measured
        where not is_settled
        group by province_area, time_period, indicator, basis
        having count(*) >= {{ var("peers_minimum") }}
    ),

    spreads as (
        select
            measured.province_area,
            measured.time_period,
            measured.indicator,
            measured.basis,
            centres.centre,
            {{ log_spread("measured.log_value", "centres.centre") }} as spread
        from measured
        inner join centres using (province_area, time_period, indicator, basis)
        where not measured.is_settled
        group by
            measured.province_area,
            measured.time_period,
            measured.indicator,
            measured.basis,
            centres.centre
    ),

    compared as (
        select
            measured.*,
            exp(spreads.centre + measured.log_size) as expected_value,
            ln(measured.obs_value) - spreads.centre - measured.log_size as log_distance,
            sqrt(
                spreads.spread * spreads.spread
                + 1 / measured.obs_value
                + 1 / exp(spreads.centre + measured.log_size)
            ) as spread
        from measured
        inner join spreads using (province_area, time_period, indicator, basis)
    ),

    best_basis as (
        select
            *,
            row_number() over (
                partition by area_key, time_period, indicator, is_settled
                order by
                    case
                        when is_size_believable and basis = 'per_size'
                        then 0
                        else abs(log_distance) / spread
                    end,
                    basis
            ) as best_first
        from compared
    ),

    unlike as (
        select *
        from best_basis
        where
            best_first = 1
            and abs(log_distance) > {{ var("peers_distance") }} * spread
            and abs(log_distance) > ln({{ var("peers_ratio") }})
    ),

    slips as (
        select
            unlike.area_key,
            unlike.time_period,
            unlike.indicator,
            unlike.is_settled,
            case
                when unlike.log_distance > 0
                then unlike.obs_value / factors.factor
                else unlike.obs_value * factors.factor
            end as suggested_value,
            row_number() over (
                partition by
                    unlike.area_key, unlike.time_period, unlike.indicator, unlike.is_settled
                order by abs(abs(unlike.log_distance) - ln(factors.factor)), factors.factor
            ) as nearest_first
        from unlike
        cross join (values (10), (100), (1000)) as factors(factor)
        where
            abs(abs(unlike.log_distance) - ln(factors.factor)) <= unlike.spread
            and (
                unlike.log_distance < 0
                or unlike.decimals > 0
                or unlike.obs_value % factors.factor = 0
            )
    )

select
    'value_is_like_its_peers' as check_name,
    cast(null as varchar) as severity,
    unlike.area_key,
    unlike.calendar,
    unlike.time_period,
    unlike.indicator,
    unlike.obs_value,
    {{
        whole_figure(
            "unlike.expected_value * exp(-" ~ var("peers_distance") ~ " * unlike.spread)"
        )
    }} as expected_low,
    {{ whole_figure("unlike.expected_value * exp(" ~ var("peers_distance") ~ " * unlike.spread)") }}
    as expected_high,
    cast(slips.suggested_value as decimal(18, 4)) as suggested_value,
    cast(null as varchar) as other_indicator,
    cast(null as decimal(18, 4)) as other_value,
    'quality.range' as limit_phrase,
    cast(null as varchar) as reason_phrase,
    cast(null as date) as reason_date,
    unlike.is_settled,
    unlike.decision,
    unlike.submission_id,
    unlike.sheet,
    unlike.cell
from unlike
left join
    slips
    on unlike.area_key = slips.area_key
    and unlike.time_period = slips.time_period
    and unlike.indicator = slips.indicator
    and unlike.is_settled = slips.is_settled
    and slips.nearest_first = 1
