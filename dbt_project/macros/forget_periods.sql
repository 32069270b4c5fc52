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

{# Of a table that names periods by the number that they have with a form, because it is long. #}
{% macro forget_form_periods(table, is_made) -%}
    {%- if execute and load_cached_relation(table) is not none and not should_full_refresh() -%}
        delete from {{ table }}
        where
            form_period not in (
                select periods.form_period
                from {{ ref("int_form_periods") }} as periods
                inner join
                    {{ ref("int_changed_periods") }} as changed
                    on periods.time_period = changed.time_period
                where not {{ is_made }}
            )
    {%- endif -%}
{%- endmacro %}
