{# 2026-M11, 2026-Q4, 2026-S2 or 2026; codes of one frequency sort as text. #}
{% macro period_code(year, letter, number) -%}
    cast({{ year }} as varchar) || case
        {{ letter }}
        when ''
        then ''
        when 'M'
        then '-M' || lpad(cast({{ number }} as varchar), 2, '0')
        else '-' || {{ letter }} || cast({{ number }} as varchar)
    end
{%- endmacro %}
