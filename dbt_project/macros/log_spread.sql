{#
  Robust standard deviation of log values around their centre: the median distance times 1.4826, which equals the
  standard deviation of a normal distribution, and never less than peers_least_spread.
#}
{% macro log_spread(log_value, centre) -%}
    greatest(
        {{ var("peers_least_spread") }},
        1.4826 * {{ median_of("abs(" ~ log_value ~ " - " ~ centre ~ ")") }}
    )
{%- endmacro %}

{#
  A computed bound as a figure without decimals, within the range of our figures: rounded (ceil or floor) into the
  range, so that what lies outside also does in the sentence.
#}
{% macro whole_figure(rounded, expression) -%}
    cast({{ rounded }} (least({{ expression }}, 99999999999999)) as decimal(18, 4))
{%- endmacro %}
