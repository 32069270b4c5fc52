{#
  How many months further each period of a frequency ends than the one before, and the letter in its code. Nobody
  reports for the months of a year to date: these periods are only made of others.
#}
{% macro months_of_frequencies() -%}
    (
        values
            ('month', 1, 'M'),
            ('quarter', 3, 'Q'),
            ('half_year', 6, 'S'),
            ('year', 12, ''),
            ('year_to_date', 1, 'C')
    ) as frequencies(frequency, months, letter)
{%- endmacro %}
