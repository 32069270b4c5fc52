"""Read any received file: its content decides what it is, never its name. Nothing here raises for a bad file, but for
one that needs more memory than there is.

A file passes four stations: its kind is told, its cells are taken out as written, the privacy gate looks at all of
them, and only then figures are read.
"""

import html
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from tuquan.vocabulary.phrases import number_vi, phrase
from tuquan.workbook.container import UnreadableFile, read_members
from tuquan.workbook.delimited import read_delimited
from tuquan.workbook.docx import workbook_from_docx
from tuquan.workbook.evidence import workbook_from
from tuquan.workbook.form import other_sheets, read_form, without_contradiction, without_repeated
from tuquan.workbook.json_records import read_json
from tuquan.workbook.legacy_text import decode_workbook
from tuquan.workbook.ods import workbook_from_ods
from tuquan.workbook.privacy import screen_records, screen_text, screen_workbook
from tuquan.workbook.records import read_records, records_of_sheet
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.review_sheet import FORMAT, is_review_workbook, read_review
from tuquan.workbook.submission import Finding, ReadFile, ReadSubmission, worst_severity
from tuquan.workbook.written import Records, Workbook
from tuquan.workbook.xls import read_ole
from tuquan.workbook.xlsb import workbook_from_xlsb

HEAD_BYTES = 4096
_WORKBOOKS = ("tq01_xlsx", "xls", "xlsb", "ods")  # that keep numbers as numbers
MOST_SCREENED_BYTES = 200_000  # of a file that no reader takes
_TAG = re.compile(r"<[^<>]{0,2000}>")
LOG = logging.getLogger(__name__)
Parts = tuple[list[ReadSubmission], list[Finding]]


class Opened(NamedTuple):
    """What stands in a file, as written. In a text document lines and tables follow one another."""

    file_format: str
    content: Workbook | Records
    is_document: bool = False


@dataclass(frozen=True)
class FileFormat:
    """One kind of file: how its first bytes look, and who opens it; ``check`` and ``reason`` say why nobody does."""

    name: str
    fits: Callable[[bytes], bool]
    open: Callable[[Path], Opened] | None = None
    reason: str = ""
    check: str = "file_format_is_supported"


def read_file(path: Path, declared_name: str) -> ReadFile:
    """Return what the file at ``path`` turned into.

    ``declared_name`` is the sender's name of the file with the folders of its channel. It is quoted, and it can
    contradict what the file says; it is never opened or believed.
    """
    name = quoted(declared_name.rsplit("/", 1)[-1])
    file_format = "unknown"
    try:
        kind = _kind_of(path)
        file_format = kind.name
        if kind.open is None:
            raise UnreadableFile(kind.check, kind.reason)
        opened = kind.open(path)
        file_format = opened.file_format
        return _read(opened, declared_name, name)
    except UnreadableFile as error:
        return _unread(file_format, _refusal(error, name), path, declared_name)
    except MemoryError:  # of which nothing can be said but that the child has to end
        raise
    except Exception:  # the last net: a fault of ours must not take the files of the others with it
        LOG.exception("reading failed; this is a defect of the reader, keep the file for a test")
        unexpected = UnreadableFile("file_is_a_readable_workbook", "unexpected")
        return _unread(file_format, _refusal(unexpected, name), path, declared_name)


def _read(opened: Opened, declared_name: str, name: str) -> ReadFile:
    content = decode_workbook(opened.content) if isinstance(opened.content, Workbook) else opened.content
    screen = screen_workbook if isinstance(content, Workbook) else screen_records
    is_review = isinstance(content, Workbook) and is_review_workbook(content)
    file_format = FORMAT if is_review else opened.file_format
    private = screen(content, declared_name)
    if private:
        return ReadFile(file_format, [], private, "refused", "nothing")
    if is_review and opened.file_format not in _WORKBOOKS:
        reason = phrase("review_return.no_workbook")
        return ReadFile(file_format, [], [remark("review_workbook_is_ours", file=name, reason=reason)], "refused")
    if is_review:
        return ReadFile(file_format, [], [], "accepted", review=read_review(content))
    if isinstance(content, Workbook):
        submissions, findings = _read_workbook(content, declared_name, name, is_document=opened.is_document)
    else:
        submissions, findings = _read_records(content, declared_name, name)
    storage = "raw" if _is_legible(content) else "quarantine"
    return ReadFile(opened.file_format, submissions, findings, _status(submissions, findings), storage)


def _is_legible(content: Workbook | Records) -> bool:
    """Whether the privacy gate could read all of it: a column of unknown encoding may hold anything."""
    return isinstance(content, Workbook) or not any(
        "\ufffd" in text for _, texts in content.rows for text in texts if text
    )


def _read_records(records: Records, declared_name: str, name: str) -> Parts:
    """Read a table of records; the name of its file can contradict it only while it speaks of one area and period."""
    submissions, findings = read_records(records, name)
    if len(submissions) == 1:
        submissions = [without_contradiction(submissions[0], declared_name)]
    return submissions, findings


