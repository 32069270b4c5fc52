-- Figures from the start of the year ("lũy kế") in current reports, after decisions. Never rolled
-- up: they only check the figures of the periods.
{{ config(materialized="view") }} {{ sent_figures(ref("int_reports"), "year_to_date") }}
