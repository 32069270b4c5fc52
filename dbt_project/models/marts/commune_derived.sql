-- Figures of communes for longer periods, made of their shorter ones whenever somebody asks: name a
-- period.
{{ config(materialized="view") }}
{{
    derived_over_time(
        ref("commune_observations"),
        of_last=["district_area", "province_area"],
        covers_areas=false,
    )
}}
