{#
  DuckDB on one thread while there is little to read: dividing work of milliseconds among threads costs half as much
  again as doing it. Asked of what DuckDB knows without counting; of a lake it knows nothing, which stays as it is.
#}
{% macro threads_for_little() -%}
    {%- if execute -%}
        {%- set cells = run_query(
            "select coalesce(max(estimated_size), 1000000) from duckdb_tables() where database_name = '"
            ~ target.database
            ~ "' and schema_name = 'raw' and table_name = 'cells'"
        ) -%}
        {%- if cells.columns[0].values()[0] < 1000000 -%} set threads = 1 {%- endif -%}
    {%- endif -%}
{%- endmacro %}
