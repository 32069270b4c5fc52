{# How long a period of each frequency is, and the letter in its code. #}
{% macro months_of_frequencies() -%}
    (
        values ('month', 1, 'M'), ('quarter', 3, 'Q'), ('half_year', 6, 'S'), ('year', 12, '')
    ) as frequencies(frequency, months, letter)
{%- endmacro %}
