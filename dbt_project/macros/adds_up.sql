{# The parts are the whole, in every row. #}
{% test adds_up(model, whole, parts) %}
    select * from {{ model }} where {{ whole }} is distinct from {{ parts | join(" + ") }}
{% endtest %}
