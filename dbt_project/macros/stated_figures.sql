{# What published statements are compared with, written out, so that only that is read of ten years. #}
{% macro stated_figures() -%}
    {%- set stated = ref("stg_statements") -%}
    {%- set parts = ref("int_statement_periods") -%}
    {%- if execute -%}
        {%- set periods = run_query(
            "select time_period from "
            ~ stated
            ~ " where time_period is not null union select part_period from "
            ~ parts
            ~ " order by all"
        ) -%}
        {%- set indicators = run_query(
            "select distinct indicator from "
            ~ stated
            ~ " where indicator is not null order by all"
        ) -%}
        time_period in ('{{ periods.columns[0].values() | join("', '") }}')
        and indicator in ('{{ indicators.columns[0].values() | join("', '") }}')
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
