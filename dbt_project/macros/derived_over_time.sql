{#
  Figures of longer periods, made of the shorter ones in `observations`, each by the rule that the catalogue gives its
  indicator: what is counted anew in each period is summed, of what is there the last part counts, a rate is divided
  again from both of its parts. One calendar at a time, and only from parts of one length that fill the whole.
  `of_last` are columns that the last part decides, `of_all` flags that must hold in every part.
#}
{% macro derived_over_time(observations, of_last=[], of_all=[], covers_areas=true) %}
    with

        observations as (select * from {{ observations }}),

        period_parts as (select * from {{ ref("dim_period_parts") }}),

        indicators as (select * from {{ ref("dim_indicators") }}),

        rules as (
            select
                indicators.indicator,
                indicators.rollup_time,
                case when indicators.unit_measure = '%' then 100 else 1 end as ratio_factor,
                numerators.rollup_time as numerator_time,
                denominators.rollup_time as denominator_time,
                indicators.rollup_time = 'sum'
                or (
                    indicators.rollup_time = 'recompute'
                    and 'sum' in (numerators.rollup_time, denominators.rollup_time)
                ) as needs_all_parts
            from indicators
            left join indicators as numerators on indicators.numerator = numerators.indicator
            left join indicators as denominators on indicators.denominator = denominators.indicator
        ),

        parts as (
            select
                observations.* exclude (calendar, time_period),
                period_parts.calendar,
                period_parts.time_period,
                period_parts.frequency as whole_frequency,
                period_parts.parts_expected,
                period_parts.position = period_parts.parts_expected as is_last,
                coalesce(observations.obs_value, observations.numerator, observations.upper_bound)
                is not null as is_included,
                rules.* exclude (indicator)
            from observations
            inner join
                period_parts
                on observations.calendar = period_parts.calendar
                and observations.time_period = period_parts.part_period
            inner join rules on observations.indicator = rules.indicator
        ),

        over_time as (
            select
                parts.ref_area,
                parts.area_key,
                max(parts.area_name_vi) as area_name_vi,
                {% for column in of_last %}
                    arg_max(
                        parts.{{ column }}, (parts.is_last, parts.{{ column }})
                    ) as {{ column }},
                {% endfor %}
                {% for column in of_all %}
                    bool_and(parts.{{ column }}) as {{ column }},
                {% endfor %}
                parts.calendar,
                parts.whole_frequency,
                parts.time_period,
                parts.frequency,
                parts.indicator,
                parts.rollup_time,
                parts.ratio_factor,
                parts.needs_all_parts,
                parts.unit_measure,
                parts.statistical_kind,
                case
                    when parts.needs_all_parts then max(parts.parts_expected) else 1
                end as periods_expected,
                count(*) filter (
                    parts.is_included and (parts.needs_all_parts or parts.is_last)
                ) as periods_included,
                bool_or(parts.is_included) as has_a_part,
                bool_or(parts.value_status = 'held') as has_a_held_part,
                {# In a release: small counts, and what would tell them. #}
                coalesce(
                    bool_or(
                        parts.value_status = 'withheld' and (parts.needs_all_parts or parts.is_last)
                    ),
                    false
                ) as has_a_withheld_part,
                case
                    when parts.rollup_time = 'sum' then sum(over_time := parts.obs_value)
                end as sum_of_parts,
                max(parts.obs_value) filter (parts.is_last) as last_value,
                max(parts.lower_bound) filter (parts.is_last) as lower_bound,
                max(parts.upper_bound) filter (parts.is_last) as upper_bound,
                case
                    when parts.numerator_time = 'sum'
                    then sum(parts_over_time := parts.numerator)
                    else max(parts.numerator) filter (parts.is_last)
                end as numerator,
                case
                    when parts.denominator_time = 'sum'
                    then sum(parts_over_time := parts.denominator)
                    else max(parts.denominator) filter (parts.is_last)
                end as denominator
                {%- if covers_areas %}
                    ,
                    max(parts.areas_expected) filter (
                        parts.needs_all_parts or parts.is_last
                    ) as areas_expected,
                    min(parts.areas_included) filter (
                        parts.needs_all_parts or parts.is_last
                    ) as areas_included,
                    max(parts.areas_held) filter (
                        parts.needs_all_parts or parts.is_last
                    ) as areas_held,
                    min(parts.households_covered_pct) filter (
                        parts.needs_all_parts or parts.is_last
                    ) as households_covered_pct
                {%- endif %}
            from parts
            group by
                parts.ref_area,
                parts.area_key,
                parts.calendar,
                parts.whole_frequency,
                parts.time_period,
                parts.frequency,
                parts.indicator,
                parts.rollup_time,
                parts.ratio_factor,
                parts.numerator_time,
                parts.denominator_time,
                parts.needs_all_parts,
                parts.unit_measure,
                parts.statistical_kind
        ),

        valued as (
            select
                *,
                rollup_time <> 'none' and periods_included = periods_expected as is_complete,
                case
                    when not is_complete
                    then null
                    when rollup_time = 'sum'
                    then cast(sum_of_parts as decimal(18, 4))
                    when rollup_time = 'last'
                    then cast(last_value as decimal(18, 4))
                    when rollup_time = 'recompute'
                    then
                        cast(
                            round(ratio_factor * numerator / nullif(denominator, 0), 4) as decimal(
                                18, 4
                            )
                        )
                end as derived_value
            from over_time
        )

    select
        ref_area,
        area_key,
        area_name_vi,
        {% for column in of_last + of_all %} {{ column }}, {% endfor %}
        calendar,
        whole_frequency as frequency,
        time_period,
        frequency as derived_from,
        indicator,
        derived_value,
        case
            when not is_complete and not has_a_withheld_part
            then cast(sum_of_parts as decimal(18, 4))
        end as partial_value,
        case
            when derived_value is not null
            then 'published'
            when has_a_withheld_part
            then 'withheld'
            when rollup_time = 'none' or (is_complete and upper_bound is not null)
            then 'not_additive'
            when is_complete
            then 'not_applicable'
            when has_a_part
            then 'incomplete'
            when has_a_held_part
            then 'held'
            else 'missing'
        end as value_status,
        case
            when derived_value is not null
            then null
            when has_a_withheld_part
            then 'small_counts'
            when rollup_time = 'none'
            then 'never_derived'
            when is_complete and upper_bound is not null
            then 'distinct_kinds'
            when is_complete
            then 'zero_denominator'
            when needs_all_parts
            then 'parts_missing'
            else 'last_part_missing'
        end as reason,
        nullif(rollup_time, 'none') as derivation,
        cast(periods_expected as integer) as periods_expected,
        cast(periods_included as integer) as periods_included,
        unit_measure,
        statistical_kind,
        case when is_complete then cast(numerator as decimal(18, 4)) end as numerator,
        case when is_complete then cast(denominator as decimal(18, 4)) end as denominator,
        case when is_complete then cast(lower_bound as decimal(18, 4)) end as lower_bound,
        case when is_complete then cast(upper_bound as decimal(18, 4)) end as upper_bound
        {%- if covers_areas %}
            ,
            cast(areas_expected as integer) as areas_expected,
            cast(areas_included as integer) as areas_included,
            cast(areas_held as integer) as areas_held,
            cast(households_covered_pct as decimal(18, 4)) as households_covered_pct
        {%- endif %}
    from valued
{% endmacro %}
