-- Figures of provinces for longer periods, made of their shorter ones.
{{ config(materialized="view") }} {{ derived_over_time(ref("province_observations")) }}
