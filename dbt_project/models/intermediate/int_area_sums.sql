-- depends_on: {{ ref('int_changed_periods') }}, {{ ref('int_form_periods') }}
-- The one pass over all cells, and so no more than it has to be: what the communes of a part sent,
-- added up, and how many of them have the cell. A model of its own, so that DuckDB has its memory
-- for this alone; with the joins of int_area_totals beside it, it goes to disk.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_form_periods(this, 'is_to_build') }}", "{{ sides_as_written() }}"],
        post_hook="{{ sides_as_estimated() }}",
    )
}}
with

    reports as not materialized(
        select * from {{ ref("int_reports") }} where is_counted and {{ of_periods_to_build() }}
    ),

    sent as not materialized({{ sent_figures("reports", "period") }}),

    summed as (
        select
            part_key,
            indicator,
            cast(sum(upper_bound_over_areas := obs_value) as decimal(18, 4)) as sum_of_values,
            max(obs_value) as largest_value,
            cast(count(*) as integer) as areas_answered
        from sent
        group by part_key, indicator
    )

-- Words would cost as much to write as all the rest: there are sixty times as many rows as parts.
select
    parts.form_period,
    summed.part_key,
    indicators.indicator_number,
    summed.sum_of_values,
    case when indicators.rollup_areas = 'bounds' then summed.largest_value end as largest_value,
    summed.areas_answered
from summed
inner join {{ ref("int_parts") }} as parts on summed.part_key = parts.part_key
inner join {{ ref("stg_indicators") }} as indicators on summed.indicator = indicators.indicator
