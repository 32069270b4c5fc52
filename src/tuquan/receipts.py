"""One Vietnamese receipt per received file: what was taken, what waits and why, and what to do.

A receipt is a text file below ``receipts/``, in the folder of its period, named after the sender's file. It holds what
stands in the register, so it can be written again at any time.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tuquan import settings, warehouse
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import load_checks, number_vi, period_vi, phrase, shown

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
MOST_FINDINGS = 100  # of one list: a form has 60 rows, and a wrong column of a CSV is wrong in each of its lines
NAME_BYTES = 200  # a file system takes 255, and a letter has up to 4
_UNSAFE = re.compile(r"[^\w.\- ]+")
_PENDING = """
select arrivals.*, first_arrivals.received_at as first_received_at
from raw.arrivals
left join raw.arrivals as first_arrivals on arrivals.repeats_arrival_id = first_arrivals.arrival_id
where arrivals.receipt_path is null and arrivals.status <> 'registered'
order by arrivals.arrival_id
"""
_SUBMISSIONS = """
select submissions.*,
    count(*) filter (cells.status = 'read') as cells_read,
    count(*) filter (cells.status = 'blank') as cells_blank,
    count(*) filter (cells.status in ('held', 'refused')) as cells_held
from raw.submissions
left join raw.cells using (submission_id)
where submissions.arrival_id in (select unnest(?))
group by all
order by submission_id
"""
_FINDINGS = "select * from raw.findings where arrival_id in (select unnest(?)) order by rowid"


def write_receipts() -> int:
    """Write the receipt of every file that has an outcome and no receipt yet; return how many were written."""
    folder = settings.load().receipts
    with warehouse.connect() as connection:
        pending = warehouse.rows(connection, _PENDING)
        ids = [arrival["arrival_id"] for arrival in pending]
        submissions = _grouped(warehouse.rows(connection, _SUBMISSIONS, [ids]))
        findings = _grouped(warehouse.rows(connection, _FINDINGS, [ids]))
        written = []
        for arrival in pending:
            own = submissions.get(arrival["arrival_id"], [])
            path = _path(arrival, own)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_text(arrival, own, findings.get(arrival["arrival_id"], [])), encoding="utf-8")
            written.append({"arrival_id": arrival["arrival_id"], "receipt_path": str(path)})
        with warehouse.transaction(connection):
            connection.execute("create or replace temp table written (arrival_id bigint, receipt_path text)")
            warehouse.append(connection, "written", written)
            connection.execute(
                "update raw.arrivals set receipt_path = written.receipt_path "
                "from written where arrivals.arrival_id = written.arrival_id"
            )
    return len(written)


def _grouped(rows: Iterable[dict]) -> dict[int, list[dict]]:
    grouped: dict[int, list[dict]] = {}
    for row in rows:
        grouped.setdefault(row["arrival_id"], []).append(row)
    return grouped


def _path(arrival: dict, submissions: list[dict]) -> Path:
    periods = {submission["time_period"] for submission in submissions if submission["time_period"]}
    folder = periods.pop() if len(periods) == 1 else phrase("receipt.folder_without_period")
    # The arrival's number keeps two files of one name apart; the name itself is cleaned, so it cannot leave the folder.
    name = _UNSAFE.sub("_", arrival["declared_name"].rsplit("/", 1)[-1])[:80]
    name = name.encode()[:NAME_BYTES].decode(errors="ignore").strip(". ")
    return Path(folder) / f"{arrival['arrival_id']:06d} {name}.txt"


def _text(arrival: dict, submissions: list[dict], findings: list[dict]) -> str:
    lines = [phrase("receipt.header"), "", phrase("receipt.file", file=shown(arrival["declared_name"]))]
    lines.append(phrase("receipt.received_at", time=_time_vi(arrival["received_at"])))
    if arrival["sha256"]:
        lines.append(phrase("receipt.fingerprint", sha256=arrival["sha256"][:16]))
    if arrival["status"] == "duplicate":
        lines += ["", phrase("receipt.duplicate", time=_time_vi(arrival["first_received_at"]))]
    elif not submissions:
        lines += ["", phrase("receipt.held_file" if arrival["status"] == "held" else f"receipt.{arrival['status']}")]
    about_file = [finding for finding in findings if finding["submission_id"] is None]
    if about_file and submissions:
        lines += ["", phrase("receipt.about_file")]
    lines += _numbered(about_file)
    for submission in submissions:
        own = [finding for finding in findings if finding["submission_id"] == submission["submission_id"]]
        lines += _about(submission, own)
    if arrival["status"] in ("held", "refused"):
        lines += ["", phrase("receipt.correction_open")]
    return "\n".join([*lines, "", phrase("receipt.thanks"), ""])


def _about(submission: dict, findings: list[dict]) -> list[str]:
    area = load_register().by_key.get(submission["area_key"] or "")
    name = f"{area.name_vi} ({area.ref_area})" if area else submission["ref_area"] or phrase("receipt.no_area")
    lines = ["", phrase("receipt.sender", area=name), phrase("receipt.period", period=_period_vi(submission))]
    if submission["is_loaded"]:
        lines.append(phrase("receipt.version", version=submission["version"]))
    outcome = submission["status"]
    if outcome == "held" and not submission["is_loaded"]:
        outcome = "held_file"
    counts = {"loaded": submission["cells_read"], "held": submission["cells_held"], "blank": submission["cells_blank"]}
    lines.append(phrase(f"receipt.{outcome}", **counts))
    waiting = [finding for finding in findings if finding["severity"] in ("held", "refused")]
    notes = [finding for finding in findings if finding["severity"] not in ("held", "refused")]
    if waiting:
        lines += ["", phrase("receipt.waiting"), *_numbered(waiting)]
    if notes:
        lines += ["", phrase("receipt.notes"), *_numbered(notes)]
    return lines


def _numbered(findings: list[dict]) -> list[str]:
    checks = load_checks()
    more = [phrase("receipt.more", count=number_vi(len(findings) - MOST_FINDINGS))]
    return [
        phrase(
            "receipt.finding",
            number=number,
            message=finding["message_vi"],
            advice=checks[finding["check_name"]].advice_vi.format_map(_Suggestion(finding["suggested_value"])),
        )
        for number, finding in enumerate(findings[:MOST_FINDINGS], start=1)
    ] + more * (len(findings) > MOST_FINDINGS)


class _Suggestion(dict[str, str]):
    """Fills {suggestion} with the value that a reading suggests, or else with an example number."""

    def __init__(self, suggested_value: str | None) -> None:
        super().__init__(suggestion=suggested_value or phrase("receipt.example_number"))

    def __missing__(self, key: str) -> str:
        return ""


def _period_vi(submission: dict) -> str:
    if not submission["time_period"]:
        return phrase("receipt.no_period")
    return period_vi(parse_period(submission["time_period"], submission["calendar"] or "administrative"))


def _time_vi(utc: datetime) -> str:
    return utc.replace(tzinfo=ZoneInfo("UTC")).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
