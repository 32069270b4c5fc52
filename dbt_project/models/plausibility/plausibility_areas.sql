-- Who reports: in which district, and how many households lived there when it first told.
{% if var("panel", false) %}
    select row_number() over (order by ref_area) as area_number, ref_area, district, households
    from {{ source("panel", "areas") }}
{% else %}
    select
        area_number,
        any_value(area_key) as ref_area,
        arg_max(district_key, period_end) as district,
        arg_min(households, period_end) as households
    from {{ ref("int_reports") }}
    where is_counted
    group by area_number
{% endif %}
