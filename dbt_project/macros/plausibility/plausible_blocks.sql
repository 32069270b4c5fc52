{#
  Runs of consecutive cells of a form that fit the line above or below better than their own.
#}
{% macro plausible_blocks(look) -%}
    with

        suspects as (
            select line_no, time_period
            from {{ ref(look ~ "_look_suspects") }}
            where reported > 0 and likelihood * log_deviation < 0.02
            group by line_no, time_period
            having count(*) >= 2
        ),

        placed as (
            select
                cells.*,
                row_number() over (
                    partition by cells.line_no, cells.time_period order by cells.series_no
                ) as row_of_file
            from {{ ref(look ~ "_look_expectations") }} as cells
            inner join suspects using (line_no, time_period)
        ),

        tried as (
            select
                ones.line_no,
                ones.time_period,
                ones.series_no,
                ones.row_of_file,
                others.row_of_file - ones.row_of_file as shift,
                others.series_no as other_no,
                returned.reported as suggested_value,
                ones.reported,
                ones.log_deviation,
                ones.distance,
                ones.zero_chance,
                {{ fit_of("ones.reported", "others", 12) }}
                - {{ fit_of("ones.reported", "ones", 12) }} as evidence
            from placed as ones
            inner join
                placed as others
                on ones.line_no = others.line_no
                and ones.time_period = others.time_period
                and abs(ones.row_of_file - others.row_of_file) between 1 and 2
            left join
                placed as returned
                on ones.line_no = returned.line_no
                and ones.time_period = returned.time_period
                and returned.row_of_file
                = ones.row_of_file - (others.row_of_file - ones.row_of_file)
        ),

        fitting as (
            select
                *,
                row_of_file - row_number() over (
                    partition by line_no, time_period, shift order by row_of_file
                ) as run
            from tried
            where evidence > -3
        ),

        runs as (
            select
                line_no,
                time_period,
                shift,
                run,
                sum(of_counts := evidence) as evidence_of_run,
                min(row_of_file) filter (where evidence > 1) as first_row,
                max(row_of_file) filter (where evidence > 1) as last_row
            from fitting
            group by line_no, time_period, shift, run
            having count(*) filter (where evidence > 2 and reported > 0) >= 3
        ),

        best as (
            select *
            from runs
            qualify
                row_number() over (
                    partition by line_no, time_period order by evidence_of_run desc, shift, run
                )
                = 1
        )

    select
        fitting.line_no,
        fitting.series_no,
        fitting.time_period,
        fitting.other_no,
        fitting.suggested_value,
        ln({{ prior_of("shifted_block") }}) - 3 + best.evidence_of_run as log_odds,
        case
            when fitting.reported = fitting.suggested_value
            then 0
            else {{ share_unlike("fitting") }}
        end as share_wrong
    from best
    inner join fitting using (line_no, time_period, shift, run)
    where fitting.row_of_file between best.first_row and best.last_row
{%- endmacro %}
