-- The cells of current reports, one per figure: if a report holds a figure twice, the doubtful
-- cell stands. A figure that a person corrected has the new value; one that was returned to the
-- sender is held.
with

    cells as (select * from {{ source("raw", "cells") }}),

    submissions as (select * from {{ ref("stg_submissions") }} where is_current),

    decisions as (
        select
            ref_area,
            time_period,
            indicator,
            measure,
            expected_value,
            choice,
            new_value,
            row_number() over (
                partition by ref_area, time_period, indicator, measure, expected_value
                order by decision_id desc
            ) as newest_first
        from {{ ref("stg_decisions") }}
        where choice in ('correct', 'return')
    ),

    current_cells as (
        select
            submissions.submission_id,
            submissions.ref_area,
            submissions.area_key,
            submissions.form,
            submissions.time_period,
            submissions.version,
            cells.sheet,
            cells.cell,
            cells.indicator,
            cells.measure,
            cells.obs_value as sent_value,
            cells.status,
            row_number() over (
                partition by cells.submission_id, cells.indicator, cells.measure
                order by
                    case
                        cells.status
                        when 'held'
                        then 1
                        when 'refused'
                        then 2
                        when 'read'
                        then 3
                        else 4
                    end,
                    cells.sheet,
                    cells.cell
            ) as doubtful_first
        from cells
        inner join submissions on cells.submission_id = submissions.submission_id
    )

select
    current_cells.submission_id,
    current_cells.ref_area,
    current_cells.area_key,
    current_cells.form,
    current_cells.time_period,
    current_cells.version,
    current_cells.sheet,
    current_cells.cell,
    current_cells.indicator,
    current_cells.measure,
    case
        when decisions.choice = 'correct'
        then decisions.new_value
        when decisions.choice is null
        then current_cells.sent_value
    end as obs_value,
    current_cells.sent_value,
    case when decisions.choice = 'return' then 'held' else current_cells.status end as status,
    decisions.choice as decision
from current_cells
left join
    decisions
    on current_cells.ref_area = decisions.ref_area
    and current_cells.time_period = decisions.time_period
    and current_cells.indicator = decisions.indicator
    and current_cells.measure = decisions.measure
    and current_cells.sent_value = decisions.expected_value
    and decisions.newest_first = 1
where current_cells.doubtful_first = 1
