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

{# What was in hand is compared and kept now; a build that does not get here leaves it to the next one. #}
{% macro note_compared(table, column, where) -%}
    {{ "update " ~ table.render() ~ " set " ~ column ~ " = false where " ~ where }}
{%- endmacro %}

{# Of what is to be compared, the oldest periods, with no more figures than may be compared at once; one at least. #}
{% macro take_in_hand(periods) -%}
    {{
        (
            "update "
            ~ periods.render()
            ~ " set is_in_hand= is_fresh and time_period in (select time_period from (select time_period, figures,"
            ~ " sum(figures) over (order by sort, time_period) as figures_until from "
            ~ periods.render()
            ~ " where is_fresh) where figures_until <= greatest(figures, "
            ~ threshold("judged_at_once")
            ~ "))"
        )
    }}
{%- endmacro %}
