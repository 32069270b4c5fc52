{#- A lake keeps no comments on columns of views; note_view_comments writes them into a table. -#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) %}
    {%- set is_mute = adapter.is_ducklake(relation) and relation.is_view -%}
    {%- do default__persist_docs(relation, model, for_relation, for_columns and not is_mute) -%}
{% endmacro %}

{#- At the end of a run: what the columns of all views mean, when the warehouse is a lake. -#}
{% macro note_view_comments() %}
    {%- if execute and target.name == "lake" -%}
        {%- set noted = [] -%}
        {%- for node in graph.nodes.values() | selectattr("resource_type", "equalto", "model") -%}
            {%- if node.config.materialized == "view" -%}
                {%- for column in node.columns.values() | selectattr("description") -%}
                    {%- set words = [
                        node.schema ~ "." ~ node.alias,
                        column.name,
                        column.description,
                    ] -%}
                    {%- set texts = [] -%}
                    {%- for word in words -%}
                        {%- do texts.append("'" ~ word | replace("'", "''") ~ "'") -%}
                    {%- endfor -%}
                    {%- do noted.append("(" ~ texts | join(", ") ~ ")") -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if noted -%}
            {%- set table = target.database ~ ".meta.column_comments" -%}
            {%- do run_query("delete from " ~ table) -%}
            {%- do run_query("insert into " ~ table ~ " values " ~ noted | join(", ")) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
