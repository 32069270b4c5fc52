{# Indicators of the catalogue in the order of the form, as rows with indicator, name_vi, name_en, unit_measure. #}
{% macro catalogue_lines() %}
    {%- if not execute -%} {{ return([]) }} {%- endif -%}
    {%- set seed = load_relation(ref("indicators")) -%}
    {%- if seed is none -%} {{ return([]) }} {%- endif -%}
    {{
        return(
            run_query(
                "select indicator, name_vi, name_en, unit_measure, unit_measure_en from "
                ~ seed
                ~ " order by form_order is null, form_order, indicator"
            )
        )
    }}
{% endmacro %}

{# Say of each column of an indicator what it is and in which unit. #}
{% macro comment_on_catalogue_columns(relation) %}
    {%- set noted = [] -%}
    {%- for line in catalogue_lines() %}
        {%- set text = (
            line["name_vi"]
            ~ " ("
            ~ line["unit_measure"]
            ~ "). / "
            ~ line["name_en"]
            ~ " ("
            ~ line["unit_measure_en"]
            ~ ")."
        ) -%}
        {%- if adapter.is_ducklake(relation) -%}
            {%- do noted.append(
                [relation.schema ~ "." ~ relation.identifier, line["indicator"], text]
            ) -%}
        {%- else %}
        comment on column {{ relation }}.{{ line["indicator"] }} is '{{ text | replace("'", "''") }}';
        {%- endif -%}
    {%- endfor %}
    {%- do note_column_comments(noted) -%}
{% endmacro %}
