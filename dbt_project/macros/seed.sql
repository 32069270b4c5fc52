{#
  Seeds are read by DuckDB itself, with the types of _seeds.yml: dbt's own way parses every row in Python first
  (2.2 CPU seconds for our areas) and can only read below the seed path. TUQUAN_SEEDS names another folder,
  such as a copy with one more indicator.
#}
{% materialization seed, adapter = "duckdb" %}
    {%- set folder = env_var("TUQUAN_SEEDS", "") or project_folder_of_seeds(model) -%}
    {%- set target_relation = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") -%}
        create or replace table {{ target_relation }} as
        select
            * replace (
        {%- for column, data_type in config.get("column_types").items() %}
                    cast("{{ column }}" as {{ data_type }}) as "{{ column }}"
            {{- "," if not loop.last }}
        {%- endfor %}
            )
        from {{ csv_rows(folder ~ "/" ~ model.name ~ ".csv") }}
    {%- endcall %}
    {# dbt asks for it afterwards, to print rows with `dbt seed --show`. #}
    {% do store_result("agate_table", response="OK", agate_table=load_result("main")["table"]) %}
    {% do persist_docs(target_relation, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}

{% macro project_folder_of_seeds(model) -%}
    {{ return((model.root_path ~ "/" ~ model.original_file_path).rsplit("/", 1)[0]) }}
{%- endmacro %}

{# All columns as text, in the order of the file; a blank is null. #}
{% macro csv_rows(path) -%}
    read_csv('{{ path | replace("'", "''") }}', header = true, delim = ',', quote = '"', all_varchar = true, nullstr = '')
{%- endmacro %}
