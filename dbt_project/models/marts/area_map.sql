-- Where the figures of each commune version lie on the newest map of the register.
{{ config(materialized="table") }}
{{
    area_map_rows(
        "(select max(valid_from) from " ~ ref("dim_areas") ~ ")",
        ref("dim_areas"),
        ref("dim_area_changes"),
        ref("dim_area_ancestors"),
    )
}}
