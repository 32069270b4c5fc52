{#
  The columns name one row each, and none of them is null; for what is too long to look at whole `of_proven_periods`, or
  `of_kinds_of_indicators`: of those that go through time by one rule, one. `sums` are wholes and their parts, as for
  adds_up, and `words` are columns with the words that they may hold: what is dear to make is made once for all.
#}
{% test is_key(
    model,
    columns,
    of_proven_periods=false,
    of_kinds_of_indicators=false,
    sums={},
    words={}
) %}
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
        {% for column, allowed in words.items() %}
            or bool_or(coalesce({{ column }}, '') not in ('{{ allowed | join("', '") }}'))
        {% endfor %}
{% endtest %}
