{#
  Totals of one level with what they cover. `totals` has the columns of int_part_totals, `area_columns` what names the
  area; the sums of a rate are divided here and nowhere before.
#}
{% macro observations(totals, area_columns) %}
    summed as (
        select
            {% for column in area_columns %} {{ column }}, {% endfor %}
            calendar,
            frequency,
            time_period,
            period_end,
            indicator,
            max(province_area) as province_area,
            sum(upper_bound_over_areas := sum_of_values) as sum_of_values,
            max(largest_value) as largest_value,
            sum(of_counts := areas_in_class) as areas_in_class,
            sum(parts_over_areas := numerator) as numerator,
            sum(parts_over_areas := denominator) as denominator,
            sum(of_counts := areas_expected) as areas_expected,
            sum(of_counts := areas_received) as areas_received,
            sum(of_counts := areas_included) as areas_included,
            sum(of_counts := areas_held) as areas_held,
            sum(of_counts := areas_late) as areas_late,
            sum(sizes_over_areas := households_expected) as households_expected,
            sum(sizes_over_areas := households_included) as households_included,
            sum(of_counts := areas_expected_sized) as areas_expected_sized,
            sum(of_counts := areas_included_sized) as areas_included_sized
        from {{ totals }}
        group by
            {% for column in area_columns %} {{ column }}, {% endfor %}
            calendar,
            frequency,
            time_period,
            period_end,
            indicator
    ),

    valued as (
        select
            summed.*,
            indicators.rollup_areas,
            indicators.statistical_kind,
            indicators.unit_measure,
            indicators.decimals,
            {# Communes whose size nobody knows count as the average of the others. #}
            summed.households_expected
            + (summed.areas_expected - summed.areas_expected_sized)
            * summed.households_expected
            / nullif(summed.areas_expected_sized, 0) as size_expected,
            coalesce(summed.households_included, 0)
            + (summed.areas_included - summed.areas_included_sized)
            * summed.households_expected
            / nullif(summed.areas_expected_sized, 0) as size_included,
            case
                when summed.areas_included = 0
                then null
                when indicators.rollup_areas in ('sum', 'register')
                then cast(summed.sum_of_values as decimal(18, 4))
                when indicators.rollup_areas = 'count_true'
                then cast(summed.areas_in_class as decimal(18, 4))
                when indicators.rollup_areas = 'recompute'
                then
                    cast(
                        round(
                            indicators.ratio_factor
                            * summed.numerator
                            / nullif(summed.denominator, 0),
                            4
                        ) as decimal(18, 4)
                    )
            end as obs_value
        from summed
        inner join
            {{ ref("stg_indicators") }} as indicators on summed.indicator = indicators.indicator
    ),

    observed as (
        select
            * exclude (
                numerator,
                denominator,
                areas_expected,
                areas_received,
                areas_included,
                areas_held,
                areas_late
            ),
            case
                when obs_value is not null
                then 'published'
                when areas_included > 0 and rollup_areas = 'bounds'
                then 'not_additive'
                when areas_included > 0
                then 'not_applicable'
                when areas_held > 0
                then 'held'
                else 'missing'
            end as value_status,
            cast(numerator as decimal(18, 4)) as numerator,
            cast(denominator as decimal(18, 4)) as denominator,
            case
                when rollup_areas = 'bounds' then cast(largest_value as decimal(18, 4))
            end as lower_bound,
            case
                when rollup_areas = 'bounds' then cast(sum_of_values as decimal(18, 4))
            end as upper_bound,
            cast(areas_expected as integer) as areas_expected,
            cast(areas_received as integer) as areas_received,
            cast(areas_included as integer) as areas_included,
            cast(areas_held as integer) as areas_held,
            cast(areas_late as integer) as areas_late,
            cast(
                round(100 * size_included / nullif(size_expected, 0), 4) as decimal(18, 4)
            ) as households_covered_pct,
            {# The ratio estimator, where the communes that are in it hold most households. #}
            case
                when
                    rollup_areas = 'sum'
                    and areas_included < areas_expected
                    and 100 * size_included
                    >= {{ var("estimate_least_coverage_pct") }} * size_expected
                then
                    cast(
                        round(
                            obs_value * size_expected / nullif(size_included, 0), decimals
                        ) as decimal(18, 4)
                    )
            end as estimated_value
        from valued
    )
{% endmacro %}

{# What every observation mart has after its area, in this order. #}
{% macro observed_columns() -%}
    observed.calendar,
    observed.frequency,
    observed.time_period,
    observed.indicator,
    observed.obs_value,
    observed.value_status,
    observed.unit_measure,
    observed.statistical_kind,
    observed.numerator,
    observed.denominator,
    observed.lower_bound,
    observed.upper_bound,
    observed.areas_expected,
    observed.areas_received,
    observed.areas_included,
    observed.areas_held,
    observed.areas_late,
    observed.households_covered_pct,
    observed.estimated_value
{%- endmacro %}
