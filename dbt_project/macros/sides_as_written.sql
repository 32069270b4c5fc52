{#
  Hooks of a model in which what is on the right of a join is short, as it is written: where DuckDB cannot tell how many
  rows come out of joins before, it takes the longer side of an outer join for the shorter one and keeps it in memory.
  Between them stands what profiles.yml says.
#}
{% macro sides_as_written() -%} {{ disabled_optimizers(["build_side_probe_side"]) }} {%- endmacro %}

{% macro sides_as_estimated() -%} {{ disabled_optimizers([]) }} {%- endmacro %}

{% macro disabled_optimizers(more) -%}
    {%- set usual = "join_order" if target.name == "lake" else "common_subplan" -%}
    set disabled_optimizers = '{{ ([usual] + more) | join(",") }}'
{%- endmacro %}