def _read_workbook(workbook: Workbook, declared_name: str, name: str, *, is_document: bool) -> Parts:
    tables = {
        sheet.name: table
        for sheet in workbook.sheets
        if sheet.state == "visible" and (table := records_of_sheet(sheet)) is not None
    }
    if tables:
        workbook = structs.replace(workbook, sheets=[sheet for sheet in workbook.sheets if sheet.name not in tables])
    submissions = read_form(workbook, declared_name, is_document=is_document)
    findings = other_sheets(workbook, submissions, name)
    for table in tables.values():
        more, remarks = read_records(table, name)
        submissions += more
        findings += remarks
    if tables:
        submissions = without_repeated(submissions, name)
    if not submissions and not tables:
        visible = next((sheet.name for sheet in workbook.sheets if sheet.state == "visible"), "")
        reason = phrase("reason.no_form", sheet=quoted(visible))
        findings.insert(0, remark("form_is_known", file=name, reason=reason))
    return submissions, findings


def _kind_of(path: Path) -> FileFormat:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise UnreadableFile("file_is_not_empty", "size")
    return next(kind for kind in FORMATS if kind.fits(head))


def _open_container(path: Path) -> Opened:
    """Open a ZIP container by what is in it."""
    members = read_members(path)
    for part, file_format, take in _CONTAINERS:
        if part in members:
            return Opened(file_format, take(members), is_document=file_format == "docx")
    raise UnreadableFile("archive_is_unpacked", "other_archive")


def _refusal(error: UnreadableFile, file: str) -> Finding:
    reason = phrase(f"reason.{error.reason}")
    value = number_vi(error.value) if isinstance(error.value, int) else error.value or ""
    is_size = error.limit is not None
    return remark(
        error.check,
        file=file,
        reason=reason,
        written=f"{reason} {value}" if is_size else value or None,
        limit=number_vi(error.limit),
    )


def _unread(file_format: str, finding: Finding, path: Path, declared_name: str) -> ReadFile:
    """Return what nobody read: it may be kept apart, unless its name or its plain text shows what may not be stored."""
    private = screen_text(_plain_text(path), declared_name)
    if private:
        return ReadFile(file_format, [], private, "refused", "nothing")
    status = "held" if finding.severity == "held" else "refused"
    return ReadFile(file_format, [], [finding], status, "quarantine")


def _plain_text(path: Path) -> str:
    """Return what can be read of a file without a reader for it: of a page or a text, not of packed bytes."""
    with path.open("rb") as file:
        content = file.read(MOST_SCREENED_BYTES)
    if b"\0" in content[:HEAD_BYTES] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace")
    return html.unescape(_TAG.sub("\n", text)) if _is_markup(content[:HEAD_BYTES]) else text


def _status(submissions: list[ReadSubmission], findings: list[Finding]) -> str:
    """Accepted when everything is, refused when nothing can be used, else held."""
    statuses = {submission.status for submission in submissions}
    worst = worst_severity(findings)
    if statuses <= {"refused"}:
        return "refused" if statuses or worst == "refused" else "held"
    return "held" if statuses != {"accepted"} or worst in ("held", "refused") else "accepted"


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(beginnings)


def _is_markup(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _is_html(head: bytes) -> bool:
    lowered = head.lower()
    return _is_markup(head) and any(tag in lowered for tag in (b"<html", b"<!doctype html", b"<table", b"<body"))


def _is_text(head: bytes) -> bool:
    """Whether it can be text; of UTF-16 without a mark every second byte of Western letters is zero."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or 0 in (head[::2].count(0), head[1::2].count(0))


def _is_json(head: bytes) -> bool:
    signs = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"")
    return _is_text(head) and signs.lstrip()[:1] in (b"{", b"[")


# What is in a ZIP container, by a part that each kind has: the first line that fits decides.
_CONTAINERS: tuple[tuple[str, str, Callable[[dict[str, bytes]], Workbook]], ...] = (
    ("xl/workbook.bin", "xlsb", workbook_from_xlsb),
    ("word/document.xml", "docx", workbook_from_docx),
    ("content.xml", "ods", workbook_from_ods),
    ("xl/workbook.xml", "tq01_xlsx", workbook_from),
    ("_rels/.rels", "tq01_xlsx", workbook_from),
)

_ARCHIVE = {"check": "archive_is_unpacked", "reason": "other_archive"}

# The first line that fits decides. A new format is a reader here instead of a reason.
FORMATS: tuple[FileFormat, ...] = (
    FileFormat("zip", _begins(b"PK\x03\x04"), _open_container),
    FileFormat("zip", _begins(b"PK\x05\x06", b"PK\x07\x08", b"PK00PK"), **_ARCHIVE),
    FileFormat("ole", _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), lambda path: Opened("xls", read_ole(path))),
    FileFormat(
        "xls", _begins(b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"), reason="ole"
    ),  # Excel 2 to 4
    FileFormat("pdf", lambda head: b"%PDF-" in head[:1024], reason="pdf"),
    FileFormat(
        "image", _begins(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF"), reason="image"
    ),
    FileFormat("rtf", _begins(b"{\\rtf"), reason="rtf"),
    FileFormat("archive", _begins(b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"), **_ARCHIVE),
    FileFormat("html", _is_html, reason="html"),
    FileFormat("xml", _is_markup, reason="xml"),
    FileFormat("json", _is_json, lambda path: Opened("json", read_json(path))),
    FileFormat("csv", _is_text, lambda path: Opened("csv", read_delimited(path))),
    FileFormat("unknown", lambda _: True, reason="unknown"),
)
