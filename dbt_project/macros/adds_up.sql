{# The parts are the whole, in every row; `of_proven_periods` for what is too long to look at whole. #}
{% test adds_up(model, whole, parts, of_proven_periods=false) %}
    select *
    from {{ model }}
    where
        {{ whole }} is distinct from {{ parts | join(" + ") }}
        {% if of_proven_periods %} and {{ proven_periods() }} {% endif %}
{% endtest %}
