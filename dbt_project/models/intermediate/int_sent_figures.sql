-- Figures of the period ("kỳ này") in current reports, after decisions, each with its report.
{{ config(materialized="view") }} {{ sent_figures(ref("int_reports"), "period") }}
