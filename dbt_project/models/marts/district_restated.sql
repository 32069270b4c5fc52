-- The same figures as district_observations, on today's map.
{{
    restated_figures(
        "district", ref("commune_observations"), ref("area_map"), ref("dim_indicators")
    )
}}
