-- The same figures as province_observations, on today's map.
{{
    restated_figures(
        "province", ref("commune_observations"), ref("area_map"), ref("dim_indicators")
    )
}}
