"""The register of received files, as people and programs ask for it."""

from collections.abc import Iterable, Mapping
from typing import Any

from tuquan import settings, warehouse

_VERSIONS = """
select submissions.submission_id, submissions.form, submissions.version, submissions.is_loaded,
    arrivals.declared_name as file, arrivals.channel, arrivals.sender, arrivals.received_at,
    admissions.admitted_by, admissions.reason as admission_reason
from raw.submissions
inner join raw.arrivals using (arrival_id)
left join meta.admissions using (submission_id)
where submissions.ref_area = ? and submissions.time_period = ?
    and exists (
        select 1 from raw.cells
        where cells.report_number = submissions.report_number and cells.reading_rule <> 'absent'
    )
order by submissions.form, submissions.version nulls last, submissions.arrival_id
"""
# Of a figure that stands twice in a report the doubtful cell counts: it comes last.
_STATED = """
select submission_id, indicator, measure, status, obs_value, raw_text as written from raw.cells
where submission_id in (select unnest(?)) and reading_rule <> 'absent'
order by status in ('held', 'refused'), cell
"""
Row = Mapping[str, Any]
_OF_SUBMISSION = (
    *("submission_id", "sheet", "form", "ref_area", "time_period", "version", "status", "is_loaded"),
    *("cells_read", "cells_blank", "cells_held"),
)
_FILES = """
select arrivals.*, coalesce(inbox_entries.times_seen, 1) as times_seen
from raw.arrivals
left join meta.inbox_entries using (arrival_id)
where arrivals.arrival_id > $after
order by arrivals.arrival_id
"""
_SUBMISSIONS = """
select submissions.submission_id, submissions.arrival_id, submissions.sheet, submissions.form, submissions.ref_area,
    submissions.time_period, submissions.version, submissions.status, submissions.is_loaded,
    count(*) filter (submissions.is_loaded and cells.status = 'read') as cells_read,
    count(*) filter (submissions.is_loaded and cells.status = 'blank' and reading_rule <> 'absent') as cells_blank,
    count(*) filter (submissions.is_loaded and cells.status in ('held', 'refused')) as cells_held
from raw.submissions
left join raw.cells using (report_number)
where submissions.arrival_id > $after
group by all
order by submissions.arrival_id, submissions.submission_id
"""


def newest_settled() -> int:
    """Return the number of the newest arrival before the first that still waits for its receipt; 0 when none has one.

    A killed run leaves files waiting; the next one finishes and reports them.
    """
    with warehouse.connect() as connection:
        return connection.execute(
            "select coalesce(min(arrival_id) filter (receipt_path is null) - 1, max(arrival_id), 0) from raw.arrivals"
        ).fetchone()[0]


def receipts_after(arrival_id: int) -> list[str]:
    """Return where the receipts of the arrivals after number ``arrival_id`` lie, one path each."""
    folder = settings.load().receipts
    with warehouse.connect() as connection:
        found = connection.execute(
            "select receipt_path from raw.arrivals "
            "where arrival_id > ? and receipt_path is not null order by arrival_id",
            [arrival_id],
        ).fetchall()
    return [str(folder / path) for (path,) in found]


def received_files(after: int = 0) -> list[dict[str, Any]]:
    """Return one object per received file, in the order of arrival, from the arrival after number ``after``.

    ``ref_area``, ``time_period`` and ``version`` are those of the file's only submission; a file with several has them
    in ``submissions``. ``times_seen`` counts the passes that found the file lying in its channel.
    """
    with warehouse.connect() as connection:
        files = warehouse.rows(connection, _FILES, {"after": after})
        submissions = warehouse.rows(connection, _SUBMISSIONS, {"after": after})
        findings = warehouse.rows(
            connection, "select * from raw.findings where arrival_id > $after order by all", {"after": after}
        )
    return describe(files, submissions, findings)


def describe(files: Iterable[Row], submissions: Iterable[Row], findings: Iterable[Row]) -> list[dict[str, Any]]:
    """Put rows of files, their submissions and findings together, as :func:`received_files` returns them."""
    by_file: dict[int, dict[str, Any]] = {}
    for file in files:
        by_file[file["arrival_id"]] = {
            "file": file["declared_name"],
            "sha256": file["sha256"],
            "status": file["status"],
            "ref_area": None,
            "time_period": None,
            "version": None,
            "channel": file["channel"],
            "received_at": file["received_at"],
            "format": file["file_format"],
            "stored_in": file["stored_in"],
            "receipt": file["receipt_path"],
            "receipt_workbook": file["receipt_workbook_path"],
            "times_seen": file["times_seen"],
            "submissions": [],
            "findings": [],
        }
    for submission in submissions:
        by_file[submission["arrival_id"]]["submissions"].append({name: submission[name] for name in _OF_SUBMISSION})
    for finding in findings:
        by_file[finding["arrival_id"]]["findings"].append(
            {
                "code": finding["check_name"],
                **{key: finding[key] for key in ("severity", "sheet", "cell", "indicator")},
                **{key: finding[key] for key in ("message_vi", "as_written", "read_as", "suggested_value")},
            }
        )
    for file in by_file.values():
        if len(file["submissions"]) == 1:
            only = file["submissions"][0]
            file.update({key: only[key] for key in ("ref_area", "time_period", "version")})
    return list(by_file.values())


def versions(ref_area: str, time_period: str) -> list[dict[str, Any]]:
    """Return every version of what an area sent for a period, and what each one changed.

    First those that counted, in their order, each compared with the one before; then those that wait as a whole, each
    compared with the current one. ``changes`` has the indicator and measure, and ``before`` and ``after`` with status,
    obs_value and what was written; None = the figure had no cell. The first version changes nothing.
    """
    with warehouse.connect() as connection:
        found = warehouse.rows(connection, _VERSIONS, [ref_area, time_period])
        stated: dict[str, dict[tuple[str, str], dict[str, Any]]] = {row["submission_id"]: {} for row in found}
        for cell in warehouse.rows(connection, _STATED, [list(stated)]):
            figures = stated[cell.pop("submission_id")]
            figures[cell.pop("indicator"), cell.pop("measure")] = cell
    before: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for version in found:
        after = stated[version["submission_id"]]
        version["figures"] = sum(cell["status"] == "read" for cell in after.values())
        version["changes"] = _changes(before.get(version["form"], after), after)
        if version["is_loaded"]:
            before[version["form"]] = after
    return found


def _changes(
    before: Mapping[tuple[str, str], dict[str, Any]], after: Mapping[tuple[str, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the figures that differ; a number that is only written in another way does not."""

    def meaning(cell: dict[str, Any] | None) -> tuple[Any, ...] | None:
        return cell and (cell["status"], cell["obs_value"], cell["written"] if cell["status"] != "read" else None)

    return [
        {"indicator": figure[0], "measure": figure[1], "before": before.get(figure), "after": after.get(figure)}
        for figure in {**before, **after}
        if meaning(before.get(figure)) != meaning(after.get(figure))
    ]
