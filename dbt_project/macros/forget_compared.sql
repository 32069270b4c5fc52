{#
  Of what is kept to compare periods with, what is compared anew goes before it is put there anew, and so does what is
  too old: `is_kept` is the column of judged_periods that says what is not.
#}
{% macro forget_compared(table, is_kept) -%}
    {%- set periods = ref("judged_periods") -%}
    {%- if execute and load_cached_relation(table) is not none and not should_full_refresh() -%}
        delete from {{ table }}
        where
            time_period
            not in (select time_period from {{ periods }} where {{ is_kept }} and not is_fresh)
    {%- endif -%}
{%- endmacro %}

{# All is compared and kept now; a build that does not get here leaves it to the next one. #}
{% macro note_compared(table, column) -%}
    {%- if not var("panel", false) -%}
        {{ "update " ~ table.render() ~ " set " ~ column ~ " = false where " ~ column }}
    {%- endif -%}
{%- endmacro %}
