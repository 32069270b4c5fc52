"""Read what stands in an XLSX workbook, cell by cell and as written: evidence, not values.

Libraries turn error cells and formulas without a result into blanks, which here would be silent loss, and several can
be aborted by a small hostile file. So this reader opens the container itself (see ``container.py``) and lets expat's
tree builder read each XML part once document types are ruled out and its size is bounded.
"""

import re
from functools import lru_cache
from pathlib import Path
from posixpath import normpath
from xml.etree.ElementTree import Element

from tuquan.workbook.container import UnreadableFile, damaged, read_members, too_large
from tuquan.workbook.parts import parse_part
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

MAX_SHEETS = 60  # a province that sends a sheet for each commune of a district has fewer
MAX_ROW = 20_000
MAX_COLUMN = 400
MAX_CELLS = 100_000
MAX_CHARACTERS = 32_767  # of one cell: spreadsheet programs take no more
MAX_MERGED_ROWS = 40_000  # rows of all merged ranges together
MAX_COLUMN_RUNS = 16_384  # no sheet has more columns

_RANGE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})(?::([A-Z]{1,3})([1-9]\d{0,6}))", re.ASCII)
_TYPES = {"b": "boolean", "e": "error", "d": "date"}  # "str" and "inlineStr" are text, as is anything unknown
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_IN_QUOTES_OR_BRACKETS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_BUILTIN_FORMATS = {
    **{0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?"},
    **{13: "# ??/??", 14: "mm-dd-yy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM"},
    **{20: "h:mm", 21: "h:mm:ss", 22: "m/d/yy h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;[Red](#,##0)"},
    **{39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;[Red](#,##0.00)", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mmss.0"},
    **{48: "##0.0E+0", 49: "@"},
}


def read_workbook(path: Path) -> Workbook:
    """Return everything that is written in the workbook at ``path``.

    Raises:
        UnreadableFile: it is no workbook, damaged, or larger than any report can be.
    """
    return workbook_from(read_members(path))


def workbook_from(members: dict[str, bytes]) -> Workbook:
    """Return everything that is written in a workbook whose parts are already unpacked.

    Raises:
        UnreadableFile: as :func:`read_workbook`.
    """
    if any(name.lower().endswith("vbaproject.bin") for name in members):
        raise UnreadableFile("workbook_has_no_macros", "unexpected")
    package = _relationships(members.get("_rels/.rels", b""))
    main = next((target for kind, target in package.values() if kind == "officeDocument"), "xl/workbook.xml")
    if main not in members:
        raise damaged("damaged_zip")
    folder = main.rpartition("/")[0]
    links = {
        link: (kind, normpath(target[1:] if target.startswith("/") else f"{folder}/{target}"))
        for link, (kind, target) in _relationships(
            members.get(f"{folder}/_rels/{main.rpartition('/')[2]}.rels", b"")
        ).items()
    }
    part_of = dict(links.values())
    styles = members.get(part_of.get("styles", ""), b"")
    strings = members.get(part_of.get("sharedStrings", ""), b"")
    texts = _shared_texts(parse_part(strings)) if strings else []
    properties = next((target for kind, target in package.values() if kind == "custom-properties"), "")
    book = parse_part(members[main])
    namespace = _namespace(book)
    sheets = _sheets(book, namespace, links, members, _Cells(texts, _number_formats(styles) if styles else {}))
    return Workbook(
        sheets=sheets,
        properties=_custom_properties(members[properties]) if properties in members else {},
        defined_names={
            name.get("name", ""): name.text or "" for name in book.iterfind(f"{namespace}definedNames/{namespace}*")
        },
    )


def _namespace(root: Element) -> str:
    """The namespace of the part, in braces: there are two dialects of SpreadsheetML with the same words."""
    return root.tag[: root.tag.index("}") + 1] if root.tag.startswith("{") else ""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


@lru_cache(maxsize=16)
def _relationships(content: bytes) -> dict[str, tuple[str, str]]:
    """Link id → (last word of its kind, target)."""
    if not content:
        return {}
    return {
        link.get("Id", ""): (link.get("Type", "").rpartition("/")[2], link.get("Target", "").removeprefix("./"))
        for link in parse_part(content)
        if link.get("TargetMode") != "External"
    }


@lru_cache(maxsize=16)
def _number_formats(content: bytes) -> dict[str | None, tuple[str, bool]]:
    """Number format of each cell style, and whether it shows a date. Forms share their styles, so they are kept."""
    root = parse_part(content)
    namespace = _namespace(root)
    own = {
        entry.get("numFmtId", ""): entry.get("formatCode", "")
        for entry in root.iterfind(f"{namespace}numFmts/{namespace}numFmt")
    }
    formats: dict[str | None, tuple[str, bool]] = {}
    for style, entry in enumerate(root.iterfind(f"{namespace}cellXfs/{namespace}xf")):
        number = entry.get("numFmtId", "0")
        code = own.get(number) or _BUILTIN_FORMATS.get(int(number) if number.isdecimal() else 0, "General")
        shown = _IN_QUOTES_OR_BRACKETS.sub("", code)
        is_date = code != "General" and _DATE_LETTERS.search(shown.replace("General", "")) is not None
        formats[str(style)] = (code, is_date or code == "[h]:mm:ss")
    formats[None] = formats.get("0", ("General", False))
    return formats


def _shared_texts(root: Element) -> list[str]:
    plain = f"{_namespace(root)}t"
    return [(item[0].text or "") if len(item) == 1 and item[0].tag == plain else _text_of(item) for item in root]


def _text_of(item: Element) -> str:
    """The text of a string item: one run, or several formatted ones; never its phonetic reading."""
    parts = []
    for part in item:
        word = _local(part.tag)
        if word == "t":
            parts.append(part.text or "")
        elif word == "r":
            parts.extend(run.text or "" for run in part if _local(run.tag) == "t")
    return "".join(parts)


@lru_cache(maxsize=64)
def _custom_properties(content: bytes) -> dict[str, str]:
    return {
        entry.get("name", ""): "".join(value.text or "" for value in entry)
        for entry in parse_part(content)
        if entry.get("name")
    }


def _sheets(
    book: Element,
    namespace: str,
    links: dict[str, tuple[str, str]],
    members: dict[str, bytes],
    cells: "_Cells",
) -> list[Sheet]:
    entries = book.findall(f"{namespace}sheets/{namespace}sheet")
    if not entries:
        raise damaged("no_sheets")
    if len(entries) > MAX_SHEETS:
        raise too_large("sheets", len(entries), MAX_SHEETS)
    sheets = []
    for entry in entries:
        link = next((value for name, value in entry.items() if _local(name) == "id" and "}" in name), "")
        kind, target = links.get(link, ("", ""))
        if kind in ("chartsheet", "dialogsheet"):
            continue
        if target not in members:
            raise damaged("damaged_zip")
        name = entry.get("name", "")
        state = {"hidden": "hidden", "veryHidden": "very_hidden"}.get(entry.get("state", ""), "visible")
        sheets.append(Sheet(name, state, cells.of_sheet(name, parse_part(members[target]))))
    return sheets


class _Cells:
    """Collects the non-empty cells of sheets, and counts them over the whole workbook."""

    def __init__(self, texts: list[str], formats: dict[str | None, tuple[str, bool]]) -> None:
        self.texts = texts
        self.formats = formats
        self.count = 0

    def of_sheet(self, sheet: str, root: Element) -> dict[str, WrittenCell]:
        """Return the non-empty cells of one sheet by address; a blank cell counts when it is part of a merged range."""
        namespace = _namespace(root)
        words = (f"{namespace}v", f"{namespace}f", f"{namespace}is")
        merged = _merged_columns(root, namespace)
        hidden = _hidden_columns(root, namespace)
        found: dict[str, WrittenCell] = {}
        row_number = 0
        for row in root.iterfind(f"{namespace}sheetData/{namespace}row"):
            row_number = _row_number(row.get("r"), row_number)
            row_text = str(row_number)
            is_hidden_row = row.get("hidden") in ("1", "true") or row.get("ht") == "0"
            merged_here = merged.get(row_number)
            column = 0
            for cell in row:
                address = cell.get("r") or _letters(column + 1) + row_text
                letters = address.rstrip("0123456789")
                column = _column_number(letters)
                if letters + row_text != address:
                    raise damaged("bad_xml")
                is_merged = merged_here is not None and _covers(merged_here, column)
                if not len(cell) and not is_merged:
                    continue
                text, is_formula = _stored(cell, words)
                if text is None and not (is_formula or is_merged):
                    continue
                if row_number > MAX_ROW or column > MAX_COLUMN:
                    raise _too_far(row_number, column)
                if address in found:
                    raise damaged("bad_xml")
                raw_text, raw_type, number_format = self._meaning(text, cell.get("t", "n"), cell.get("s"))
                if raw_text is not None and len(raw_text) > MAX_CHARACTERS:
                    raise too_large("characters", len(raw_text), MAX_CHARACTERS)
                is_hidden = is_hidden_row or column in hidden
                found[address] = WrittenCell(
                    sheet, address, raw_text, raw_type, number_format, is_formula, is_hidden, is_merged
                )
        self.count += len(found)
        if self.count > MAX_CELLS:
            raise too_large("cells", self.count, MAX_CELLS)
        return found

    def _meaning(self, text: str | None, kind: str, style: str | None) -> tuple[str | None, str, str | None]:
        """Return raw text, raw type and number format for the stored text of a cell."""
        try:
            number_format, is_date = self.formats[style] if self.formats else (None, False)
            if text is None:
                return None, "blank", number_format
            if kind == "n":
                return text, "date" if is_date else "number", number_format
            if kind == "s":
                # A negative index would count from the end, so only digits are an index.
                return self.texts[int(text) if text.isdigit() else len(self.texts)], "text", number_format
        except (KeyError, IndexError, ValueError) as error:
            raise damaged("bad_xml") from error
        return text, _TYPES.get(kind, "text"), number_format


def _stored(cell: Element, words: tuple[str, str, str]) -> tuple[str | None, bool]:
    """Return the stored text of a cell and whether it has a formula."""
    text, is_formula = None, False
    for part in cell:
        tag = part.tag
        if tag == words[0]:
            text = part.text
        elif tag == words[1]:
            is_formula = True
        elif tag == words[2]:
            text = _text_of(part)
    return text, is_formula


def _too_far(row: int, column: int) -> UnreadableFile:
    return too_large("rows", row, MAX_ROW) if row > MAX_ROW else too_large("columns", column, MAX_COLUMN)


def _covers(ranges: list[tuple[int, int]], column: int) -> bool:
    for first, last in ranges:  # noqa: SIM110 - any() takes three times as long, and this runs for each cell
        if first <= column <= last:
            return True
    return False


@lru_cache(maxsize=1024)
def _column_number(letters: str) -> int:
    if not re.fullmatch(r"[A-Z]{1,3}", letters):
        raise damaged("bad_xml")
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def _row_number(written: str | None, previous: int) -> int:
    if written is None:
        return previous + 1
    if not (written.isascii() and written.isdigit() and len(written) < 8):
        raise damaged("bad_xml")
    return int(written)


def _hidden_columns(root: Element, namespace: str) -> frozenset[int]:
    entries = root.findall(f"{namespace}cols/{namespace}col")
    if len(entries) > MAX_COLUMN_RUNS:
        raise too_large("columns", len(entries), MAX_COLUMN_RUNS)
    return frozenset(
        column
        for entry in entries
        if entry.get("hidden") in ("1", "true") or entry.get("width") == "0"
        for column in range(_whole(entry.get("min")), min(_whole(entry.get("max")), MAX_COLUMN) + 1)
    )


def _merged_columns(root: Element, namespace: str) -> dict[int, list[tuple[int, int]]]:
    """Row number → first and last column of each merged range in that row."""
    merged: dict[int, list[tuple[int, int]]] = {}
    rows = 0
    for entry in root.iterfind(f"{namespace}mergeCells/{namespace}mergeCell"):
        match = _RANGE.fullmatch(entry.get("ref", ""))
        if match is None:
            raise damaged("bad_xml")
        first_row, last_row = int(match[2]), min(int(match[4]), MAX_ROW)
        rows += max(0, last_row - first_row + 1)
        if rows > MAX_MERGED_ROWS:
            raise too_large("rows", rows, MAX_MERGED_ROWS)
        columns = (_column_number(match[1]), _column_number(match[3]))
        for row in range(first_row, last_row + 1):
            merged.setdefault(row, []).append(columns)
    return merged


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else 0
