-- Figures of districts, and of what stands for them since July 2025, for longer periods, made of
-- their shorter ones. A district and its former district are one series only where both have the
-- same communes; is_exact_union says so.
{{ config(materialized="view") }}
{{
    derived_over_time(
        ref("district_observations"),
        of_last=["province_area", "grouping"],
        of_all=["is_exact_union"],
    )
}}
