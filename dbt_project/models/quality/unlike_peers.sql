-- Figures far from those of the communes of the same province and period, on a log scale: per
-- household where the commune has a believable one, else only if they are far in both ways,
-- with it and without. A size is not believable when most figures of its commune are out of
-- proportion to it. Centre and spread are medians, so that one absurd figure moves nobody else's
-- judgement; small counts get the spread that small counts have. A slip of one to three digits is
-- suggested when it lands near the centre.
with

    figures as (
        select figures.*, indicators.decimals, indicators.is_size
        from {{ ref("judged_figures") }} as figures
        inner join
            {{ ref("stg_indicators") }} as indicators on figures.indicator = indicators.indicator
        where indicators.rollup_areas = 'sum' and figures.obs_value > 0
    ),

    sizes as (
        select area_key, time_period, ln(obs_value) as log_size
        from figures
        where is_size and not is_settled
    ),

    measured as (
        select
            figures.*,
            'plain' as basis,
            cast(0 as double) as log_size,
            ln(figures.obs_value) as log_value
        from figures
        union all
        select
            figures.*,
            'per_size' as basis,
            sizes.log_size,
            ln(figures.obs_value) - sizes.log_size as log_value
        from figures
        inner join sizes using (area_key, time_period)
        where not figures.is_size
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

    believable_sizes as (
        select area_key, time_period
        from compared
        where basis = 'per_size' and not is_settled
        group by area_key, time_period
        having abs({{ median_of("log_distance") }}) < ln({{ var("peers_ratio") }}) / 2
    ),

    best_basis as (
        select
            compared.*,
            row_number() over (
                partition by
                    compared.area_key, compared.time_period, compared.indicator, compared.is_settled
                order by
                    case
                        when compared.basis = 'per_size' and believable_sizes.area_key is not null
                        then 0
                        else abs(compared.log_distance) / compared.spread
                    end,
                    compared.basis
            ) as best_first
        from compared
        left join believable_sizes using (area_key, time_period)
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
            abs(abs(unlike.log_distance) - ln(factors.factor)) <= 2 * unlike.spread
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
            "ceil", "unlike.expected_value * exp(-" ~ var("peers_distance") ~ " * unlike.spread)"
        )
    }} as expected_low,
    {{
        whole_figure(
            "floor", "unlike.expected_value * exp(" ~ var("peers_distance") ~ " * unlike.spread)"
        )
    }} as expected_high,
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
