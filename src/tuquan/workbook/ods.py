"""Read what stands in an OpenDocument spreadsheet (.ods): evidence, as of XLSX.

The type of a cell is the one that the file states, never a guess from its text. Runs of equal rows and cells are
unfolded only where something stands in them, because every sheet is stored out to its last possible column.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple
from xml.etree.ElementTree import Element

from tuquan.workbook.container import UnreadableFile, damaged, too_large
from tuquan.workbook.grid import GENERAL, MAX_COLUMN, MAX_ROW, MAX_SHEETS, Cells, shows_date
from tuquan.workbook.package import local, only_said, without_accounts
from tuquan.workbook.parts import admit_together, parse_part
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

MAX_SPACES = 100  # that one sign for several spaces stands for
_NOT_SCREENED = ("Pictures/", "ObjectReplacements/", "Media/", "META-INF/documentsignatures")
_ERROR = re.compile(r"#(?:DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!)|Err:\d{3}", re.ASCII)
_PLACE = re.compile(r"\$?(?:'((?:[^']|'')+)'|([^.']+))\.(.+)")
_DATE_SIGNS = {
    **{"year": "yyyy", "month": "mm", "day": "dd", "day-of-week": "ddd", "hours": "hh", "minutes": "mm"},
    **{"seconds": "ss", "am-pm": "AM/PM", "era": "yyyy", "quarter": "mm", "week-of-year": "dd"},
}


_OFFICE, _TABLE, _TEXT, _STYLE, _NUMBER, _META, _FO, _SVG = (
    f"{{urn:oasis:names:tc:opendocument:xmlns:{word}:1.0}}"
    for word in ("office", "table", "text", "style", "datastyle", "meta", "xsl-fo-compatible", "svg-compatible")
)
_CALCEXT_TYPE = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
_ROW, _CELL, _COVERED = f"{_TABLE}table-row", f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"
_P, _DEFAULT_STYLE = f"{_TEXT}p", f"{_TABLE}default-cell-style-name"
_GROUPS = {f"{_TABLE}{word}" for word in ("table-row-group", "table-rows", "table-header-rows")} | {
    f"{_TABLE}{word}" for word in ("table-column-group", "table-columns", "table-header-columns")
}


class _Style(NamedTuple):
    number_format: str
    font: str | None


class _Column(NamedTuple):
    last: int
    is_hidden: bool
    style: str | None


def workbook_from_ods(members: dict[str, bytes]) -> Workbook:
    """Return everything that is written in a spreadsheet whose parts are already unpacked.

    Raises:
        UnreadableFile: no spreadsheet, locked, with macros, damaged, or larger than any report can be.
    """
    if b"encryption-data" in members.get("META-INF/manifest.xml", b"") or "encrypted-package" in members:
        raise UnreadableFile("workbook_is_not_encrypted", "unexpected")
    if any(name.startswith(("Basic/", "Scripts/")) for name in members):
        raise UnreadableFile("workbook_has_no_macros", "unexpected")
    if "content.xml" not in members:
        raise damaged("damaged_zip")
    admit_together(members["content.xml"], members.get("styles.xml", b""))
    content = parse_part(members["content.xml"])
    body = content.find(f"{_OFFICE}body/{_OFFICE}spreadsheet")
    if body is None:
        raise UnreadableFile("file_format_is_supported", "odf")
    tables = body.findall(f"{_TABLE}table")
    if not tables:
        raise damaged("no_sheets")
    if len(tables) > MAX_SHEETS:
        raise too_large("sheets", len(tables), MAX_SHEETS)
    pages = parse_part(members["styles.xml"]) if "styles.xml" in members else Element("none")
    styles = _Styles((pages, content))
    cells = Cells()
    frame = [_text_of(line) for line in pages.iterfind(f"{_OFFICE}master-styles/*/*/{_P}")]
    sheets = [_sheet(table, styles, cells, () if at else frame) for at, table in enumerate(tables)]
    return Workbook(
        sheets,
        _properties(parse_part(members["meta.xml"])) if "meta.xml" in members else {},
        {
            name.get(f"{_TABLE}name", ""): _as_in_excel(name.get(f"{_TABLE}cell-range-address", ""))
            for name in body.iter(f"{_TABLE}named-range")
        },
        tuple(name for name in members if name.startswith(_NOT_SCREENED)),
    )


def _properties(meta: Element) -> dict[str, str]:
    told = (
        (entry.get(f"{_META}name") or local(entry.tag), entry.text or "") for entry in meta.iterfind(f"{_OFFICE}meta/*")
    )
    return without_accounts(dict(told))


def _as_in_excel(address: str) -> str:
    """$TQ01.$E$5 → 'TQ01'!$E$5."""
    match = _PLACE.fullmatch(address)
    return f"'{match[1] or match[2]}'!{match[3]}" if match else address


def _sheet(table: Element, styles: "_Styles", cells: Cells, frame: Iterable[str]) -> Sheet:
    name = table.get(f"{_TABLE}name", "")
    columns = _columns(table)
    beside = [*frame, *(_text_of(line) for shape in table.iterfind(f"{_TABLE}shapes") for line in shape.iter(_P))]
    found: dict[str, WrittenCell] = {}
    number = 0
    for row, is_hidden in _unfolded(table, _ROW):
        repeated = _repeated(row, "rows")
        written = list(_cells_of(row, columns, styles, beside))
        # Equal rows are unfolded up to the first that lies too far out, which the grid then refuses.
        for at in range(number + 1, min(number + repeated, MAX_ROW + 1) + 1) if written else ():
            for first, last, cell in written:
                if at > MAX_ROW and cell.raw_text is None:
                    continue
                for column in range(first, last + 1):
                    is_hidden_here = is_hidden or _column_at(columns, column).is_hidden
                    cells.put(
                        found,
                        name,
                        at,
                        column,
                        cell.raw_text,
                        cell.raw_type,
                        cell.number_format,
                        is_formula=cell.is_formula,
                        is_hidden=is_hidden_here,
                        is_merged=cell.is_merged,
                        font=cell.font,
                    )
        number += repeated
    state = "visible" if styles.is_displayed(table.get(f"{_TABLE}style-name")) else "hidden"
    return Sheet(name, state, found, other_texts=only_said(beside))


def _unfolded(parent: Element, tag: str, *, is_hidden: bool = False) -> Iterator[tuple[Element, bool]]:
    """Yield the rows or columns of a table, out of their groups, with whether they are hidden."""
    for child in parent:
        if child.tag == tag:
            yield child, is_hidden or child.get(f"{_TABLE}visibility", "visible") != "visible"
        elif child.tag in _GROUPS:
            folded = is_hidden or child.get(f"{_TABLE}display") == "false"
            yield from _unfolded(child, tag, is_hidden=folded)


def _columns(table: Element) -> list[_Column]:
    """Return the runs of columns up to the last that a report can have."""
    columns: list[_Column] = []
    last = 0
    for column, is_hidden in _unfolded(table, f"{_TABLE}table-column"):
        if last <= MAX_COLUMN:
            last += _repeated(column, "columns")
            columns.append(_Column(last, is_hidden, column.get(_DEFAULT_STYLE)))
    return columns


def _column_at(columns: list[_Column], number: int) -> _Column:
    at = bisect_left(columns, number, key=attrgetter("last"))
    return columns[at] if at < len(columns) else _Column(0, is_hidden=False, style=None)


def _repeated(element: Element, what: str) -> int:
    text = element.get(f"{_TABLE}number-{what}-repeated", "1")
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise damaged("bad_xml")
    return int(text)


def _cells_of(
    row: Element, columns: list[_Column], styles: "_Styles", beside: list[str]
) -> Iterator[tuple[int, int, WrittenCell]]:
    """Yield first column, last column and content of each run of equal cells in which something stands."""
    column = 0
    for cell in row:
        if cell.tag not in (_CELL, _COVERED):
            continue
        first, column = column + 1, column + _repeated(cell, "columns")
        spans = (cell.get(f"{_TABLE}number-{what}-spanned", "1") for what in ("columns", "rows"))
        is_merged = cell.tag == _COVERED or any(span != "1" for span in spans)
        if len(cell):
            beside.extend(_text_of(line) for part in cell if len(part) for line in part.iter(_P) if line is not part)
        text, kind = _meaning(cell)
        is_formula = cell.get(f"{_TABLE}formula") is not None
        if text is None and not (is_formula or is_merged):
            continue
        style = cell.get(f"{_TABLE}style-name") or row.get(_DEFAULT_STYLE) or _column_at(columns, first).style
        number_format, font = styles.of_cell(style)
        if kind == "number" and shows_date(number_format):
            kind = "date"
        if cell.get(f"{_OFFICE}value-type") == "percentage" and "%" not in number_format:
            number_format = "0%"
        last = column if text is not None else min(column, MAX_COLUMN)
        written = WrittenCell("", "", text, kind, number_format, is_formula, False, is_merged, font)
        yield first, min(last, MAX_COLUMN + 1), written


def _meaning(cell: Element) -> tuple[str | None, str]:
    """Return raw text and raw type of a cell; a formula that shows an error has no value, whatever it is said to be."""
    kind = cell.get(f"{_OFFICE}value-type")
    shown = "\n".join(_text_of(line) for line in cell if line.tag == _P) if len(cell) else ""
    is_formula = cell.get(f"{_TABLE}formula") is not None
    if cell.get(_CALCEXT_TYPE) == "error" or (is_formula and _ERROR.fullmatch(shown)):
        return shown or "#VALUE!", "error"
    if kind in ("float", "percentage", "currency"):
        return cell.get(f"{_OFFICE}value") or shown or None, "number"
    if kind in ("date", "time"):
        return cell.get(f"{_OFFICE}{kind}-value") or shown or None, "date"
    if kind == "boolean":
        value = cell.get(f"{_OFFICE}boolean-value", "")
        return {"true": "1", "false": "0"}.get(value, value or None), "boolean"
    return cell.get(f"{_OFFICE}string-value") or shown or None, "text"


def _text_of(paragraph: Element) -> str:
    """The text of a paragraph as shown; comments inside it are no part of it."""
    if paragraph.tag == _P and not len(paragraph):
        return paragraph.text or ""
    parts = [paragraph.text or ""]
    for part in paragraph:
        word = local(part.tag)
        if word == "s":
            count = part.get(f"{_TEXT}c", "1")
            parts.append(" " * (min(int(count), MAX_SPACES) if count.isascii() and count.isdigit() else 1))
        elif word in ("tab", "line-break"):
            parts.append("\t" if word == "tab" else "\n")
        elif word not in ("annotation", "note", "page-number", "page-count"):
            parts.append(_text_of(part))
        parts.append(part.tail or "")
    return "".join(parts)


class _Styles:
    """The cell styles of a spreadsheet, each with its number format and font, and which sheets are displayed."""

    def __init__(self, parts: Iterable[Element]) -> None:
        self._styles: dict[tuple[str | None, str | None], Element] = {}
        self._formats: dict[str | None, Element] = {}
        self._fonts: dict[str | None, str] = {}
        self._known: dict[str | None, _Style] = {}
        for part in parts:
            for entry in part.iterfind("*/*"):
                name = entry.get(f"{_STYLE}name")
                if entry.tag == f"{_STYLE}style":
                    self._styles[entry.get(f"{_STYLE}family"), name] = entry
                elif entry.tag == f"{_STYLE}default-style":
                    self._styles[entry.get(f"{_STYLE}family"), None] = entry
                elif entry.tag == f"{_STYLE}font-face":
                    self._fonts[name] = entry.get(f"{_SVG}font-family", "").strip("'\"")
                elif entry.tag.startswith(_NUMBER):
                    self._formats[name] = entry

    def is_displayed(self, table_style: str | None) -> bool:
        """Whether the sheets of a table style are shown."""
        entry = self._styles.get(("table", table_style))
        properties = None if entry is None else entry.find(f"{_STYLE}table-properties")
        return properties is None or properties.get(f"{_TABLE}display") != "false"

    def of_cell(self, name: str | None) -> _Style:
        """Return number format and font of a cell style; what it does not say itself, its parents do."""
        if name not in self._known:
            code, font = None, None
            for entry in self._with_parents(name):
                code = code or entry.get(f"{_STYLE}data-style-name")
                text = entry.find(f"{_STYLE}text-properties")
                if text is not None and font is None:
                    face = text.get(f"{_STYLE}font-name")
                    font = self._fonts.get(face, face) or (text.get(f"{_FO}font-family") or "").strip("'\"") or None
            self._known[name] = _Style(self._code_of(code), font)
        return self._known[name]

    def _with_parents(self, name: str | None) -> Iterator[Element]:
        for _ in range(10):
            entry = self._styles.get(("table-cell", name))
            if entry is not None:
                yield entry
            if name is None:
                return
            name = None if entry is None else entry.get(f"{_STYLE}parent-style-name")

    def _code_of(self, name: str | None) -> str:
        """Return a number style as Excel would write it."""
        entry = self._formats.get(name)
        if entry is None:
            return GENERAL
        # For some numbers another style holds; the one for positive numbers comes first.
        others = [self._formats.get(rule.get(f"{_STYLE}apply-style-name")) for rule in entry.iterfind(f"{_STYLE}map")]
        sections = [_section(part) for part in (*others, entry) if part is not None]
        return ";".join(sections) if any(sections) else ";;;"


def _section(style: Element) -> str:
    is_percentage = local(style.tag) == "percentage-style"
    parts = []
    for part in style:
        word = local(part.tag)
        if word == "number":
            parts.append(_digits(part))
        elif word in ("text", "currency-symbol"):
            text = part.text or ""
            parts.append("%" if is_percentage and text.strip() == "%" else f'"{text}"' if text else "")
        elif word == "scientific-number":
            parts.append("0.00E+00")
        elif word == "fraction":
            parts.append("# ?/?")
        elif word in ("boolean", "text-content"):
            parts.append(GENERAL if word == "boolean" else "@")
        else:
            parts.append(_DATE_SIGNS.get(word, ""))
    return "".join(parts)


def _digits(number: Element) -> str:
    decimals = number.get(f"{_NUMBER}decimal-places")
    factor = number.get(f"{_NUMBER}display-factor", "1")
    is_grouped = number.get(f"{_NUMBER}grouping") == "true"
    if decimals is None and factor == "1" and not is_grouped:
        return GENERAL
    places = min(int(decimals), 30) if decimals and decimals.isdecimal() else 0
    thousands = (len(factor.partition(".")[0]) - 1) // 3
    return ("#,##0" if is_grouped else "0") + ("." + "0" * places if places else "") + "," * min(thousands, 5)
