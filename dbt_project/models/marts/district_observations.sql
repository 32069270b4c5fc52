-- Totals of districts; since 2025-07-01, when districts ended, of the former district over its
-- successors.
select
    ref_area,
    area_key,
    area_name_vi,
    province_area,
    grouping,
    is_exact_union,
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
where area_level = 'district'
