-- Mergers: from time_period on ref_area reports for other_area, too, or came to be by it (founds).
{% if var("panel", false) %}
    select ref_area, time_period, other_area, false as founds
    from {{ source("panel", "changes") }}
    where change = 'absorbs'
{% else %}
    {#
      What a commune that was divided reported is no history of its parts, nor of what took one. A part that never
      reported stays a part: a sum without it would be no history either.
    #}
    select
        changes.to_key as ref_area,
        min(periods.time_period) as time_period,
        changes.from_key as other_area,
        bool_or(receivers.valid_from = changes.event_date) as founds
    from {{ ref("dim_area_changes") }} as changes
    inner join {{ ref("plausibility_areas") }} as areas on changes.to_key = areas.ref_area
    inner join {{ ref("stg_areas") }} as receivers on changes.to_key = receivers.area_key
    inner join
        {{ ref("int_periods") }} as periods
        on periods.frequency = 'month'
        and changes.event_date between periods.period_start and periods.period_end
    where changes.to_key not in (select to_key from {{ ref("dim_area_changes") }} where share < 1)
    group by changes.to_key, changes.from_key
{% endif %}
