-- Who reports: in which district, and how many households live there by what was reported last.
{% if var("panel", false) %}
    select ref_area, district, area_type, households from {{ source("panel", "areas") }}
{% else %}
    select
        area_key as ref_area,
        arg_max(district_key, period_end) as district,
        arg_max(households, period_end) as households
    from {{ ref("int_reports") }}
    where is_counted and time_period in (select time_period from {{ ref("judged_periods") }})
    group by area_key
{% endif %}
