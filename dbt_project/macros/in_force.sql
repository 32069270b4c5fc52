{#
  Whether a version held on a day; valid_to is the first day on which it no longer did. Written without `or`: with it
  DuckDB compares every row of an outer join with every other.
#}
{% macro in_force(version, day) -%}
    {{ day }} >= {{ version }}.valid_from
    and {{ day }} < coalesce({{ version }}.valid_to, date '9999-12-31')
{%- endmacro %}
