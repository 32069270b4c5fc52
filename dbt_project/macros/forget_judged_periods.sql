{# Of an incremental table of flags only those of periods stay that are not judged now. #}
{% macro forget_judged_periods(flags) -%}
    {%- if execute and load_cached_relation(flags) is not none -%}
        delete from {{ flags }}
        where
            time_period
            not in (select time_period from {{ ref("int_changed_periods") }} where not is_to_judge)
    {%- endif -%}
{%- endmacro %}
