-- What people have decided about a figure, which holds as long as the figure is the one they
-- judged.
{% if var("panel", false) %}
    select ref_area, time_period, indicator, obs_value, decision, corrected_value
    from {{ source("panel", "decisions") }}
{% else %}
    {# What was corrected stands in the cells already. #}
    select
        reports.area_key as ref_area,
        decisions.time_period,
        {{ series_name("decisions.indicator", "any_value(reports.frequency)") }} as indicator,
        decisions.expected_value as obs_value,
        'confirmed' as decision,
        cast(null as decimal(18, 4)) as corrected_value
    from {{ ref("stg_decisions") }} as decisions
    inner join
        {{ ref("int_reports") }} as reports
        on decisions.ref_area = reports.ref_area
        and decisions.time_period = reports.time_period
        and reports.is_counted
    where decisions.measure = 'period' and decisions.choice = 'confirm'
    group by reports.area_key, decisions.time_period, decisions.indicator, decisions.expected_value
{% endif %}
