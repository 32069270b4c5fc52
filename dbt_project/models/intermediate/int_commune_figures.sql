-- The grid of communes, all periods. Heavy to read whole: name a period, or take int_area_totals.
{{ config(materialized="view") }} {{ commune_figures(ref("int_reports")) }}
