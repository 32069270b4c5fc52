{#
  Of an incremental table only those periods stay that are known and not made anew now: one that is made anew may have no
  rows any more. `is_made` is the column of int_changed_periods that says which are.
#}
{% macro forget_periods(table, is_made) -%}
    {%- if execute and load_cached_relation(table) is not none and not should_full_refresh() -%}
        delete from {{ table }}
        where
            time_period not in (
                select time_period from {{ ref("int_changed_periods") }} where not {{ is_made }}
            )
    {%- endif -%}
{%- endmacro %}
