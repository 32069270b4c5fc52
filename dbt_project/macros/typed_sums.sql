{#
  A sum of figures says in the SQL itself what it runs over: sum(over_areas := figures.obs_value). The build refuses
  every sum and average that does not, and every one whose groups mix what must not be mixed (typed_sums_checked.sql).

  sum(over_areas := ...)              figures of one indicator and period, of several areas; see sum_over_areas
  sum(over_time := ...)               figures of one indicator, of several periods; see sum_over_time
  sum(parts_over_areas := ...)        numerators or denominators of a ratio: added up instead of averaging it
  sum(upper_bound_over_areas := ...)  of distinct kinds the most that there can be; never the value of an area
  sum(sizes_over_areas := ...)        sizes of areas in one period, which weigh what is known of them
  sum(of_counts := ...)               no figures: areas, reports, days, changes of the map
  sum(of_shares := ...)               no figures: parts of 1
  median(of_logs := ...)              no figures: places on a log scale
  median(of_counts := ...)            no figures: days
#}
{#
  What depends on the indicator is asked of the catalogue, once per group: a sum that its rules forbid ends the build
  with the name of the rule. `row` is the alias of the rows that are added, whose columns the group by names.
#}
{% macro sum_over_areas(value, row) -%}
    case
        when
            {{ row }}.indicator
            in ({{ indicators_where("rollup_areas not in ('sum', 'register')") }})
        then error({{ rule_against("rollup_areas", row) }})
        else sum(over_areas := {{ value }})
    end
{%- endmacro %}

{#
  Only what is counted anew in each period adds up to a longer one. The periods are of one calendar and one frequency,
  so that they do not overlap.
#}
{% macro sum_over_time(value, row, frequency=none) -%}
    {%- set frequency = frequency or row ~ ".frequency" -%}
    case
        when {{ row }}.indicator in ({{ indicators_where("rollup_time <> 'sum'") }})
        then error({{ rule_against("rollup_time", row) }})
        when min({{ frequency }}) <> max({{ frequency }})
        then
            error(
                'periods_that_overlap_are_never_added: '
                || {{ row }}.indicator
                || ' by '
                || min({{ frequency }})
                || ' and by '
                || max({{ frequency }})
            )
        else sum(over_time := {{ value }})
    end
{%- endmacro %}

{# What was there before, with what came and without what went: the one sum of two indicators, of one unit. #}
{% macro stock_after(stock_before, inflow, outflow) -%}
    add(stock_before := {{ stock_before }}, {{ inflow }}) - {{ outflow }}
{%- endmacro %}

{% macro indicators_where(condition) -%}
    select indicator from {{ ref("stg_indicators") }} where {{ condition }}
{%- endmacro %}

{# Looked up only for a group that breaks it; the subquery is about no group, so it runs once. #}
{% macro rule_against(direction, row) -%}
    (
        select
            map_from_entries(
                list(
                    (
                        indicator,
                        case
                            when rollup_areas = 'bounds'
                            then
                                'distinct_kinds_are_never_added: '
                                || told
                                || '; what two areas have may be the same kind: give bounds (max, sum(upper_bound_over_areas := ...))'
                            when rollup_areas = 'recompute'
                            then
                                'a_ratio_is_never_averaged: '
                                || told
                                || '; add its parts (sum(parts_over_areas := ...)) and divide once'
                            when
                                rollup_areas in ('sum', 'register')
                                and '{{ direction }}' = 'rollup_time'
                            then
                                'a_stock_is_never_summed_over_time: '
                                || told
                                || '; a longer period ends with the value of its last period'
                            else
                                'a_class_is_never_added: '
                                || told
                                || '; count the areas that are in it'
                        end
                    )
                )
            )
        from
            (
                select
                    indicator,
                    rollup_areas,
                    indicator
                    || ' is a '
                    || statistical_kind
                    || ' ({{ direction }} = '
                    || {{ direction }}
                    || ')' as told
                from {{ ref("stg_indicators") }}
            ) as indicators
    )[{{ row }}.indicator]
{%- endmacro %}
