-- Every released figure with the revisions in which it stood unchanged. The working warehouse knows
-- no releases, so it is empty here: it gives the shape of a view in them (src/tuquan/vintages.py).
select
    cast(null as varchar) as level,
    cast(null as varchar) as ref_area,
    cast(null as varchar) as area_key,
    cast(null as varchar) as district_area,
    cast(null as varchar) as province_area,
    cast(null as varchar) as time_period,
    cast(null as varchar) as indicator,
    cast(null as varchar) as area_name_vi,
    cast(null as decimal(18, 4)) as obs_value,
    cast(null as varchar) as value_status,
    cast(null as decimal(18, 4)) as numerator,
    cast(null as decimal(18, 4)) as denominator,
    cast(null as decimal(18, 4)) as lower_bound,
    cast(null as decimal(18, 4)) as upper_bound,
    cast(null as integer) as areas_expected,
    cast(null as integer) as areas_included,
    cast(null as integer) as areas_held,
    cast(null as varchar) as calendar,
    cast(null as integer) as first_revision,
    cast(null as integer) as last_revision,
    cast(null as timestamp) as known_from,
    cast(null as timestamp) as known_to,
    cast(null as boolean) as is_latest
where false
