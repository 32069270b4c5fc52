-- Districts with one column per indicator, in the order of the form: for looking, and for what
-- takes
-- two indicators at once. A new line of the catalogue is a new column, so no contract can list
-- them.
{{
    config(
        contract={"enforced": false},
        post_hook="{{ comment_on_catalogue_columns(this) }}",
    )
}}
-- depends_on: {{ ref("indicators") }}
select
    ref_area,
    area_key,
    area_name_vi,
    province_area,
    calendar,
    frequency,
    time_period,
    max(areas_expected) as areas_expected,
    max(areas_received) as areas_received
    {% for line in catalogue_lines() %}
        , max(obs_value) filter (indicator = '{{ line["indicator"] }}') as {{ line["indicator"] }}
    {% endfor %}
from {{ ref("district_observations") }}
group by ref_area, area_key, area_name_vi, province_area, calendar, frequency, time_period
