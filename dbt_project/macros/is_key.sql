{# The columns name one row each, and none of them is null; `of_proven_periods` for what is too long to look at whole. #}
{% test is_key(model, columns, of_proven_periods=false) %}
    select {{ columns | join(", ") }}, count(*) as same_key
    from {{ model }}
    {% if of_proven_periods %} where {{ proven_periods() }} {% endif %}
    group by {{ columns | join(", ") }}
    having count(*) > 1 or {{ columns | join(" is null or ") }} is null
{% endtest %}

{# A column holds only these words, and never nothing. #}
{% test is_one_of(model, column_name, values) %}
    select {{ column_name }}, count(*) as rows_of_it
    from {{ model }}
    where
        {{ proven_periods() }}
        and coalesce({{ column_name }}, '') not in ('{{ values | join("', '") }}')
    group by {{ column_name }}
{% endtest %}
