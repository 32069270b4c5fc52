{#
  Figures of one level with the names of all that their codes stand for. Reads marts alone: a release carries it as a
  view. What an area was called, and where it lay, is that of the last day of the period.
#}
{% macro labelled(level) %}
    with

        observations as (select * from {{ ref(level ~ "_observations") }}),

        indicators as (select * from {{ ref("dim_indicators") }}),

        periods as (select * from {{ ref("dim_periods") }})

        {% if level == "commune" %}, places as (select * from {{ ref("dim_communes") }})
        {% elif level == "district" %}
            ,
            areas as (select * from {{ ref("dim_areas") }}),

            provinces as (
                select ref_area, name_vi, valid_from, valid_to
                from {{ ref("dim_areas") }}
                where area_level = 'province'
            )
        {% elif level == "province" %}, areas as (select * from {{ ref("dim_areas") }})
        {% endif %}

    select
        observations.ref_area,
        observations.area_key,
        observations.area_name_vi,
        {% if level == "commune" %}
            places.area_type,
            observations.district_area,
            places.district_name_vi,
            observations.province_area,
            places.province_name_vi,
        {% elif level == "district" %}
            areas.area_type,
            observations.province_area,
            provinces.name_vi as province_name_vi,
            observations.grouping,
            observations.is_exact_union,
        {% elif level == "province" %} areas.area_type,
        {% endif %}
        observations.calendar,
        observations.frequency,
        observations.time_period,
        periods.label_vi as period_vi,
        periods.year,
        periods.period_start,
        periods.period_end,
        periods.previous_period,
        periods.same_period_last_year,
        observations.indicator,
        indicators.name_vi as indicator_vi,
        indicators.name_en as indicator_en,
        observations.unit_measure as unit_vi,
        indicators.unit_measure_en as unit_en,
        observations.statistical_kind,
        observations.obs_value,
        observations.value_status,
        observations.numerator,
        observations.denominator,
        observations.lower_bound,
        observations.upper_bound
        {%- if level != "commune" %}
            ,
            observations.areas_expected,
            observations.areas_received,
            observations.areas_included,
            observations.areas_held,
            observations.areas_late,
            observations.households_covered_pct,
            observations.estimated_value
        {% endif %}
    from observations
    left join indicators on observations.indicator = indicators.indicator
    left join
        periods
        on observations.calendar = periods.calendar
        and observations.time_period = periods.time_period
    {% if level == "commune" %}
        left join
            places
            on observations.area_key = places.area_key
            and periods.period_end >= places.place_from
            and periods.period_end < places.place_to
    {% elif level == "district" %}
        left join areas on observations.area_key = areas.area_key
        left join
            provinces
            on observations.province_area = provinces.ref_area
            and {{ in_force("provinces", "periods.period_end") }}
    {% elif level == "province" %} left join areas on observations.area_key = areas.area_key
    {% endif %}
{% endmacro %}
