{#
  Figures of current reports as they stand after decisions: one that a person corrected has the new value, one that was
  returned to the sender is held. A decision is about one value and lapses with it. `reports` is int_reports or a part of
  it; few reports have decisions, so only those pay for the join.
#}
{% macro sent_figures(reports, measure) %}
    select
        reports.report_number,
        reports.part_number,
        reports.households,
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
        reports.report_number,
        reports.part_number,
        reports.households,
        cells.indicator,
        case
            when decisions.choice = 'correct'
            then decisions.new_value
            when decisions.choice is null
            then cells.sent_value
        end as obs_value,
        cells.sent_value,
        case when decisions.choice = 'return' then 'held' else cells.status end as status,
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

{#
  The grid of communes: what every report is asked for and whatever else it brought, each with its value and what became
  of it. A blank stays blank. Ratios are computed from both parts of one commune, and the register of areas counts each
  commune once; whoever adds up communes adds numerators and denominators. Nothing is materialized, so that whoever asks
  for one period reads one.
#}
{% macro commune_figures(reports) %}
    with

        reports as not materialized(select * from {{ reports }}),

        indicators as not materialized(select * from {{ ref("stg_indicators") }}),

        sent as not materialized({{ sent_figures("reports", "period") }}),

        figures as not materialized(
            select
                sent.report_number,
                sent.indicator,
                sent.obs_value,
                case
                    when sent.obs_value is not null
                    then 'published'
                    when sent.status in ('held', 'refused')
                    then 'held'
                    else 'missing'
                end as value_status,
                sent.sent_value,
                sent.decision,
                sent.sheet,
                sent.cell
            from sent
            inner join indicators on sent.indicator = indicators.indicator
            where indicators.rollup_areas not in ('recompute', 'register')
        ),

        {# The register has one figure of every commune; as the base of a ratio it stands beside each report. #}
        parts as not materialized(
            select report_number, indicator, obs_value, value_status
            from figures
            union all
            select
                reports.report_number,
                indicators.indicator,
                1 as obs_value,
                'published' as value_status
            from reports
            inner join indicators on indicators.rollup_areas = 'register'
            where reports.report_number is not null
        ),

        ratios as not materialized(
            select
                numerators.report_number,
                indicators.indicator,
                indicators.ratio_factor,
                numerators.obs_value as numerator,
                denominators.obs_value as denominator,
                numerators.value_status = 'held' or denominators.value_status = 'held' as is_held
            from indicators
            inner join parts as numerators on indicators.numerator = numerators.indicator
            inner join
                parts as denominators
                on indicators.denominator = denominators.indicator
                and numerators.report_number = denominators.report_number
            where indicators.rollup_areas = 'recompute'
        ),

        asked as not materialized(
            select reports.*, indicators.indicator, indicators.rollup_areas
            from reports
            inner join
                indicators
                on reports.form = indicators.asked_on_form
                and reports.months >= indicators.months
                and reports.period_end >= coalesce(indicators.valid_from, reports.period_end)
                and reports.period_end
                < coalesce(indicators.valid_to, reports.period_end + to_days(1))
        ),

        filled as (
            select
                reports.*,
                figures.indicator,
                figures.obs_value,
                figures.value_status,
                cast(null as decimal(18, 4)) as numerator,
                cast(null as decimal(18, 4)) as denominator,
                figures.sent_value,
                figures.decision,
                figures.sheet,
                figures.cell
            from reports
            inner join figures on reports.report_number = figures.report_number
            inner join indicators on figures.indicator = indicators.indicator
            where
                figures.value_status <> 'missing'
                or (
                    reports.form = indicators.asked_on_form
                    and reports.months >= indicators.months
                    and reports.period_end >= coalesce(indicators.valid_from, reports.period_end)
                    and reports.period_end
                    < coalesce(indicators.valid_to, reports.period_end + to_days(1))
                )
            union all
            select
                asked.* exclude (indicator, rollup_areas),
                asked.indicator,
                cast(
                    round(
                        ratios.ratio_factor * ratios.numerator / nullif(ratios.denominator, 0), 4
                    ) as decimal(18, 4)
                ) as obs_value,
                case
                    when ratios.denominator <> 0 and ratios.numerator is not null
                    then 'published'
                    when ratios.denominator = 0 and ratios.numerator is not null
                    then 'not_applicable'
                    when ratios.is_held
                    then 'held'
                    else 'missing'
                end as value_status,
                case when ratios.denominator is not null then ratios.numerator end as numerator,
                case when ratios.numerator is not null then ratios.denominator end as denominator,
                null as sent_value,
                null as decision,
                null as sheet,
                null as cell
            from asked
            left join
                ratios
                on asked.report_number = ratios.report_number
                and asked.indicator = ratios.indicator
            where asked.rollup_areas = 'recompute' and asked.report_number is not null
            union all
            select
                asked.* exclude (indicator, rollup_areas),
                asked.indicator,
                null as obs_value,
                asked.report_status as value_status,
                null as numerator,
                null as denominator,
                null as sent_value,
                null as decision,
                null as sheet,
                null as cell
            from asked
            where asked.report_number is null
            union all
            select
                reports.*,
                indicators.indicator,
                1 as obs_value,
                'published' as value_status,
                null as numerator,
                null as denominator,
                null as sent_value,
                null as decision,
                null as sheet,
                null as cell
            from reports
            inner join indicators on indicators.rollup_areas = 'register'
            {# Of a commune with several forms one report counts it. #}
            where
                (reports.area_key, reports.time_period, reports.form) in (
                    select area_key, time_period, min(form)
                    from reports
                    group by area_key, time_period
                )
        )

    select
        * exclude (part_number, obs_value, value_status, numerator, denominator),
        case when is_counted then obs_value end as obs_value,
        case when is_counted then value_status else 'not_applicable' end as value_status,
        case when is_counted then numerator end as numerator,
        case when is_counted then denominator end as denominator
    from filled
{% endmacro %}
