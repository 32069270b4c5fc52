{#
  Figures are compared as counts: on a log scale when they are large, and with the spread of a count when they are small.
  `expected` is on the log scale of log_amount, `spread` the part of the relative spread that is not due to counting.
#}
{% macro log_amount(amount) -%} ln({{ amount }} + 0.5) {%- endmacro %}

{# Robust standard deviation of what lies around zero; of distances on a log scale. #}
{% macro spread_of(expression) -%} 1.4826 * median(of_logs := abs({{ expression }})) {%- endmacro %}

{# The same, and no less than what one in ten or in twenty-five of them exceeds: of figures that hardly ever change, too, it is known how far. #}
{% macro upper_spread_of(expression) -%}
    greatest(
        {{ spread_of(expression) }},
        {{ upper_move(expression, 0.9) }} / 1.645,
        {{ upper_move(expression, 0.96) }} / 2.4
    )
{%- endmacro %}

{# The size that a share of the moves does not exceed; the largest of all, and one of 25 more, are never asked. #}
{% macro upper_move(expression, share) -%}
    list_sort(list(abs({{ expression }})))[
        cast(
            greatest(
                1,
                least(
                    ceil({{ share }} * count({{ expression }})),
                    count({{ expression }}) - 1 - ceil(count({{ expression }}) / 25)
                )
            ) as bigint
        )
    ]
{%- endmacro %}

{#
  How many standard deviations an amount lies from what is expected: the transformation that gives a negative binomial
  count the variance 1, which is the Anscombe transformation for a spread of 0 and a logarithm for large counts.
  `chance` is the share of the variance of a pure count that figures of this kind have: 1 for events, nearly 0 for what
  is there from one period to the next.
#}
{% macro distance(amount, expected, spread, chance) -%}
    (
        2
        / {{ spread }}
        * (
            asinh({{ spread }} * sqrt((greatest({{ amount }}, 0) + 0.375) / {{ chance }})) - asinh(
                {{ spread }} * sqrt((greatest(exp({{ expected }}) - 0.5, 0) + 0.375) / {{ chance }})
            )
        )
    )
{%- endmacro %}

{# Standard deviation on the log scale, counting included. #}
{% macro log_deviation(expected, spread, chance) -%}
    sqrt({{ spread }} * {{ spread }} + {{ chance }} / (exp({{ expected }}) + 0.5))
{%- endmacro %}

{# Density of the normal distribution, with the thicker tail that real figures have. #}
{% macro likelihood_of(distance) -%}
    (
        0.3989 * (
            {{ 1 - var("plausibility_tail") }} * exp(-0.5 * {{ distance }} * {{ distance }})
            + {{ var("plausibility_tail") }} / 3 * exp(-0.5 * {{ distance }} * {{ distance }} / 9)
        )
    )
{%- endmacro %}

{# What moves many is believed as far as it stands out from what chance does to a median of so few. #}
{% macro shared_move(move, deviation, members) -%}
    coalesce(
        {{ move }} * greatest(
            0,
            1
            - 2.5
            * {{ deviation }}
            * {{ deviation }}
            / nullif({{ members }} * {{ move }} * {{ move }}, 0)
        ),
        0
    )
{%- endmacro %}

{# How often a mistake is made, per cell, file or pair, before anything is known of the figure. #}
{% macro prior_of(cause) -%}
    (select causes.prior from {{ ref("causes") }} as causes where causes.cause = '{{ cause }}')
{%- endmacro %}

{# How likely the right figure of `cell` is another one than that which a wrong file happens to hold. #}
{% macro share_unlike(cell) -%}
    least(
        0.97,
        1 - least(
            0.9,
            0.4
            * exp(-0.5 * {{ cell }}.distance * {{ cell }}.distance)
            / ({{ cell }}.log_deviation * (greatest({{ cell }}.reported, 0) + 0.5))
        )
    )
{%- endmacro %}

{# How well an amount fits what is expected of `cell`, as the logarithm of a likelihood. #}
{% macro fit_of(amount, cell, most=30) -%}
    case
        when {{ amount }} = 0
        then ln({{ cell }}.zero_chance)
        else
            -0.9
            - 0.5
            * least(
                power(
                    {{ distance(amount, cell ~ ".expected", cell ~ ".spread", cell ~ ".chance") }},
                    2
                ),
                {{ most }}
            )
            - ln({{ cell }}.log_deviation)
    end
{%- endmacro %}

{# How well a figure goes with what was to be expected, from 0 to 1. #}
{% macro plausibility_of(cell) -%}
    case
        when {{ cell }}.reported = 0
        then {{ cell }}.zero_chance
        else greatest(exp(-0.5 * {{ cell }}.distance * {{ cell }}.distance), 0.0001)
    end
{%- endmacro %}

{# The row of the greatest weight as a whole; of equal ones always the same. #}
{% macro likeliest(columns, weight) -%}
    {%- set fields = [] -%}
    {%- for column in columns -%}
        {%- do fields.append(column.split(".")[-1] ~ " := " ~ column) -%}
    {%- endfor -%}
    arg_max(struct_pack({{ fields | join(", ") }}), ({{ weight }}, {{ columns | join(", ") }}))
{%- endmacro %}

{# What is remembered of a figure: the last twelve periods of the same line and series. #}
{% macro went_before(earlier, later) -%}
    {{ earlier }}.line_no = {{ later }}.line_no
    and {{ earlier }}.series_no = {{ later }}.series_no
    and {{ earlier }}.period_no between {{ later }}.period_no - 12 and {{ later }}.period_no - 1
{%- endmacro %}

{# The mean of what is known of an indicator from its first period to this one; the query has a window `so_far`. #}
{% macro mean_so_far(value) -%}
    sum(of_counts := {{ value }}) over so_far / count(*) over so_far
{%- endmacro %}
