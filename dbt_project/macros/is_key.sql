{# The columns name one row each, and none of them is null. #}
{% test is_key(model, columns) %}
    select {{ columns | join(", ") }}, count(*) as same_key
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1 or {{ columns | join(" is null or ") }} is null
{% endtest %}
