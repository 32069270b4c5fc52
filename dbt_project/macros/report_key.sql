{# One number for commune, form and period (int_areas.area_number, int_form_periods.form_period), and back again. #}
{% macro report_key(area_number, form_period) -%}
    {{ area_number }} * 1000000 + {{ form_period }}
{%- endmacro %}

{# In quotes, since two strokes are a comment elsewhere. #}
{% macro area_number_of(report_key) -%} {{ "(" ~ report_key ~ " // 1000000)" }} {%- endmacro %}

{% macro form_period_of(report_key) -%} ({{ report_key }} % 1000000) {%- endmacro %}
