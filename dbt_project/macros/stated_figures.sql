{#
  What published statements are compared with, written out, so that only that is read of ten years. Where nothing is built
  yet, as for the page of the models, there is nothing to write.
#}
{% macro stated_figures() -%}
    {%- set stated = ref("stg_statements") -%}
    {%- set parts = ref("int_statement_periods") -%}
    {%- set areas_of_stated = ref("stg_areas") -%}
    {%- if execute and load_relation(stated) and load_relation(parts) -%}
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
        {%- set areas = run_query(
            "select distinct ref_area from "
            ~ stated
            ~ " where ref_area is not null order by all"
        ) -%}
        {# The key, too: totals are grouped by it, so that it reaches the parts that they are added up from. #}
        {%- set versions = run_query(
            "select distinct areas.area_key from "
            ~ stated
            ~ " as stated inner join "
            ~ areas_of_stated
            ~ " as areas on stated.ref_area = areas.ref_area order by all"
        ) -%}
        time_period in ('{{ periods.columns[0].values() | join("', '") }}')
        and indicator in ('{{ indicators.columns[0].values() | join("', '") }}')
        and ref_area in ('{{ areas.columns[0].values() | join("', '") }}')
        and area_key in ('{{ versions.columns[0].values() | join("', '") }}')
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
