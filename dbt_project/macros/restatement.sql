{#
  Figures on the map of another day. Everything here reads marts alone, because the same SQL is a model, a SQL macro for
  any day, and a view of a released database: a merger adds, a split shares by largest remainder, a rate is recomputed
  from its moved parts, and what cannot be moved (distinct kinds, yes or no) is refused where an area changed.
#}
{#
  For each commune version the areas that carry its figures on the map of `day`: one row per pair, shares of a version
  add up to 1. Towards later days a version that ended hands on to its successors; one without a known successor stays
  itself. Towards earlier days it goes back to those it came from, in the proportion in which they went into it, as if
  they had been of equal size: an estimate wherever there are several.
#}
{% macro area_map_rows(day, areas, changes, ancestors) %}
    with recursive

        map_day as (select cast({{ day }} as date) as day),

        communes as (select * from {{ areas }} where area_level = 'commune'),

        onward as (
            select
                area_key as from_key,
                area_key as to_key,
                valid_to,
                cast(1 as double) as share,
                false as is_estimated,
                0 as steps
            from communes
            union all
            select
                onward.from_key,
                changes.to_key,
                nexts.valid_to,
                onward.share * changes.share as share,
                onward.is_estimated or changes.is_estimated as is_estimated,
                onward.steps + 1 as steps
            from onward
            cross join map_day
            inner join {{ changes }} as changes on onward.to_key = changes.from_key
            inner join communes as nexts on changes.to_key = nexts.area_key
            where onward.valid_to <= map_day.day and onward.steps < 50
        ),

        arrived as (
            select onward.from_key, onward.to_key, onward.share, onward.is_estimated
            from onward
            cross join map_day
            inner join communes on onward.from_key = communes.area_key
            left join
                (select distinct from_key from {{ changes }}) as goes_on
                on onward.to_key = goes_on.from_key
            where
                communes.valid_from <= map_day.day
                and (
                    goes_on.from_key is null
                    or coalesce(onward.valid_to, date '9999-12-31') > map_day.day
                )
        ),

        later as (
            select
                communes.area_key as origin_key,
                communes.area_key as from_key,
                cast(1 as double) as share,
                0 as steps
            from communes
            cross join map_day
            where {{ in_force("communes", "map_day.day") }}
            union all
            select
                later.origin_key,
                changes.to_key as from_key,
                later.share * changes.share as share,
                later.steps + 1 as steps
            from later
            inner join {{ changes }} as changes on later.from_key = changes.from_key
            where later.steps < 50
        ),

        origins as (
            select later.from_key, later.origin_key, sum(of_shares := later.share) as share
            from later
            cross join map_day
            inner join communes on later.from_key = communes.area_key
            where communes.valid_from > map_day.day
            group by later.from_key, later.origin_key
        ),

        returned as (
            select
                from_key,
                origin_key as to_key,
                share / sum(of_shares := share) over (partition by from_key) as share,
                count(*) over (partition by from_key) > 1 as is_estimated
            from origins
            union all
            select
                communes.area_key as from_key,
                communes.area_key as to_key,
                1 as share,
                false as is_estimated
            from communes
            cross join map_day
            left join origins on communes.area_key = origins.from_key
            where communes.valid_from > map_day.day and origins.from_key is null
        ),

        pairs as (
            select
                from_key,
                to_key,
                {# Rounded, so that the order of adding up cannot be seen in the last digit. #}
                round(
                    sum(of_shares := share)
                    / sum(of_shares := sum(of_shares := share)) over (partition by from_key),
                    12
                ) as share,
                bool_or(is_estimated) as is_estimated
            from
                (
                    select *
                    from arrived
                    union all
                    select *
                    from returned
                ) as both_ways
            group by from_key, to_key
        ),

        days as (
            select
                communes.area_key,
                {{ in_force("communes", "map_day.day") }} as is_on_map,
                case
                    when {{ in_force("communes", "map_day.day") }}
                    then map_day.day
                    when communes.valid_from > map_day.day
                    then communes.valid_from
                    else cast(communes.valid_to - to_days(1) as date)
                end as home_day
            from communes
            cross join map_day
        ),

        homes as (
            select
                days.area_key,
                days.is_on_map,
                max(ancestors.ancestor_area) filter (
                    ancestors.ancestor_level = 'district'
                ) as district_area,
                max(ancestors.ancestor_name_vi) filter (
                    ancestors.ancestor_level = 'district'
                ) as district_name_vi,
                max(ancestors.ancestor_area) filter (
                    ancestors.ancestor_level = 'province'
                ) as province_area,
                max(ancestors.ancestor_key) filter (
                    ancestors.ancestor_level = 'province'
                ) as province_key,
                max(ancestors.ancestor_name_vi) filter (
                    ancestors.ancestor_level = 'province'
                ) as province_name_vi
            from days
            left join
                {{ ancestors }} as ancestors
                on days.area_key = ancestors.area_key
                and {{ in_force("ancestors", "days.home_day") }}
            group by days.area_key, days.is_on_map
        ),

        {# Where most communes of a province went: there goes the one of which nothing is known. #}
        province_moves as (
            select
                olds.province_key,
                news.province_area,
                news.province_name_vi,
                row_number() over (
                    partition by olds.province_key order by count(*) desc, news.province_area
                ) as most_first
            from pairs
            inner join homes as olds on pairs.from_key = olds.area_key
            inner join homes as news on pairs.to_key = news.area_key and news.is_on_map
            group by olds.province_key, news.province_area, news.province_name_vi
        ),

        placed as (
            select
                pairs.from_key,
                pairs.to_key,
                communes.ref_area as to_area,
                communes.name_vi as to_name_vi,
                homes.district_area,
                homes.district_name_vi,
                coalesce(province_moves.province_area, homes.province_area) as province_area,
                coalesce(
                    province_moves.province_name_vi, homes.province_name_vi
                ) as province_name_vi,
                homes.is_on_map,
                pairs.share,
                pairs.is_estimated
            from pairs
            inner join communes on pairs.to_key = communes.area_key
            inner join homes on pairs.to_key = homes.area_key
            left join
                province_moves
                on homes.province_key = province_moves.province_key
                and province_moves.most_first = 1
                and not homes.is_on_map
        ),

        splits as (
            select from_key, list(share order by to_key) as shares from placed group by from_key
        ),

        {# Versions that share where they go with another one of the same days: they were merged. #}
        merged as (
            select distinct pairs.from_key
            from pairs
            inner join communes as ones on pairs.from_key = ones.area_key
            inner join
                pairs as others
                on pairs.to_key = others.to_key
                and pairs.from_key <> others.from_key
            inner join
                communes as other_ones
                on others.from_key = other_ones.area_key
                and ones.valid_from < coalesce(other_ones.valid_to, date '9999-12-31')
                and other_ones.valid_from < coalesce(ones.valid_to, date '9999-12-31')
        )

    select
        placed.from_key,
        placed.to_key,
        placed.to_area,
        placed.to_name_vi,
        placed.district_area,
        placed.district_name_vi,
        placed.province_area,
        placed.province_name_vi,
        placed.is_on_map,
        placed.share,
        placed.is_estimated,
        splits.shares,
        len(splits.shares) = 1 and merged.from_key is null as is_whole,
        cast(
            row_number() over (partition by placed.from_key order by placed.to_key) as integer
        ) as position,
        placed.is_estimated
        and count(*) over (partition by placed.from_key, placed.district_area)
        < count(*) over (partition by placed.from_key) as is_estimated_in_district,
        placed.is_estimated
        and count(*) over (partition by placed.from_key, placed.province_area)
        < count(*) over (partition by placed.from_key) as is_estimated_in_province,
        row_number() over (
            partition by placed.from_key, placed.district_area order by placed.to_key
        )
        = 1 as is_first_in_district,
        row_number() over (
            partition by placed.from_key, placed.province_area order by placed.to_key
        )
        = 1 as is_first_in_province,
        map_day.day as map_date
    from placed
    inner join splits on placed.from_key = splits.from_key
    left join merged on placed.from_key = merged.from_key
    cross join map_day
{% endmacro %}

{#
  What of a figure goes to one of the areas that share it: whole units by largest remainder, so that all of them together
  have exactly the figure. `scale` is units per 1 (10 for one decimal); what is finer than a unit stays with the first.
#}
{% macro portion(figure, map, scale) -%}
    case
        when len({{ map }}.shares) = 1 or {{ figure }} is null
        then {{ figure }}
        else
            cast(
                (
                    floor({{ exact_portion(figure, map, scale, map ~ ".share") }}) + case
                        when
                            len(
                                list_filter(
                                    {{ map }}.shares,
                                    lambda other,
                                    number:
                                    {{ remainder(figure, map, scale, "other") }}
                                    > {{ remainder(figure, map, scale, map ~ ".share") }}
                                    or (
                                        {{ remainder(figure, map, scale, "other") }}
                                        = {{ remainder(figure, map, scale, map ~ ".share") }}
                                        and number < {{ map }}.position
                                    )
                                )
                            )
                            < floor({{ figure }} * {{ scale }})
                            - list_aggregate(
                                of_shares := list_transform(
                                    {{ map }}.shares,
                                    lambda other:
                                    floor({{ exact_portion(figure, map, scale, "other") }})
                                ),
                                'sum'
                            )
                        then 1
                        else 0
                    end
                )
                / {{ scale }} as decimal(18, 4)
            ) + case
                when {{ map }}.position = 1
                then
                    {{ figure }}
                    - cast(floor({{ figure }} * {{ scale }}) / {{ scale }} as decimal(18, 4))
                else 0
            end
    end
{%- endmacro %}

{% macro exact_portion(figure, map, scale, share) -%}
    cast(floor({{ figure }} * {{ scale }}) as double) * {{ share }}
{%- endmacro %}

{% macro remainder(figure, map, scale, share) -%}
    (
        {{ exact_portion(figure, map, scale, share) }}
        - floor({{ exact_portion(figure, map, scale, share) }})
    )
{%- endmacro %}

{#
  The figures of communes on another map, added up to `level` (commune, district, province, country). `figures` has the
  columns of commune_observations, `map` those of area_map, `indicators` those of dim_indicators.
#}
{% macro restated_figures(level, figures, map, indicators) %}
    {%- set area = {
        "commune": [
            "map.to_area",
            "map.to_key",
            "map.to_name_vi",
            "true",
            "map.is_estimated",
        ],
        "district": [
            "map.district_area",
            none,
            "max(map.district_name_vi)",
            "map.is_first_in_district",
            "map.is_estimated_in_district",
        ],
        "province": [
            "map.province_area",
            none,
            "max(map.province_name_vi)",
            "map.is_first_in_province",
            "map.is_estimated_in_province",
        ],
        "country": ["'VN'", none, "'Việt Nam'", "map.position = 1", "false"],
    }[level] %}
    with

        measured as (
            select
                indicators.*,
                power(10, indicators.decimals) as scale,
                case when indicators.unit_measure = '%' then 100 else 1 end as ratio_factor,
                indicators.rollup_areas = 'count_true' as is_class,
                {# Counts of areas, which stay what they were where no area changed. #}
                indicators.rollup_areas = 'count_true'
                or coalesce(
                    numerators.rollup_areas in ('sum', 'count_true')
                    and denominators.rollup_areas in ('sum', 'register', 'count_true'),
                    false
                ) as is_countable,
                indicators.rollup_areas in ('sum', 'register')
                or coalesce(
                    numerators.rollup_areas = 'sum' and denominators.rollup_areas = 'sum', false
                ) as is_additive
            from {{ indicators }} as indicators
            left join {{ indicators }} as numerators on indicators.numerator = numerators.indicator
            left join
                {{ indicators }} as denominators on indicators.denominator = denominators.indicator
        ),

        moved as (
            select
                {{ area[0] }} as ref_area,
                {% if level == "commune" %}
                    map.to_key as area_key,
                    map.to_name_vi as area_name_vi,
                    map.district_area,
                    map.province_area,
                {% elif level == "district" %}
                    max(map.district_name_vi) as area_name_vi,
                    max(map.province_area) as province_area,
                {% else %} {{ area[2] }} as area_name_vi,
                {% endif %}
                max(map.map_date) as map_date,
                figures.calendar,
                figures.frequency,
                figures.time_period,
                figures.indicator,
                figures.unit_measure,
                figures.statistical_kind,
                bool_and(measured.is_additive) as is_additive,
                max(measured.ratio_factor) as ratio_factor,
                bool_and(measured.rollup_areas = 'recompute') as is_ratio,
                sum(
                    over_areas := {{ portion("figures.obs_value", "map", "measured.scale") }}
                ) filter (measured.is_additive) as total,
                sum(parts_over_areas := {{ portion("figures.numerator", "map", "1") }}) filter (
                    measured.is_additive or measured.is_countable
                ) as numerator,
                sum(parts_over_areas := {{ portion("figures.denominator", "map", "1") }}) filter (
                    measured.is_additive or measured.is_countable
                ) as denominator,
                case
                    when count(figures.obs_value) > 0 then count(*) filter (figures.obs_value > 0)
                end as areas_in_class,
                bool_and(measured.is_class) as is_class,
                bool_and(measured.is_countable and map.is_whole) as is_counted_whole,
                {# A single version that came over whole keeps what cannot be added. #}
                case
                    when count(*) = 1 and max(len(map.shares)) = 1 then max(figures.obs_value)
                end as unchanged_value,
                count(*) = 1 and max(len(map.shares)) = 1 as is_unchanged,
                bool_or({{ area[4] }}) as is_estimated,
                count(*) filter ({{ area[3] }}) as areas_expected,
                count(coalesce(figures.denominator, figures.obs_value)) filter (
                    {{ area[3] }}
                ) as areas_included,
                count(*) filter (figures.value_status = 'held' and {{ area[3] }}) as areas_held,
                {# In a release: small counts, and what would tell them. #}
                coalesce(bool_or(figures.value_status = 'withheld'), false) as has_a_withheld_part
            from {{ figures }} as figures
            inner join {{ map }} as map on figures.area_key = map.from_key
            inner join measured on figures.indicator = measured.indicator
            where figures.value_status <> 'not_applicable' or figures.numerator is not null
            group by
                {{ area[0] }},
                {% if level == "commune" %}
                    map.to_key, map.to_name_vi, map.district_area, map.province_area,
                {% endif %}
                figures.calendar,
                figures.frequency,
                figures.time_period,
                figures.indicator,
                figures.unit_measure,
                figures.statistical_kind
        ),

        valued as (
            select
                *,
                case
                    when has_a_withheld_part
                    then null
                    when is_ratio and (is_additive or is_counted_whole)
                    then
                        cast(
                            round(ratio_factor * numerator / nullif(denominator, 0), 4) as decimal(
                                18, 4
                            )
                        )
                    when is_additive
                    then cast(total as decimal(18, 4))
                    when is_class and is_counted_whole
                    then cast(areas_in_class as decimal(18, 4))
                    else unchanged_value
                end as restated_value
            from moved
        )

    select
        ref_area,
        {% if level == "commune" %} area_key, area_name_vi, district_area, province_area,
        {% elif level == "district" %} area_name_vi, province_area,
        {% else %} area_name_vi,
        {% endif %}
        map_date,
        calendar,
        frequency,
        time_period,
        indicator,
        restated_value,
        case
            when has_a_withheld_part
            then 'withheld'
            when restated_value is not null
            then 'published'
            when not is_additive and not is_unchanged and not is_counted_whole
            then 'not_restatable'
            when is_ratio and areas_included > 0
            then 'not_applicable'
            when areas_held > 0
            then 'held'
            else 'missing'
        end as value_status,
        is_estimated and is_additive as is_estimated,
        unit_measure,
        statistical_kind,
        case
            when (is_additive or is_counted_whole) and not has_a_withheld_part
            then cast(numerator as decimal(18, 4))
        end as numerator,
        case
            when (is_additive or is_counted_whole) and not has_a_withheld_part
            then cast(denominator as decimal(18, 4))
        end as denominator,
        cast(areas_expected as integer) as areas_expected,
        cast(areas_included as integer) as areas_included,
        cast(areas_held as integer) as areas_held
    from valued
{% endmacro %}

{#
  SQL macros for people: the same restatement on the map of any day, as marts.district_restated_on(date '2025-06-30').
  They name their tables by schema alone, because a released database has any name.
#}
{% macro create_restatement_macros() %}
create or replace macro marts.area_map_on(target_day) as table
    {{
        area_map_rows(
            "coalesce(cast(target_day as date), error('name the day of the map'))",
            "marts.dim_areas",
            "marts.dim_area_changes",
            "marts.dim_area_ancestors",
        )
    }}
    ;
    {% for name, level in [
        ("commune", "commune"),
        ("district", "district"),
        ("province", "province"),
        ("national", "country"),
    ] %}
create or replace macro marts.{{ name }}_restated_on(target_day) as table
        {{
            restated_figures(
                level,
                "marts.commune_observations",
                "marts.area_map_on(target_day)",
                "marts.dim_indicators",
            )
        }}
        ;
    {% endfor %}
{% endmacro %}
