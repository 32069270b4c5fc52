-- Figures of communes on today's map.
{{
    restated_figures(
        "commune", ref("commune_observations"), ref("area_map"), ref("dim_indicators")
    )
}}
