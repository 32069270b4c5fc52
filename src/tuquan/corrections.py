"""What goes along with a receipt: the sender's own workbook with notes, or a form of ours with what could be read.

A file that must not be stored, and one of which neither content nor name tells the unit, is answered by text alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from tuquan.vocabulary.areas import Area, load_register
from tuquan.vocabulary.duties import last_owed_period, owes_report
from tuquan.vocabulary.forms import Form, current_form, current_forms
from tuquan.vocabulary.periods import Period, parse_period
from tuquan.vocabulary.phrases import in_vietnam, period_vi, phrase
from tuquan.workbook.annotate import NotAnnotatable, Remark, annotate, is_address
from tuquan.workbook.identity import meant_by_name
from tuquan.workbook.remarks import asks_for_figures, quoted, with_advice
from tuquan.workbook.template import Figure, write_form

Row = Mapping[str, Any]
Key = tuple[str, str]
ASKS = ("held", "refused")
_EXTENSION = re.compile(r"\.\w{1,5}$", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)


@dataclass(frozen=True)
class Correction:
    """A workbook to be corrected and sent back. ``kind``: workbook (the sender's), form (filled) or blank_form."""

    content: bytes
    kind: str
    area: Area | None = None
    period: Period | None = None
    is_period_guessed: bool = False
    form: str = "TQ01"

    def file_name(self, name: str) -> str:
        """Return the file name of the workbook that answers the file called ``name``."""
        stem = _EXTENSION.sub("", name)
        return phrase("receipt.workbook_name" if self.kind == "workbook" else "receipt.form_name", file=stem)

    def sentences(self, file_name: str) -> list[str]:
        """Say what goes along, and what to do with it."""
        places: dict[str, object] = {"workbook": file_name, "form": self.form}
        if self.area and self.period:
            places |= {"area": self.area.name_vi, "period": period_vi(self.period)}
        said = [phrase(f"receipt.{self.kind}_enclosed", **places)]
        return [*said, phrase("receipt.form_period_guessed", **places)] if self.is_period_guessed else said


def correction_for(
    arrival: Row,
    submissions: Sequence[Row],
    findings: Sequence[Row],
    cells_of: Callable[[str], Iterable[Row]],
    source: Path | None,
) -> Correction | None:
    """Return what goes along with the answer to a file, or None when there is nothing to correct or to send.

    Args:
        arrival: its row of the register.
        submissions: its reports.
        findings: what was found in it.
        cells_of: gives the figures of one of its reports that are stored, by its id.
        source: its bytes when they were screened and kept, else None.
    """
    if arrival["status"] not in ASKS or arrival["stored_in"] == "nothing":
        return None
    if source is not None and (workbook := _own_workbook(source, findings)):
        return workbook
    asking = [finding for finding in findings if finding["severity"] in ASKS]
    known = [submission for submission in submissions if submission["area_key"] and submission["time_period"]]
    if not known:
        return _form_by_name(arrival)
    about = {finding["submission_id"] for finding in asking}
    asked = [submission for submission in known if submission["submission_id"] in about]
    if len(asked) != 1:
        return None
    # What only waits for the office needs no form.
    if asked[0]["status"] != "refused" and not asks_for_figures(finding["check_name"] for finding in asking):
        return None
    submission_id = asked[0]["submission_id"]
    own = [finding for finding in asking if finding["submission_id"] == submission_id]
    return _filled_form(asked[0], cells_of(submission_id), own)


def _own_workbook(source: Path, findings: Iterable[Row]) -> Correction | None:
    remarks: dict[str, dict[str, Remark]] = {}
    for finding in findings:
        if finding["severity"] != "info" and finding["sheet"] and is_address(finding["cell"]):
            _add(remarks.setdefault(finding["sheet"], {}), finding["cell"], finding)
    if not any(finding["severity"] in ASKS and is_address(finding["cell"]) for finding in findings):
        return None
    try:
        return Correction(annotate(source, remarks, phrase("receipt.note_author")), "workbook")
    except NotAnnotatable:
        return None


def _add(remarks: dict[Any, Remark], place: Any, finding: Row) -> None:
    text = with_advice(finding["check_name"], finding["message_vi"], finding["suggested_value"])
    remark = Remark(text, finding["severity"])
    remarks[place] = remarks[place].joined_with(remark) if place in remarks else remark


def _filled_form(submission: Row, cells: Iterable[Row], asking: Iterable[Row]) -> Correction | None:
    form = next((form for form in current_forms() if form.form == submission["form"]), current_form())
    period = parse_period(submission["time_period"], form.calendar)
    area = load_register().by_key.get(submission["area_key"])
    if area is None or not _owes(area, form, period):
        return None
    values: dict[Key, Figure] = {}
    key_at: dict[tuple[str, str], Key] = {}
    for cell in cells:
        key = cell["indicator"], cell["measure"]
        key_at[cell["sheet"], cell["cell"]] = key
        # What is in question stays as it was written: a blank would say that there is no figure.
        values[key] = cell["obs_value"] if cell["status"] == "read" else _as_typed(cell)
    remarks: dict[Key, Remark] = {}
    for finding in asking:
        if finding["indicator"]:
            key = key_at.get((finding["sheet"], finding["cell"]), (finding["indicator"], "period"))
            _add(remarks, key, finding)
    content = _written(area, period, form, values, remarks)
    kind = "form" if any(value is not None for value in values.values()) else "blank_form"
    return Correction(content, kind, area, period, form=form.form)


def _as_typed(cell: Row) -> Figure:
    text = cell["raw_text"]
    is_number = cell["raw_type"] == "number" and text and _PLAIN_NUMBER.fullmatch(text)
    return Decimal(text) if is_number else text and quoted(text)


def _form_by_name(arrival: Row) -> Correction | None:
    form, register = current_form(), load_register()
    day = in_vietnam(arrival["received_at"]).date()
    area, period = meant_by_name(arrival["declared_name"], day, form.calendar)
    if period is not None:  # names and codes are those of the time that the report is about
        area, _ = meant_by_name(arrival["declared_name"], period.end, form.calendar)
    if area is None:
        return None
    is_guessed = period is None
    period = period or last_owed_period(area, form.form, form.calendar, day, register)
    owner = period and register.at(area.ref_area, period.end)
    if not (period and owner and _owes(owner, form, period)):
        return None
    return Correction(_written(owner, period, form, {}, {}), "blank_form", owner, period, is_guessed)


def _owes(area: Area, form: Form, period: Period) -> bool:
    return area.in_force(period.end) and owes_report(area, form.form, period, load_register())


def _written(
    area: Area, period: Period, form: Form, values: Mapping[Key, Figure], remarks: Mapping[Key, Remark]
) -> bytes:
    buffer = BytesIO()
    places = write_form(buffer, area, period, values=values, form=form)
    noted = {places[key]: remark for key, remark in remarks.items() if key in places}
    if not noted:
        return buffer.getvalue()
    sheet = phrase("form.sheet", form=form.form)
    return annotate(buffer.getvalue(), {sheet: noted}, phrase("receipt.note_author"))
