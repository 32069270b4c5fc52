"""The register of received files, as people and programs ask for it."""

from typing import Any

from tuquan import warehouse

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
    count(*) filter (cells.status = 'read') as cells_read,
    count(*) filter (cells.status = 'blank') as cells_blank,
    count(*) filter (cells.status in ('held', 'refused')) as cells_held
from raw.submissions
left join raw.cells using (submission_id)
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
            "receipt": file["receipt_path"],
            "times_seen": file["times_seen"],
            "submissions": [],
            "findings": [],
        }
    for submission in submissions:
        by_file[submission.pop("arrival_id")]["submissions"].append(submission)
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
