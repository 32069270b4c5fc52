{# Of one indicator the figures of each frequency are a series of their own. #}
{% macro series_name(indicator, frequency) -%}
    {{ indicator }} || ' ' || {{ frequency }}
{%- endmacro %}

{# What the catalogue calls a series. #}
{% macro indicator_of_series(series) -%} split_part({{ series }}, ' ', 1) {%- endmacro %}
