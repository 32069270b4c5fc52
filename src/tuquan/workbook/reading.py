"""Read any received file: its content decides what it is, never its name. Nothing here raises for a bad file."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tuquan.vocabulary.phrases import number_vi, phrase
from tuquan.workbook.container import MAX_FILE_BYTES, UnreadableFile, read_members
from tuquan.workbook.evidence import workbook_from
from tuquan.workbook.form import other_sheets, read_form
from tuquan.workbook.long_csv import read_long_csv
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.submission import Finding, ReadFile, ReadSubmission, worst_severity

HEAD_BYTES = 4096
LOG = logging.getLogger(__name__)
Parts = tuple[list[ReadSubmission], list[Finding]]


@dataclass(frozen=True)
class FileFormat:
    """One kind of file: how its first bytes look, and who reads it; ``reason`` says why nobody does."""

    name: str
    fits: Callable[[bytes], bool]
    read: Callable[[Path, str], Parts] | None = None
    reason: str = ""


def read_file(path: Path, declared_name: str) -> ReadFile:
    """Return what the file at ``path`` turned into. ``declared_name`` is only quoted, never opened or believed."""
    name = quoted(declared_name)
    file_format = "unknown"
    try:
        kind = _kind_of(path)
        if kind.read is None:
            raise UnreadableFile("file_format_is_supported", kind.reason)
        file_format = kind.name
        submissions, findings = kind.read(path, name)
    except UnreadableFile as error:
        return _unread(file_format, _refusal(error, name))
    except Exception:  # the last net: a fault of ours must not take the files of the others with it
        LOG.exception("reading failed; this is a defect of the reader, keep the file for a test")
        unexpected = UnreadableFile("file_is_a_readable_workbook", "unexpected")
        return _unread(file_format, _refusal(unexpected, name))
    return ReadFile(file_format, submissions, findings, _status(submissions, findings))


def _kind_of(path: Path) -> FileFormat:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise UnreadableFile("file_is_not_empty", "size")
    return next(kind for kind in FORMATS if kind.fits(head))


def _read_ole(path: Path, _declared_name: str) -> Parts:
    """Tell a workbook with a password from an old .xls: both are OLE containers, whose directory is UTF-16."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES)
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise UnreadableFile("workbook_is_not_encrypted", "ole")
    raise UnreadableFile("file_format_is_supported", "ole")


def _read_xlsx(path: Path, declared_name: str) -> Parts:
    members = read_members(path)
    if "xl/workbook.xml" not in members and "_rels/.rels" not in members:
        raise UnreadableFile("file_format_is_supported", _other_container(members))
    if "xl/workbook.bin" in members or "word/document.xml" in members:
        raise UnreadableFile("file_format_is_supported", _other_container(members))
    workbook = workbook_from(members)
    submissions = read_form(workbook, declared_name)
    findings = other_sheets(workbook, submissions, declared_name)
    if not submissions:
        visible = next((sheet.name for sheet in workbook.sheets if sheet.state == "visible"), "")
        reason = phrase("reason.no_stamp", sheet=quoted(visible))
        findings.insert(0, remark("form_is_known", file=declared_name, reason=reason))
    return submissions, findings


def _other_container(members: dict[str, bytes]) -> str:
    """Name what is in a ZIP container that is no XLSX workbook; the readers of the next formats begin here."""
    if "xl/workbook.bin" in members:
        return "xlsb"
    if "word/document.xml" in members:
        return "docx"
    return "odf" if "content.xml" in members else "other_archive"


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


def _unread(file_format: str, finding: Finding) -> ReadFile:
    return ReadFile(file_format, [], [finding], "held" if finding.severity == "held" else "refused")


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
    return b"\0" not in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))


# The first line that fits decides. A new format is a reader here instead of a reason.
FORMATS: tuple[FileFormat, ...] = (
    FileFormat("tq01_xlsx", _begins(b"PK\x03\x04"), _read_xlsx),
    FileFormat("zip", _begins(b"PK"), reason="other_archive"),
    FileFormat("ole", _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), _read_ole),
    FileFormat("pdf", lambda head: b"%PDF-" in head[:1024], reason="pdf"),
    FileFormat(
        "image", _begins(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF"), reason="image"
    ),
    FileFormat("rtf", _begins(b"{\\rtf"), reason="rtf"),
    FileFormat("archive", _begins(b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"), reason="other_archive"),
    FileFormat("html", _is_html, reason="html"),
    FileFormat("xml", _is_markup, reason="xml"),
    FileFormat("long_csv", _is_text, read_long_csv),
    FileFormat("utf16", _begins(b"\xff\xfe", b"\xfe\xff"), reason="csv_encoding"),
    FileFormat("unknown", lambda _: True, reason="unknown"),
)
