"""Take a report that waits as a whole: the office says that it counts, and why."""

from datetime import UTC, datetime

from tuquan import warehouse

_FOUND = """
select submissions.*, (
    select count(*) from raw.cells
    where cells.report_number = submissions.report_number and cells.status = 'read'
) as figures
from raw.submissions where starts_with(submission_id, ?)
"""
_NEXT_VERSION = """
select coalesce(max(version), 0) + 1 from raw.submissions
where is_loaded and area_key = $area_key and form = $form and time_period = $time_period
"""


class NotAdmitted(ValueError):
    """The report cannot be taken; the message says why."""


def admit(submission_id: str, by: str, reason: str) -> tuple[str, int]:
    """Let a waiting report count as the next version, whatever was asked about it; return its id and version.

    Its doubtful figures go on waiting. Who admits last has the last word: a report that is admitted after a newer one
    becomes the current version. A released period changes with its next revision only.

    Args:
        submission_id: the id, or a beginning that only it has.
        by: who takes it.
        reason: why; kept with the name.

    Raises:
        NotAdmitted: there is no such report, it counts already, or there is nothing in it that could count.
    """
    if not by.strip() or not reason.strip():
        raise NotAdmitted("an admission needs a name and a reason")
    with warehouse.connect() as connection:
        found = warehouse.rows(connection, _FOUND, [submission_id])
        if len(found) != 1:
            raise NotAdmitted(f"{len(found)} submissions begin with {submission_id!r}; see: tuquan submissions --json")
        (submission,) = found
        _insist_that_it_can_count(submission)
        key = {name: submission[name] for name in ("area_key", "form", "time_period")}
        now = datetime.now(UTC).replace(tzinfo=None)
        with warehouse.transaction(connection):
            version = connection.execute(_NEXT_VERSION, key).fetchone()[0]
            connection.execute(
                "update raw.submissions set is_loaded = true, version = ?, loaded_at = ? where submission_id = ?",
                [version, now, submission["submission_id"]],
            )
            connection.execute(
                "insert into meta.admissions values (?, ?, ?, ?)", [submission["submission_id"], by, reason, now]
            )
    return submission["submission_id"], version


def _insist_that_it_can_count(submission: dict) -> None:
    name = submission["submission_id"]
    if submission["is_loaded"]:
        raise NotAdmitted(f"{name} counts already, as version {submission['version']}")
    if not (submission["area_key"] and submission["form"] and submission["time_period"]):
        raise NotAdmitted(f"area, form or period of {name} is not known; ask the sender for the form of its commune")
    if submission["status"] != "held" or not submission["figures"]:
        raise NotAdmitted(f"{name} holds no figure that could be read; ask the sender for a corrected form")
