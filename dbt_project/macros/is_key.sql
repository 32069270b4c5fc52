{#
  The columns name one row each, and none of them is null; for what is too long to look at whole `of_proven_periods`, or
  `of_kinds_of_indicators`: of those that go through time by one rule, one. `sums` are wholes and their parts, as for
  adds_up: what is dear to make is made once for both.
#}
{% test is_key(model, columns, of_proven_periods=false, of_kinds_of_indicators=false, sums={}) %}
    select {{ columns | join(", ") }}, count(*) as same_key
    from {{ model }}
    {% if of_proven_periods %} where {{ proven_periods() }} {% endif %}
    {% if of_kinds_of_indicators %} where {{ kinds_of_indicators() }} {% endif %}
    group by {{ columns | join(", ") }}
    having
        count(*) > 1 or {{ columns | join(" is null or ") }} is null
        {% for whole, parts in sums.items() %}
            or bool_or({{ whole }} is distinct from {{ parts | join(" + ") }})
        {% endfor %}
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
