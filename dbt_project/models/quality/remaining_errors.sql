-- By how much each total of a province is expected to be off while its questions are open. Errors
-- of
-- both signs make up for each other, as they do in the total; of several questions about one figure
-- the gravest counts.
with

    open_figures as (
        select
            province_area,
            time_period,
            indicator,
            area_key,
            any_value(province_total) as province_total,
            arg_max(
                score * impact_on_province,
                struct_pack(size := score * abs(impact_on_province), id := flag_id)
            ) as expected_error
        from {{ ref("flags") }}
        where is_open and score * impact_on_province is not null
        group by province_area, time_period, indicator, area_key
    ),

    totals as (
        select
            province_area,
            time_period,
            indicator,
            any_value(province_total) as province_total,
            sum(of_counts := expected_error) as expected_error,
            count(*) as figures
        from open_figures
        group by province_area, time_period, indicator
    ),

    provinces as (
        select ref_area, min(name_vi) as name_vi
        from {{ ref("stg_areas") }}
        where area_level = 'province'
        group by ref_area
    )

select
    totals.province_area as ref_area,
    provinces.name_vi as area_name_vi,
    totals.time_period,
    totals.indicator,
    cast(totals.province_total as decimal(18, 4)) as province_total,
    cast(totals.figures as integer) as figures,
    cast(
        round(
            100
            * abs(totals.expected_error)
            / case totals.province_total when 0 then 1 else totals.province_total end,
            4
        ) as decimal(18, 4)
    ) as expected_error_pct
from totals
left join provinces on totals.province_area = provinces.ref_area
