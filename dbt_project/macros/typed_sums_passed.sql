{# A look and its answer depend on the statement and the rules alone, which are the words of the query. #}
{% macro has_passed(statement) -%}
    {%- set passed = typed_statements() -%}
    {{
        return(
            passed is not none
            and run_query(
                "select 1 from "
                ~ passed
                ~ " where digest = '"
                ~ local_md5(broken_rules(statement))
                ~ "'"
            ).rows
            | length
            > 0
        )
    }}
{%- endmacro %}

{# Keep what passed, at the end of a run (on-run-end in dbt_project.yml): one statement for all models that were built. #}
{% macro keep_what_passed(results) -%}
    {%- set passed = typed_statements() if execute else none -%}
    {%- if passed is not none -%}
        {%- set digests = [] -%}
        {%- for result in results
            if result.node.resource_type == "model"
            and result.status == "success"
            and might_add(result.node.compiled_code) -%}
            {%- do digests.append(local_md5(broken_rules(result.node.compiled_code))) -%}
        {%- endfor -%}
        {%- if digests -%}
            insert into {{ passed }}
            select unnest(['{{ digests | join("', '") }}'])
            except
            select digest
            from {{ passed }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Where digests of statements that passed are kept; a panel has no such table. #}
{% macro typed_statements() -%}
    {{ return(adapter.get_relation(target.database, "meta", "typed_statements")) }}
{%- endmacro %}
