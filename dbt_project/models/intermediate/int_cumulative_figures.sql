-- Figures from the start of the year ("lũy kế") in current reports, after decisions. Never rolled
-- up: they only check the figures of the periods.
{{ config(materialized="view") }}
with

    reports as not materialized(select * from {{ ref("int_reports") }}),

    sent as not materialized({{ sent_figures("reports", "year_to_date") }})

select
    reports.ref_area,
    reports.area_key,
    reports.form,
    reports.calendar,
    reports.frequency,
    reports.time_period,
    reports.period_end,
    reports.submission_id,
    sent.indicator,
    sent.obs_value,
    sent.status,
    sent.sheet,
    sent.cell
from sent
inner join reports on sent.report_number = reports.report_number
