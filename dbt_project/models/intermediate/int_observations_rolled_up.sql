-- Every level above the commune at once, each indicator by the rule that the catalogue gives it.
-- Sums are summed; a rate is recomputed from the communes that reported both of its parts, and is
-- never averaged; a classification counts communes; of a distinct count only the bounds are known.
-- Only areas in force on the last day count.
with

    figures as (select * from {{ ref("int_commune_figures") }} where is_area_in_force),

    indicators as (select * from {{ ref("stg_indicators") }}),

    ancestors as (select * from {{ ref("int_area_ancestors") }} where distance > 0),

    totals as (
        select
            ancestors.ancestor_area as ref_area,
            ancestors.ancestor_key as area_key,
            ancestors.ancestor_level as area_level,
            ancestors.ancestor_name_vi as area_name_vi,
            ancestors.grouping,
            bool_and(ancestors.is_exact_union) as is_exact_union,
            max(figures.province_area) as province_area,
            figures.calendar,
            figures.time_period,
            figures.period_end,
            figures.indicator,
            sum(figures.obs_value) as sum_of_values,
            max(figures.obs_value) as largest_value,
            count(*) filter (figures.obs_value > 0) as areas_in_class,
            sum(figures.numerator) as numerator,
            sum(figures.denominator) as denominator,
            count(*) as areas_expected,
            count(coalesce(figures.denominator, figures.obs_value)) as areas_reported,
            count(*) filter (figures.value_status = 'held') as areas_held
        from figures
        inner join
            ancestors
            on figures.area_key = ancestors.area_key
            and {{ in_force("ancestors", "figures.period_end") }}
        group by
            ancestors.ancestor_area,
            ancestors.ancestor_key,
            ancestors.ancestor_level,
            ancestors.ancestor_name_vi,
            ancestors.grouping,
            figures.calendar,
            figures.time_period,
            figures.period_end,
            figures.indicator
    ),

    valued as (
        select
            totals.*,
            indicators.rollup_areas,
            indicators.statistical_kind,
            indicators.unit_measure,
            case
                when totals.areas_reported = 0
                then null
                when indicators.rollup_areas in ('sum', 'register')
                then cast(totals.sum_of_values as decimal(18, 4))
                when indicators.rollup_areas = 'count_true'
                then cast(totals.areas_in_class as decimal(18, 4))
                when indicators.rollup_areas = 'recompute'
                then
                    cast(
                        round(
                            indicators.ratio_factor
                            * totals.numerator
                            / nullif(totals.denominator, 0),
                            4
                        ) as decimal(18, 4)
                    )
            end as obs_value
        from totals
        inner join indicators on totals.indicator = indicators.indicator
    )

select
    ref_area,
    area_key,
    area_level,
    area_name_vi,
    grouping,
    is_exact_union,
    province_area,
    calendar,
    time_period,
    period_end,
    indicator,
    obs_value,
    case
        when obs_value is not null
        then 'published'
        when areas_reported > 0 and rollup_areas = 'bounds'
        then 'not_additive'
        when areas_reported > 0
        then 'not_applicable'
        when areas_held > 0
        then 'held'
        else 'missing'
    end as value_status,
    unit_measure,
    statistical_kind,
    cast(numerator as decimal(18, 4)) as numerator,
    cast(denominator as decimal(18, 4)) as denominator,
    case when rollup_areas = 'bounds' then cast(largest_value as decimal(18, 4)) end as lower_bound,
    case when rollup_areas = 'bounds' then cast(sum_of_values as decimal(18, 4)) end as upper_bound,
    cast(areas_expected as integer) as areas_expected,
    cast(areas_reported as integer) as areas_reported,
    cast(areas_held as integer) as areas_held
from valued
