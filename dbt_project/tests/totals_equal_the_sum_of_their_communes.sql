-- A district or province is what its communes add up to, found by another way than the roll-up.
with

    communes as (
        select communes.*
        from {{ ref("commune_observations") }} as communes
        inner join {{ ref("dim_indicators") }} as indicators using (indicator)
        where indicators.rollup_areas in ('sum', 'register') and {{ proven_periods() }}
    ),

    sums as (
        select district_area as ref_area, time_period, indicator, sum(obs_value) as obs_value
        from communes
        where district_area is not null
        group by district_area, time_period, indicator
        union all
        select province_area as ref_area, time_period, indicator, sum(obs_value) as obs_value
        from communes
        where province_area is not null
        group by province_area, time_period, indicator
    ),

    totals as (
        select ref_area, time_period, indicator, obs_value
        from {{ ref("district_observations") }}
        where {{ proven_periods() }}
        union all
        select ref_area, time_period, indicator, obs_value
        from {{ ref("province_observations") }}
        where {{ proven_periods() }}
    )

select ref_area, time_period, indicator, sums.obs_value as sum_of_communes, totals.obs_value
from sums
left join totals using (ref_area, time_period, indicator)
where totals.obs_value is distinct from sums.obs_value
