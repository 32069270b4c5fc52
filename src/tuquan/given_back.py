"""Figures that the office gave back to their communes, as long as these are the figures that stand."""

from typing import Any

from tuquan import warehouse
from tuquan.vocabulary.duties import answer_due
from tuquan.vocabulary.phrases import in_vietnam

# A commune answers with another report, or with the very same file when the figure is right.
_RETURNED = """
with decided as (
    select *
    from meta.decisions
    qualify row_number() over (
        partition by ref_area, time_period, indicator, expected_value order by decision_id desc
    ) = 1
),
standing as (
    select submissions.*, arrivals.received_at
    from raw.submissions
    inner join raw.arrivals using (arrival_id)
    where is_loaded
    qualify row_number() over (partition by area_key, form, time_period order by report_number desc) = 1
),
repeated as (
    select repeats_arrival_id as arrival_id, max(received_at) as received_at
    from raw.arrivals where repeats_arrival_id is not null group by all
)
select standing.arrival_id, standing.area_key, standing.form, standing.time_period, standing.calendar,
    cells.sheet, cells.cell, cells.indicator, cells.obs_value, decided.reason, decided.decision_id, decided.decided_at,
    coalesce(greatest(standing.received_at, repeated.received_at) > decided.decided_at, false) as is_sent_again
from decided
inner join standing using (ref_area, time_period)
inner join raw.cells as cells
    on standing.submission_id = cells.submission_id
    and decided.indicator = cells.indicator
    and decided.expected_value = cells.obs_value
left join repeated on standing.arrival_id = repeated.arrival_id
where decided.choice = 'return' and cells.stands and cells.measure = 'period'
order by all
"""


def returned_figures(connection: warehouse.Connection) -> list[dict[str, Any]]:
    """Return the figures that wait for an answer of their commune, or of the office where the commune sent them again.

    Each with its place, the reason of the office, ``asked_on`` and ``answer_by`` (days in Vietnam), and whether the
    commune has sent the same figure once more since (``is_sent_again``).
    """
    rows = warehouse.rows(connection, _RETURNED)
    asked = [in_vietnam(row["decided_at"]).date() for row in rows]
    return [{**row, "asked_on": day, "answer_by": answer_due(day)} for row, day in zip(rows, asked, strict=True)]
