{#-
  All comments of a model in one statement. A lake keeps none on columns of views; note_view_comments writes them into
  a table.
-#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {%- set is_mute = adapter.is_ducklake(relation) and relation.is_view -%}
    {%- set places = [] -%}
    {%- if for_relation and config.persist_relation_docs() and model.description -%}
        {%- do places.append([relation.type ~ " " ~ relation, model.description]) -%}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() and not is_mute -%}
        {%- for column in model.columns.values() | selectattr("description") -%}
            {%- do places.append(["column " ~ relation ~ "." ~ column.name, column.description]) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set comments = [] -%}
    {%- for place, text in places -%}
        {%- do comments.append(
            "comment on " ~ place ~ " is '" ~ text | replace("'", "''") ~ "'"
        ) -%}
    {%- endfor -%}
    {%- if comments -%}
        {%- call statement("comments") -%} {{ comments | join(";\n") }} {%- endcall -%}
    {%- endif -%}
{% endmacro %}

{#- At the end of a run: what the columns of all views mean, when the warehouse is a lake. -#}
{% macro note_view_comments() %}
    {%- if execute and target.name == "lake" -%}
        {%- set noted = [] -%}
        {%- for node in graph.nodes.values() | selectattr("resource_type", "equalto", "model") -%}
            {%- if node.config.materialized == "view" -%}
                {%- for column in node.columns.values() | selectattr("description") -%}
                    {%- set view = node.schema ~ "." ~ node.alias -%}
                    {%- do noted.append([view, column.name, column.description]) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do note_column_comments(noted) -%}
    {%- endif -%}
{% endmacro %}

{#- Keep (view, column, comment) in the table that stands for the comments of a lake. -#}
{% macro note_column_comments(noted) %}
    {%- if execute and noted -%}
        {%- set table = target.database ~ ".meta.column_comments" -%}
        {%- set places = [] -%}
        {%- set rows = [] -%}
        {%- for view, column, comment in noted -%}
            {%- do places.append("('" ~ view ~ "', '" ~ column ~ "')") -%}
            {%- do rows.append(
                "('" ~ view ~ "', '" ~ column ~ "', '" ~ comment
                | replace("'", "''") ~ "')"
            ) -%}
        {%- endfor -%}
        {%- do run_query(
            "delete from "
            ~ table
            ~ " where (table_name, column_name) in (values "
            ~ places
            | join(", ") ~ ")"
        ) -%}
        {%- do run_query("insert into " ~ table ~ " values " ~ rows | join(", ")) -%}
    {%- endif -%}
{% endmacro %}
