"""What a received file turned into: submissions, their cells as written and as read, and what was found.

Plain structs, so that a child process can send them as JSON.
"""

from collections.abc import Iterable

from msgspec import Struct

from tuquan.workbook.written import WrittenCell

SEVERITIES = ("info", "warning", "held", "refused")


class ReadCell(Struct, frozen=True, gc=False):
    """One figure of one cell. ``obs_value`` is decimal text, None unless ``status`` is "read"."""

    sheet: str
    cell: str
    indicator: str
    measure: str
    raw_text: str | None
    raw_type: str
    number_format: str | None
    is_formula: bool
    is_hidden: bool
    is_merged: bool
    obs_value: str | None
    reading_rule: str
    status: str


class Finding(Struct, frozen=True, gc=False):
    """One remark for the sender, with its place and its sentence. ``severity`` is one of ``SEVERITIES``."""

    check_name: str
    severity: str
    sheet: str | None
    cell: str | None
    indicator: str | None
    as_written: str | None
    read_as: str | None
    suggested_value: str | None
    message_vi: str


class ReadSubmission(Struct, frozen=True):
    """What one area sent for one period. What could not be told from the file is None."""

    sheet: str | None
    form: str | None
    form_version: str | None
    calendar: str | None
    ref_area: str | None
    area_key: str | None
    time_period: str | None
    cells: list[ReadCell]
    findings: list[Finding]
    status: str
    is_loadable: bool


class ReviewRow(Struct, frozen=True):
    """One row of a review workbook: its number, its hidden id, and its cells by the tag of their column."""

    sheet: str
    row: int
    row_id: str | None
    cells: dict[str, WrittenCell]


class ReviewSheets(Struct, frozen=True):
    """What a review workbook says: its stamps, each once; the columns that it lacks; its rows, and those for many.

    ``columns``: of each sheet the letters of its columns by their tags.
    """

    stamps: list[str]
    columns: dict[str, dict[str, str]]
    missing: list[str]
    rows: list[ReviewRow]
    for_many: list[ReviewRow]


class ReadFile(Struct, frozen=True):
    """One received file. ``findings`` are those of the file as a whole.

    ``storage`` says where its bytes may stay: "raw" (read and screened), "quarantine" (nobody could look inside:
    macros, passwords, pictures, damage) or "nothing" (personal data or a secrecy stamp: only hash and reason remain).
    """

    file_format: str
    submissions: list[ReadSubmission]
    findings: list[Finding]
    status: str
    storage: str = "raw"
    review: ReviewSheets | None = None  # a review workbook comes from the office and is never a report


def worst_severity(findings: Iterable[Finding]) -> str:
    """Return the gravest severity among ``findings``; "info" when there are none."""
    return max((finding.severity for finding in findings), key=SEVERITIES.index, default="info")


def status_of(findings: Iterable[Finding], *, is_loadable: bool) -> str:
    """Return accepted, held or refused; a refused cell only holds the submission while its other cells load."""
    worst = worst_severity(findings)
    if worst == "refused" and is_loadable:
        return "held"
    return worst if worst in ("held", "refused") else "accepted"
