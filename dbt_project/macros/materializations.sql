{#
  Tables and views are replaced where they stand, in one transaction. dbt's own way builds under another name, renames
  twice, drops what was there and asks for the columns in between: twice as many statements, and what dbt does about a
  statement costs more CPU than most of them.
#}
{% materialization view, adapter = "duckdb" %}
    {%- set view = this.incorporate(type="view") -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement("main") -%}
        {%- if config.get("contract").enforced -%}
            {%- do get_assert_columns_equivalent(sql) -%}
        {%- endif -%}
        {{ make_way_for(view) }}
        create or replace view {{ view }} as (
        {{ sql }}
        )
    {%- endcall -%}
    {%- do persist_docs(view, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({"relations": [view]}) }}
{% endmaterialization %}

{% materialization table, adapter = "duckdb" %}
    {%- set table = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement("main") -%}
        {{ make_way_for(table) }}
        {%- if config.get("contract").enforced -%}
            {%- do get_assert_columns_equivalent(sql) -%}
            create or replace table {{ table }} {{ get_table_columns_and_constraints() }};
            insert into {{ table }} {{ get_column_names() }} ({{ get_select_subquery(sql) }})
        {%- else -%}
            create or replace table {{ table }} as (
            {{ sql }}
            )
        {%- endif -%}
    {%- endcall -%}
    {%- do persist_docs(table, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({"relations": [table]}) }}
{% endmaterialization %}

{# What stands in the place of a model as another type than it is to be has to go. #}
{% macro make_way_for(relation) -%}
    {%- set there = load_cached_relation(relation) -%}
    {%- if there is not none and there.type != relation.type -%}
        drop {{ there.type }} if exists {{ there }};
    {%- endif -%}
{%- endmacro %}

{#
  One query asks whether a model has the columns and types of its contract; only when it has not, dbt looks at both
  and tells the difference.
#}
{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {%- set promised = [] -%}
    {%- for column in model.columns.values() -%}
        {%- do promised.append(
            "('" ~ column.name ~ "', typeof(cast(null as " ~ column.data_type ~ ")))"
        ) -%}
    {%- endfor -%}
    {%- set differing = run_query(
        "with promised(name, type) as (values "
        ~ promised
        | join(", ")
        ~ "), given as (select column_name as name, column_type as type from (describe ("
        ~ sql
        ~ "\n))) (from promised except from given) union all (from given except from promised)"
    ) if promised -%}
    {%- if not promised or differing.rows | length -%}
        {%- do assert_columns_equivalent(sql) -%}
    {%- endif -%}
{%- endmacro %}
