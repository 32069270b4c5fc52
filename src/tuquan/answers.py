"""The texts that answer a commune: a receipt for each file, and one digest for each commune and period.

Pure: the same rows give the same text. Rows are those of the register, as dicts; names in them are data.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tuquan.vocabulary.areas import Area, load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.duties import duty_of
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import Period, parse_period
from tuquan.vocabulary.phrases import date_vi, number_vi, period_vi, phrase, shown, time_vi
from tuquan.vocabulary.privacy_signs import mask
from tuquan.workbook.remarks import asks_for_figures, place_of, with_advice

Row = Mapping[str, Any]
MOST_FINDINGS = 100  # of one list: a form has 60 rows, and a wrong column of a CSV is wrong in each of its lines
ASKS = ("held", "refused")


def receipt_text(
    arrival: Row, submissions: Sequence[Row], findings: Sequence[Row], enclosed: Sequence[str] | None = None
) -> str:
    """Return what one file is answered: what was taken, what waits and why, and what to do.

    Args:
        arrival: declared_name, received_at (UTC), sha256, status; first_received_at for a duplicate.
        submissions: its reports: submission_id, sheet, form, ref_area, area_key, calendar, time_period, version,
            status, is_loaded, cells_read, cells_held and cells_blank.
        findings: submission_id (None = about the file), check_name, severity, message_vi and suggested_value.
        enclosed: what the answer says about the workbook that goes along; None when there is none.
    """
    lines = [phrase("receipt.header"), "", phrase("receipt.file", file=file_name(arrival))]
    lines.append(phrase("receipt.received_at", time=time_vi(arrival["received_at"])))
    if arrival["sha256"]:
        lines.append(phrase("receipt.fingerprint", sha256=arrival["sha256"][:16]))
    if arrival["status"] == "duplicate":
        lines += ["", phrase("receipt.duplicate", time=time_vi(arrival["first_received_at"]))]
    elif not submissions:
        lines += ["", phrase("receipt.held_file" if arrival["status"] == "held" else f"receipt.{arrival['status']}")]
    about_file = [finding for finding in findings if finding["submission_id"] is None]
    if about_file and submissions:
        lines += ["", phrase("receipt.about_file")]
    lines += _numbered(about_file)
    has_sheets = len({submission["sheet"] for submission in submissions}) > 1
    for submission in submissions:
        own = [finding for finding in findings if finding["submission_id"] == submission["submission_id"]]
        lines += ["", *_about(submission, own, with_sheet=has_sheets)]
    if arrival["status"] in ASKS:
        lines += _what_to_do(submissions, findings, enclosed)
    return "\n".join([*lines, "", phrase("receipt.thanks"), ""])


def review_receipt_text(arrival: Row, review: Row | None, findings: Sequence[Row], lies_in: str | None = None) -> str:
    """Return what a review workbook is answered: what was decided by it, and row by row what was not, and why.

    Args:
        arrival: as for :func:`receipt_text`.
        review: time_period, issued_to, and how many questions are taken, refused and undecided; None for a file that
            may not be stored.
        findings: one for each row of which something is to be said.
        lies_in: the folder in which all of it can be read, for the text that leaves the house: that has neither
            figures nor the rows nor a name.
    """
    lines = [phrase("review_receipt.header"), "", phrase("receipt.file", file=file_name(arrival))]
    lines.append(phrase("receipt.received_at", time=time_vi(arrival["received_at"])))
    lines.append(phrase("receipt.fingerprint", sha256=arrival["sha256"][:16]))
    counts = {name: review[name] for name in ("taken", "refused", "undecided")} if review else {}
    was_judged = any(counts.values())
    if review and review["time_period"]:
        lines.append(phrase("receipt.period", period=_period_vi(review["time_period"], None)))
        if lies_in is None:
            lines.append(phrase("review_receipt.issued_to", name=mask(shown(review["issued_to"]))))
    if arrival["status"] == "duplicate":
        lines += ["", phrase("review_receipt.duplicate", time=time_vi(arrival["first_received_at"]))]
    elif was_judged:
        told = {name: number_vi(count) for name, count in counts.items()}
        lines += ["", phrase("review_receipt.counts", **told)]
        lines += [phrase("review_receipt.applied")] if counts["taken"] else []
    else:
        lines += ["", phrase("review_receipt.nothing")]
    if was_judged and lies_in is not None:
        lines += ["", phrase("review_receipt.elsewhere", folder=lies_in)]
    else:
        lines += _review_rows(findings)
    return "\n".join([*lines, "", phrase("receipt.thanks"), ""])


def _review_rows(findings: Sequence[Row]) -> list[str]:
    """Say of each row what became of it: whoever decided wants to know all of them."""
    lines = []
    asking = [finding for finding in findings if finding["severity"] in ASKS]
    taken = [finding for finding in findings if finding["severity"] not in ASKS]
    for name, found in (("refused_rows", asking), ("taken_rows", taken)):
        if found:
            lines += ["", phrase(f"review_receipt.{name}"), *_numbered(found, len(found))]
    if any(finding["check_name"] != "review_workbook_is_ours" for finding in asking):
        lines += ["", phrase("review_receipt.again")]
    return lines


def digest_text(
    area_key: str, time_period: str, reports: Sequence[Row], findings: Sequence[Row], returned: Sequence[Row] = ()
) -> str:
    """Return what stands now of one commune and period, whatever it sent for it.

    Args:
        area_key: the commune.
        time_period: the period.
        reports: one row per file and report in the order of arrival, as submissions of :func:`receipt_text` with
            arrival_id, declared_name, received_at, receipt_path, file_status (of the file), first_received_at and
            is_admitted (the office let it count, whatever was asked about it).
        findings: those of all these reports.
        returned: figures that the office gave back: sheet, cell, indicator, obs_value, reason and answer_by.
    """
    last = reports[-1]
    loaded = [report for report in reports if report["is_loaded"] and report["file_status"] != "duplicate"]
    current = max(loaded, key=lambda report: report["version"], default=None)
    area, period = about(area_key, time_period, last["calendar"])
    lines = [phrase("digest.header"), "", area, period]
    lines.append(phrase("digest.as_of", time=time_vi(max(report["received_at"] for report in reports))))
    lines += ["", phrase("digest.files")]
    for number, report in enumerate(reports, start=1):
        outcome = phrase(f"digest.{_outcome(report)}", **_places(report))
        time = time_vi(report["received_at"])
        lines.append(phrase("digest.line", number=number, time=time, file=file_name(report), outcome=outcome))
    if current is None:
        lines += ["", phrase("digest.no_current")]
    else:
        lines += ["", phrase("digest.current", version=current["version"], file=file_name(current))]
        questions = _asking(current, findings)
        lines += (
            ["", phrase("digest.questions"), *_numbered(questions)] if questions else [phrase("digest.no_questions")]
        )
    if returned:
        lines += ["", phrase("digest.returned")]
    lines += [_returned_line(number, row) for number, row in enumerate(returned, start=1)]
    after = -1 if current is None else current["arrival_id"]
    waiting = [
        report
        for report in reports
        if report["arrival_id"] > after and not report["is_loaded"] and report["file_status"] != "duplicate"
    ]
    if waiting:
        lines += ["", phrase("digest.waiting")]
    for report in waiting:
        lines += ["", phrase("receipt.file", file=file_name(report)), *_numbered(_asking(report, findings))]
    return "\n".join([*lines, ""])


def _returned_line(number: int, row: Row) -> str:
    item = load_catalogue()[row["indicator"]]
    return phrase(
        "digest.returned_line",
        number=number,
        place=place_of(shown(row["sheet"] or ""), row["cell"]),
        indicator=item.name_vi,
        value=number_vi(row["obs_value"], item.decimals),
        reason=shown(row["reason"]),
        date=date_vi(row["answer_by"]),
    )


def about(area_key: str | None, time_period: str | None, calendar: str | None, ref_area: str = "") -> tuple[str, str]:
    """Return the two lines that name unit and period."""
    return phrase("receipt.sender", area=area_vi(area_key, ref_area)), phrase(
        "receipt.period", period=_period_vi(time_period, calendar)
    )


def due_lines(area: Area, form: str, period: Period) -> list[str]:
    """Say until when the report is due; nothing where it is not owed or has no deadline."""
    duty = duty_of(area, form, period, load_register())
    due = duty and duty.due_date(period)
    return [phrase("receipt.due", date=date_vi(due))] if due else []


def area_vi(area_key: str | None, ref_area: str | None = "") -> str:
    """Name a unit with its code, or say that it is not known."""
    area = load_register().by_key.get(area_key or "")
    return f"{area.name_vi} ({area.ref_area})" if area else ref_area or phrase("receipt.no_area")


def file_name(row: Row) -> str:
    """The name that the sender gave, without the folders of the channel."""
    return shown(row["declared_name"].rsplit("/", 1)[-1])


def _about(submission: Row, findings: Sequence[Row], *, with_sheet: bool) -> list[str]:
    lines = [phrase("receipt.sheet", sheet=shown(submission["sheet"] or ""))] if with_sheet else []
    lines += about(
        submission["area_key"], submission["time_period"], submission["calendar"], submission["ref_area"] or ""
    )
    if submission["is_loaded"]:
        lines.append(phrase("receipt.version", version=submission["version"]))
    lines.append(phrase(f"receipt.{_outcome(submission)}", **_places(submission)))
    waiting = [finding for finding in findings if finding["severity"] in ASKS]
    if waiting:
        lines += _due_for(submission)
    notes = [finding for finding in findings if finding["severity"] not in ASKS]
    if waiting:
        lines += ["", phrase("receipt.waiting"), *_numbered(waiting)]
    if notes:
        lines += ["", phrase("receipt.notes"), *_numbered(notes)]
    return lines


def _due_for(submission: Row) -> list[str]:
    area, form = load_register().by_key.get(submission["area_key"] or ""), submission["form"]
    if area is None or not form or not submission["time_period"]:
        return []
    period = parse_period(submission["time_period"], submission["calendar"] or current_form().calendar)
    return due_lines(area, form, period)


def _outcome(submission: Row) -> str:
    if submission.get("file_status") == "duplicate":
        return "duplicate"
    if submission.get("is_admitted"):
        return "admitted"
    return "held_file" if submission["status"] == "held" and not submission["is_loaded"] else submission["status"]


def _places(submission: Row) -> dict[str, object]:
    first = submission.get("first_received_at")
    return {
        "loaded": number_vi(submission["cells_read"]),
        "held": number_vi(submission["cells_held"]),
        "blank": number_vi(submission["cells_blank"]),
        "version": submission["version"],
        "time": time_vi(first) if first else "",
    }


def _what_to_do(submissions: Sequence[Row], findings: Sequence[Row], enclosed: Sequence[str] | None) -> list[str]:
    if enclosed:
        return ["", *enclosed]
    if not any(submission["area_key"] for submission in submissions):
        return ["", phrase("receipt.form_from_where", form=current_form().form)]
    if asks_for_figures(finding["check_name"] for finding in findings if finding["severity"] in ASKS):
        return ["", phrase("receipt.correction_open")]
    return []  # the findings say it all


def _asking(report: Row, findings: Sequence[Row]) -> list[Row]:
    return [
        finding
        for finding in findings
        if finding["arrival_id"] == report["arrival_id"]
        and finding["submission_id"] in (None, report["submission_id"])
        and finding["severity"] in ASKS
        and (finding["cell"] or not report["is_admitted"])  # what was asked about the whole report is answered
    ]


def _numbered(findings: Sequence[Row], most: int = MOST_FINDINGS) -> list[str]:
    more = [phrase("receipt.more", count=number_vi(len(findings) - most))]
    return [
        phrase(
            "receipt.finding",
            number=number,
            message=with_advice(finding["check_name"], finding["message_vi"], finding["suggested_value"]),
        )
        for number, finding in enumerate(findings[:most], start=1)
    ] + more * (len(findings) > most)


def _period_vi(time_period: str | None, calendar: str | None) -> str:
    if not time_period:
        return phrase("receipt.no_period")
    return period_vi(parse_period(time_period, calendar or current_form().calendar))
