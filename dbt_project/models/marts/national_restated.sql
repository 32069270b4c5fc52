-- The same figures as national_observations, on today's map.
{{
    restated_figures(
        "country", ref("commune_observations"), ref("area_map"), ref("dim_indicators")
    )
}}
