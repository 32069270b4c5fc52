{#
  Figures of current reports as they stand after decisions, each with all columns of its report: one that a person
  corrected has the new value, one that was returned to the sender is held. A decision is about one value and lapses with
  it. `reports` is int_reports or a part of it; few reports have decisions, so only those pay for the join.
#}
{% macro sent_figures(reports, measure) %}
    select
        reports.*,
        cells.indicator,
        cells.sent_value as obs_value,
        cells.sent_value,
        cells.status,
        cast(null as varchar) as decision,
        cells.sheet,
        cells.cell
    from {{ ref("stg_cells") }} as cells
    inner join {{ reports }} as reports on cells.report_number = reports.report_number
    where cells.measure = '{{ measure }}' and not reports.has_decisions
    union all
    select
        reports.*,
        cells.indicator,
        case
            when decisions.choice = 'correct'
            then decisions.new_value
            when decisions.choice is null
            then cells.sent_value
        end as obs_value,
        cells.sent_value,
        case
            when decisions.choice in ('return', 'hold') then 'held' else cells.status
        end as status,
        decisions.choice as decision,
        cells.sheet,
        cells.cell
    from {{ ref("stg_cells") }} as cells
    inner join {{ reports }} as reports on cells.report_number = reports.report_number
    left join
        {{ ref("int_corrections") }} as decisions
        on reports.ref_area = decisions.ref_area
        and reports.time_period = decisions.time_period
        and cells.indicator = decisions.indicator
        and cells.measure = decisions.measure
        and cells.sent_value = decisions.expected_value
    where cells.measure = '{{ measure }}' and reports.has_decisions
{% endmacro %}

{# Whether a form asks for an indicator in a period. #}
{% macro is_asked(reports, indicators) -%}
    {{ reports }}.form = {{ indicators }}.asked_on_form
    and {{ reports }}.months >= {{ indicators }}.months
    and {{ reports }}.period_end >= coalesce({{ indicators }}.valid_from, {{ reports }}.period_end)
    and {{ reports }}.period_end
    < coalesce({{ indicators }}.valid_to, {{ reports }}.period_end + to_days(1))
{%- endmacro %}

{#
  Whether an indicator is divided by another one, or divides it; in words, so that of all cells only theirs are read.
  Where nothing is built yet, as for the page of the models, any may be.
#}
{% macro is_part_of_a_ratio(indicator) -%}
    {%- set indicators = ref("stg_indicators") -%}
    {%- if execute and indicators.schema and load_relation(indicators) -%}
        {%- set found = run_query(
            "select numerator as part from "
            ~ indicators
            ~ " where rollup_areas= 'recompute' union select denominator from "
            ~ indicators
            ~ " where rollup_areas= 'recompute' order by all"
        ) -%}
        {{ indicator }} in ('{{ found.columns[0].values() | join("', '") }}')
    {%- else -%} true
    {%- endif -%}
{%- endmacro %}
