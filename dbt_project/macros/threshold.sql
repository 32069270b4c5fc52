{# A number that an office may set (seeds/thresholds.csv); null when it is blank. #}
{% macro threshold(name) -%}
    (select value from {{ ref("thresholds") }} where threshold = '{{ name }}')
{%- endmacro %}
