{#
  Which periods a test looks at: the newest that this build made, and those somebody asked for. Older ones were
  proven when they were built; all of ten years again would cost more than building them. They stand in the test as
  words, because DuckDB does not push a subquery down to the reports.
#}
{% macro proven_periods() -%}
    {%- set changed = ref("int_changed_periods") -%}
    {%- set requests = source("meta", "build_requests") -%}
    {%- if execute -%}
        {%- set found = run_query(
            "select time_period from (select time_period from "
            ~ changed
            ~ " where is_to_build order by time_period desc limit 1) union select time_period from "
            ~ requests
            ~ " order by all"
        ) -%}
        time_period in ('{{ found.columns[0].values() | join("', '") }}')
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}

{# One indicator for each way through time, in words, too. #}
{% macro kinds_of_indicators() -%}
    {%- set indicators = ref("dim_indicators") -%}
    {%- if execute -%}
        {%- set found = run_query(
            "select min(indicator) from "
            ~ indicators
            ~ " group by rollup_time order by all"
        ) -%}
        indicator in ('{{ found.columns[0].values() | join("', '") }}')
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
