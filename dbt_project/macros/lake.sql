{#- A lake keeps no comments on columns of views; everything else is documented as in a file. -#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {%- set is_mute = adapter.is_ducklake(relation) and relation.is_view -%}
    {%- do default__persist_docs(relation, model, for_relation, for_columns and not is_mute) -%}
{% endmacro %}
