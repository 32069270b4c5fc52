{# Whether a version held on a day; valid_to is the first day on which it no longer did. #}
{% macro in_force(version, day) -%}
    {{ day }} >= {{ version }}.valid_from
    and ({{ version }}.valid_to is null or {{ day }} < {{ version }}.valid_to)
{%- endmacro %}
