{# The day in Vietnam (UTC+7, without summer time) of a time that is UTC without saying so. #}
{% macro day_in_vietnam(timestamp) -%} cast({{ timestamp }} + to_hours(7) as date) {%- endmacro %}
