-- Of every form and period what came and what was decided, as a fingerprint, and whether its
-- reports have to be laid out anew: they did not come from what there is now. It does not matter
-- when or in which order something came. Until int_reports has laid a period out it stays to be
-- done, whatever becomes of the build. A frequency begins with the oldest period that anybody
-- reported for, and ends with the newest: before and after, nothing is owed yet.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="form_period",
    )
}}
with

    came as (
        select
            form,
            time_period,
            count(*) as reports,
            bit_xor(hash(report_number, submission_id, version, status, is_loaded)) as fingerprint,
            bool_or(status <> 'refused') as is_reported
        from {{ source("raw", "submissions") }}
        where area_key is not null
        group by form, time_period
    ),

    decided as (
        select
            time_period,
            count(*) as decisions,
            bit_xor(
                hash(ref_area, indicator, measure, expected_value, choice, new_value)
            ) as fingerprint
        from {{ ref("int_corrections") }}
        group by time_period
    ),

    periods as (select * from {{ ref("int_form_periods") }}),

    known as (
        select
            periods.*,
            min(case when came.is_reported then periods.period_end end) over of_series as first_end,
            max(case when came.is_reported then periods.period_end end) over of_series as last_end,
            came.reports,
            came.fingerprint,
            decided.decisions,
            decided.fingerprint as fingerprint_of_decisions
        from periods
        left join came on periods.form = came.form and periods.time_period = came.time_period
        left join decided on periods.time_period = decided.time_period
        window of_series as (partition by periods.series)
    ),

    states as (
        select
            form_period,
            time_period,
            period_end,
            coalesce(period_end between first_end and last_end, false) as is_closed,
            concat_ws(
                ' ', is_closed, reports, fingerprint, decisions, fingerprint_of_decisions
            ) as inputs_digest
        from known
    )

select
    states.form_period,
    states.time_period,
    states.period_end,
    states.is_closed,
    states.inputs_digest,
    {% if is_incremental() -%}
        bool_or(
            before.form_period is null
            or before.is_to_lay_out
            or before.inputs_digest <> states.inputs_digest
        ) over (partition by states.time_period)
    {%- else -%} true
    {%- endif %} as is_to_lay_out
from states
{% if is_incremental() -%}
    left join {{ this }} as before on states.form_period = before.form_period
{%- endif %}
