"""Read what stands in an XLSX workbook, cell by cell and as written: evidence, not values.

Libraries turn error cells and formulas without a result into blanks, which here would be silent loss, and several can
be aborted by a small hostile file. So this reader opens the container itself (see ``container.py``) and lets expat's
tree builder read each XML part once document types are ruled out and its size is bounded.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from xml.etree.ElementTree import Element

from tuquan.workbook.container import UnreadableFile, damaged, read_members, too_large
from tuquan.workbook.grid import (
    BUILTIN_FORMATS,
    GENERAL,
    MAX_CELLS,
    MAX_CHARACTERS,
    MAX_COLUMN,
    MAX_COLUMN_RUNS,
    MAX_ROW,
    MAX_SHEETS,
    covers,
    letters_of,
    merged_columns,
    shows_date,
    too_far,
    without_commands,
)
from tuquan.workbook.package import (
    Links,
    links_of,
    local,
    main_part,
    only_said,
    pictures_in,
    properties_of,
    refuse_macros,
    texts_beside,
)
from tuquan.workbook.parts import parse_part
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

_RANGE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})(?::([A-Z]{1,3})([1-9]\d{0,6}))", re.ASCII)
_TYPES = {"b": "boolean", "e": "error", "d": "date"}  # "str" and "inlineStr" are text, as is anything unknown
Style = tuple[str | None, bool, str | None]  # number format, whether it shows a date, font


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
    refuse_macros(members)
    main = main_part(members, "xl/workbook.xml")
    links = links_of(members, main)
    part_of = dict(links.values())
    styles = members.get(part_of.get("styles", ""), b"")
    strings = members.get(part_of.get("sharedStrings", ""), b"")
    book = parse_part(members[main])
    namespace = _namespace(book)
    cells = _Cells(parse_part(strings) if strings else (), _styles(styles) if styles else {})
    return Workbook(
        sheets=_sheets(book, namespace, links, members, cells),
        properties=properties_of(members),
        defined_names={
            name.get("name", ""): name.text or "" for name in book.iterfind(f"{namespace}definedNames/{namespace}*")
        },
        pictures=pictures_in(members),
    )


def _namespace(root: Element) -> str:
    """The namespace of the part, in braces: there are two dialects of SpreadsheetML with the same words."""
    return root.tag[: root.tag.index("}") + 1] if root.tag.startswith("{") else ""


@lru_cache(maxsize=16)
def _styles(content: bytes) -> dict[str | None, Style]:
    """Number format and font of each cell style. Forms share their styles, so they are kept."""
    root = parse_part(content)
    namespace = _namespace(root)
    own = {
        entry.get("numFmtId", ""): entry.get("formatCode", "")
        for entry in root.iterfind(f"{namespace}numFmts/{namespace}numFmt")
    }
    fonts = {str(at): _font_of(entry) for at, entry in enumerate(root.iterfind(f"{namespace}fonts/{namespace}font"))}
    styles: dict[str | None, Style] = {}
    for at, entry in enumerate(root.iterfind(f"{namespace}cellXfs/{namespace}xf")):
        number = entry.get("numFmtId", "0")
        code = own.get(number) or BUILTIN_FORMATS.get(int(number) if number.isdecimal() else 0, GENERAL)
        styles[str(at)] = (code, shows_date(code), fonts.get(entry.get("fontId", "0")))
    styles[None] = styles.get("0", (GENERAL, False, None))
    return styles


def _font_of(properties: Element) -> str | None:
    return next((part.get("val") for part in properties if local(part.tag) in ("name", "rFont")), None)


def _text_of(item: Element) -> str:
    """The text of a string item: one run, or several formatted ones; never its phonetic reading."""
    parts = []
    for part in item:
        word = local(part.tag)
        if word == "t":
            parts.append(part.text or "")
        elif word == "r":
            parts.extend(run.text or "" for run in part if local(run.tag) == "t")
    return "".join(parts)


def _font_in_runs(item: Element) -> str | None:
    """The font of most letters of a string whose runs have fonts of their own."""
    letters: dict[str, int] = {}
    for run in item:
        font = next((_font_of(part) for part in run if local(part.tag) == "rPr"), None)
        if font:
            letters[font] = letters.get(font, 0) + sum(len(part.text or "") for part in run)
    return max(letters, key=lambda font: letters[font], default=None)


def _sheets(
    book: Element,
    namespace: str,
    links: Links,
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
        link = next((value for name, value in entry.items() if local(name) == "id" and "}" in name), "")
        kind, target = links.get(link, ("", ""))
        if kind in ("chartsheet", "dialogsheet"):
            continue
        if kind.endswith("acrosheet"):  # macros of Excel 4 live in sheets
            raise UnreadableFile("workbook_has_no_macros", "unexpected")
        if target not in members:
            raise damaged("damaged_zip")
        name = entry.get("name", "")
        state = {"hidden": "hidden", "veryHidden": "very_hidden"}.get(entry.get("state", ""), "visible")
        root = parse_part(members[target])
        found = cells.of_sheet(name, root)
        sheets.append(Sheet(name, state, found, other_texts=_other_texts(root, members, links_of(members, target))))
    return sheets


def _other_texts(root: Element, members: dict[str, bytes], links: Links) -> tuple[str, ...]:
    """Headers and footers, messages of input rules, comments, and what stands in drawings."""
    namespace = _namespace(root)
    frame = root.find(f"{namespace}headerFooter")
    texts = [] if frame is None else [without_commands(line.text or "") for line in frame]
    for rule in root.iterfind(f"{namespace}dataValidations/{namespace}dataValidation"):
        texts.extend(rule.get(word, "") for word in ("promptTitle", "prompt", "errorTitle", "error"))
    if links:
        texts.extend(texts_beside(members, links))
    return only_said(texts) if texts else ()


class _Cells:
    """Collects the non-empty cells of sheets, and counts them over the whole workbook."""

    def __init__(self, strings: Iterable[Element], styles: dict[str | None, Style]) -> None:
        self.texts: list[str] = []
        self.fonts: dict[str, str | None] = {}  # by index of the shared text, where its runs have their own
        for item in strings:
            if len(item) == 1 and item[0].tag.endswith("}t"):
                self.texts.append(item[0].text or "")
            else:
                self.fonts[str(len(self.texts))] = _font_in_runs(item)
                self.texts.append(_text_of(item))
        self.styles = styles
        self.count = 0

    def of_sheet(self, sheet: str, root: Element) -> dict[str, WrittenCell]:
        """Return the non-empty cells of one sheet by address; a blank cell counts when it is part of a merged range."""
        namespace = _namespace(root)
        words = (f"{namespace}v", f"{namespace}f", f"{namespace}is")
        merged = merged_columns(_merged_ranges(root, namespace))
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
                address = cell.get("r") or letters_of(column + 1) + row_text
                letters = address.rstrip("0123456789")
                column = _column_number(letters)
                if letters + row_text != address:
                    raise damaged("bad_xml")
                is_merged = merged_here is not None and covers(merged_here, column)
                if not len(cell) and not is_merged:
                    continue
                text, is_formula = _stored(cell, words)
                if text is None and not (is_formula or is_merged):
                    continue
                if row_number > MAX_ROW or column > MAX_COLUMN:
                    raise too_far(row_number, column)
                if address in found:
                    raise damaged("bad_xml")
                raw_text, raw_type, number_format, font = self._meaning(text, cell.get("t", "n"), cell.get("s"))
                if raw_text is not None and len(raw_text) > MAX_CHARACTERS:
                    raise too_large("characters", len(raw_text), MAX_CHARACTERS)
                is_hidden = is_hidden_row or column in hidden
                found[address] = WrittenCell(
                    sheet, address, raw_text, raw_type, number_format, is_formula, is_hidden, is_merged, font
                )
        self.count += len(found)
        if self.count > MAX_CELLS:
            raise too_large("cells", self.count, MAX_CELLS)
        return found

    def _meaning(
        self, text: str | None, kind: str, style: str | None
    ) -> tuple[str | None, str, str | None, str | None]:
        """Return raw text, raw type, number format and font for the stored text of a cell."""
        try:
            number_format, is_date, font = self.styles[style] if self.styles else (None, False, None)
            if text is None:
                return None, "blank", number_format, font
            if kind == "n":
                return text, "date" if is_date else "number", number_format, font
            if kind == "s":
                font = self.fonts.get(text) or font
                # A negative index would count from the end, so only digits are an index.
                return self.texts[int(text) if text.isdigit() else len(self.texts)], "text", number_format, font
        except (KeyError, IndexError, ValueError) as error:
            raise damaged("bad_xml") from error
        return text, _TYPES.get(kind, "text"), number_format, font


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


@lru_cache(maxsize=1024)
def _column_number(letters: str) -> int:
    if not re.fullmatch(r"[A-Z]{1,3}", letters):
        raise damaged("bad_xml")
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


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


def _merged_ranges(root: Element, namespace: str) -> Iterator[tuple[int, int, int, int]]:
    for entry in root.iterfind(f"{namespace}mergeCells/{namespace}mergeCell"):
        match = _RANGE.fullmatch(entry.get("ref", ""))
        if match is None:
            raise damaged("bad_xml")
        yield int(match[2]), int(match[4]), _column_number(match[1]), _column_number(match[3])


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else 0
