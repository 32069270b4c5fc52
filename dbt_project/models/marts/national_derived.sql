-- Figures of the country for longer periods, made of its shorter ones.
{{ config(materialized="view") }} {{ derived_over_time(ref("national_observations")) }}
