"""The answer that a file would get if it were sent now, without taking it: nothing is written anywhere."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuquan import warehouse
from tuquan.answers import receipt_text, review_receipt_text
from tuquan.collect import content_of, look_at, name_below, refusal_finding
from tuquan.judging import Arrival, Judged
from tuquan.load import finding_rows, judge_all, open_reader, submission_rows
from tuquan.register import describe
from tuquan.vocabulary.privacy_signs import mask_file_name
from tuquan.workbook.review_sheet import FORMAT as REVIEW_WORKBOOK
from tuquan.workbook.submission import ReadSubmission

_BLANK_FINDING = dict.fromkeys(("sheet", "cell", "indicator", "as_written", "read_as", "suggested_value"))


@dataclass(frozen=True)
class Answer:
    """What one file would turn into: as ``tuquan submissions --json`` shows it, and as its receipt says it."""

    file: dict[str, Any]
    receipt: str


def check_files(paths: Sequence[Path]) -> list[Answer]:
    """Judge the files as if they arrived now, in this order, after everything that the register knows."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with warehouse.look() as connection, open_reader() as read:
        next_id = connection.execute("select coalesce(max(arrival_id), 0) + 1 from raw.arrivals").fetchone()[0]
        at_the_door = [_at_the_door(number, path, now) for number, path in enumerate(paths, start=next_id)]
        sound = [(one, path) for one, path in zip(at_the_door, paths, strict=True) if isinstance(one, Arrival)]
        files = read((path, arrival.declared_name) for arrival, path in sound)
        judged = judge_all(connection, list(zip((arrival for arrival, _ in sound), files, strict=True)))
        received_at = dict(connection.execute("select arrival_id, received_at from raw.arrivals").fetchall())
    judgements = iter(judged)
    return [
        _answer(next(judgements), now, received_at) if isinstance(one, Arrival) else _refusal(one, now)
        for one in at_the_door
    ]


def _at_the_door(number: int, path: Path, now: datetime) -> Arrival | dict[str, Any]:
    """Return the file as an arrival, or what is said when it is not even taken."""
    name = name_below(path, path.parent)
    content, delivery = content_of(look_at(path, name))
    if content is None:
        about = {"arrival_id": number, "submission_id": None, "declared_name": mask_file_name(name)}
        return {**_BLANK_FINDING, **about, **refusal_finding(delivery)}
    return Arrival(number, mask_file_name(name), hashlib.sha256(content).hexdigest(), now)


def _refusal(finding: dict[str, Any], now: datetime) -> Answer:
    arrival = _arrival(finding["arrival_id"], finding["declared_name"], now, status="refused")
    return Answer(describe([arrival], [], [finding])[0], receipt_text(arrival, [], [finding]))


def _answer(judged: Judged, now: datetime, received_at: dict[int, datetime]) -> Answer:
    arrival = _arrival(
        judged.arrival.arrival_id,
        judged.arrival.declared_name,
        now,
        status=judged.status,
        sha256=judged.arrival.sha256,
        file_format=judged.file.file_format,
        stored_in=judged.file.storage,
        first_received_at=received_at.get(judged.repeats_arrival_id or 0, now),
    )
    submissions, findings = _counted(judged, now), finding_rows(judged)
    if judged.file.file_format == REVIEW_WORKBOOK:
        receipt = review_receipt_text(arrival, judged.review, findings)
    else:
        receipt = receipt_text(arrival, submissions, findings)
    return Answer(describe([arrival], submissions, findings)[0], receipt)


def _arrival(number: int, name: str, now: datetime, **known: Any) -> dict[str, Any]:
    """Return a row as the register would have it."""
    about = {"arrival_id": number, "declared_name": name, "channel": "check", "received_at": now, "times_seen": 1}
    unknown = dict.fromkeys(("sha256", "file_format", "stored_in", "receipt_path", "receipt_workbook_path"))
    return {**unknown, **about, **known}


def _counted(judged: Judged, now: datetime) -> list[dict[str, Any]]:
    """Return the rows of the submissions with what the register counts of their cells."""
    return [
        {
            **row,
            "cells_read": _count(submission, "read"),
            "cells_blank": _count(submission, "blank"),
            "cells_held": _count(submission, "held", "refused"),
        }
        for row, submission in zip(submission_rows(judged, now), judged.file.submissions, strict=True)
    ]


def _count(submission: ReadSubmission, *statuses: str) -> int:
    return submission.is_loadable and sum(cell.status in statuses for cell in submission.cells)
