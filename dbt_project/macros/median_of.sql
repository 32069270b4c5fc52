{# The middle value; of an even number of values the mean of the two in the middle. #}
{% macro median_of(expression) -%} median(of_logs := {{ expression }}) {%- endmacro %}
