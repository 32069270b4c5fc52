{# Fills the places of a sentence from seeds/; a fact that is not known leaves its place empty. #}
{% macro sentence(template, facts) -%}
    {%- set filled = namespace(sql=template) -%}
    {%- for name, fact in facts.items() -%}
        {%- set filled.sql = (
            "replace(" ~ filled.sql ~ ", '{" ~ name ~ "}', coalesce(" ~ fact ~ ", ''))"
        ) -%}
    {%- endfor -%}
    {{ filled.sql }}
{%- endmacro %}
