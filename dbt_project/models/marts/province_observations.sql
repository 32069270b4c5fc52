-- Totals of provinces.
select
    ref_area,
    area_key,
    area_name_vi,
    time_period,
    indicator,
    obs_value,
    value_status,
    unit_measure,
    statistical_kind,
    numerator,
    denominator,
    lower_bound,
    upper_bound,
    areas_expected,
    areas_reported,
    areas_held
from {{ ref("int_observations_rolled_up") }}
where area_level = 'province'
