{#
  What is kept of reports from build to build stays while what it was made of stays (int_reported_periods): the rest is
  taken away before the model puts it there anew.
#}
{% macro forget_sizes(sizes) -%}
    {%- if execute and load_cached_relation(sizes) is not none and not should_full_refresh() -%}
        delete from {{ sizes }}
        where
            period_end
            in (select period_end from {{ ref("int_reported_periods") }} where is_to_lay_out)
    {%- endif -%}
{%- endmacro %}

{% macro forget_reports(reports) -%}
    {%- if execute and load_cached_relation(reports) is not none and not should_full_refresh() -%}
        delete from {{ reports }}
        where
            time_period
            in (select time_period from {{ ref("int_reported_periods") }} where is_to_lay_out)
    {%- endif -%}
{%- endmacro %}

{# The periods with a report for which another size holds by now also have to be laid out. #}
{% macro spread_sizes(reports) -%}
    {%- if execute and load_cached_relation(reports) is not none and not should_full_refresh() -%}
        {%- set resized -%} {{ periods_with_other_sizes(reports) }} {%- endset -%}
        {{ set_to_lay_out("true where time_period in (" ~ resized ~ ")") }}
    {%- endif -%}
{%- endmacro %}

{% macro note_laid_out() -%} {{ set_to_lay_out("false") }} {%- endmacro %}

{% macro set_to_lay_out(how) -%}
    {{ "update " ~ ref("int_reported_periods").render() ~ " set is_to_lay_out = " ~ how }}
{%- endmacro %}

{#
  A size that came for one period may be that of others: of those after it until the next size, and of those before it
  when it is the first. So of reports that stay the size is asked again, where one that is laid out anew could be theirs.
#}
{% macro periods_with_other_sizes(reports) %}
    with

        sizes as (select * from {{ ref("int_commune_sizes") }}),

        laid_out_anew as (
            select time_period, period_end
            from {{ ref("int_reported_periods") }}
            where is_to_lay_out
        ),

        changed as (select min(period_end) as first_end from laid_out_anew),

        first_sizes as (
            select
                area_number,
                min(period_end) as first_end,
                arg_min(households, period_end) as households
            from sizes
            group by area_number
        ),

        reports as (
            select
                reports.area_number,
                reports.time_period,
                reports.period_end,
                reports.households,
                first_sizes.households as first_households
            from {{ reports }} as reports
            cross join changed
            left join first_sizes on reports.area_number = first_sizes.area_number
            where
                reports.time_period not in (select time_period from laid_out_anew)
                and (
                    reports.period_end >= changed.first_end
                    or coalesce(first_sizes.first_end, changed.first_end) >= changed.first_end
                )
        ),

        sizes_of_these as (
            select * from sizes where area_number in (select area_number from reports)
        )

    select reports.time_period
    from reports
    asof left join
        sizes_of_these as befores
        on reports.area_number = befores.area_number
        and reports.period_end >= befores.period_end
    where coalesce(befores.households, reports.first_households) is distinct from reports.households
{% endmacro %}
