{# Restricts the inputs of an incremental model to the periods that this build makes anew. #}
{% macro of_periods_to_build() -%}
    {%- if is_incremental() -%}
        time_period in (select time_period from {{ ref("int_changed_periods") }} where is_to_build)
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
