{# 2026-M11, 2026-Q4, 2026-S2, 2026 or 2026-C09; codes of one frequency sort as text. #}
{% macro period_code(year, letter, number) -%}
    cast({{ year }} as varchar) || case
        when {{ letter }} = ''
        then ''
        when {{ letter }} in ('M', 'C')
        then '-' || {{ letter }} || lpad(cast({{ number }} as varchar), 2, '0')
        else '-' || {{ letter }} || cast({{ number }} as varchar)
    end
{%- endmacro %}
