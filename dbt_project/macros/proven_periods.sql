{#
  Which periods a test looks at: the newest three that this build made, and those somebody asked for. Older ones were
  proven when they were built; all of ten years again would cost more than building them.
#}
{% macro proven_periods() -%}
    time_period in (
        select time_period
        from
            (
                select time_period, row_number() over (order by time_period desc) as newest_first
                from {{ ref("int_changed_periods") }}
                where is_to_build
            ) as built
        where newest_first <= 3
        union all
        select time_period
        from {{ source("meta", "build_requests") }}
    )
{%- endmacro %}
