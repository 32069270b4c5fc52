"""Read what stands in a binary Excel workbook (.xlsb): evidence, as of XLSX.

The container and its links are those of XLSX; the parts are records, each a number of its kind, a length and that many
bytes. Source: [MS-XLSB], sections 2.1.4 (records), 2.4 (kinds) and 2.5 (structures).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tuquan.workbook.container import UnreadableFile, damaged, too_large
from tuquan.workbook.grid import (
    BUILTIN_FORMATS,
    GENERAL,
    MAX_COLUMN,
    MAX_COLUMN_RUNS,
    MAX_SHEETS,
    Cells,
    covers,
    merged_columns,
    shows_date,
    text_of_float,
    without_commands,
)
from tuquan.workbook.package import (
    links_of,
    main_part,
    only_said,
    pictures_in,
    properties_of,
    refuse_macros,
    texts_beside,
)
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

MAX_RECORDS = 600_000  # of one part
Record = tuple[int, bytes]

_ROW = 0
_BLANK, _RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED = range(1, 8)
_FORMULAS = range(8, 12)  # of text, number, truth value, error
_SHORT = range(12, 19)  # cells right of the one before; their kinds are in another order
_RICH = 62
_KIND_OF = {8: _TEXT, 9: _REAL, 10: _BOOL, 11: _ERROR, 13: _RK, 14: _ERROR, 15: _BOOL, 16: _REAL, 17: _TEXT} | {
    12: _BLANK,
    18: _SHARED,
    _RICH: _RICH,
}
_STRING_ITEM, _FONT, _FORMAT, _STYLE, _BEGIN_CELL_STYLES, _END_CELL_STYLES = 19, 43, 44, 47, 617, 618
_SHEET, _COLUMNS, _END_OF_CELLS, _MERGED, _FRAME, _COMMENT = 156, 60, 146, 176, 479, 637
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!"} | {
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
_STATES = {1: "hidden", 2: "very_hidden"}
_NAME_OF_FONT = 21  # bytes in front of it: sizes, colour, and kinds of strokes


class _Style(NamedTuple):
    number_format: str
    is_date: bool
    font: str | None


def workbook_from_xlsb(members: dict[str, bytes]) -> Workbook:
    """Return everything that is written in a binary workbook whose parts are already unpacked.

    Raises:
        UnreadableFile: damaged, with macros, or larger than any report can be.
    """
    refuse_macros(members)
    main = main_part(members, "xl/workbook.bin")
    links = links_of(members, main)
    part_of = dict(links.values())
    try:
        texts = _shared_texts(members.get(part_of.get("sharedStrings", ""), b""))
        styles = _styles(members.get(part_of.get("styles", ""), b""))
        entries = [content for kind, content in _records(members[main]) if kind == _SHEET]
        if not entries:
            raise damaged("no_sheets")
        if len(entries) > MAX_SHEETS:
            raise too_large("sheets", len(entries), MAX_SHEETS)
        cells = Cells()
        sheets = []
        for entry in entries:
            link, at = _wide(entry, 8)
            name, _ = _wide(entry, at)
            kind, target = links.get(link, ("", ""))
            if kind in ("chartsheet", "dialogsheet"):
                continue
            if kind.endswith("acrosheet"):
                raise UnreadableFile("workbook_has_no_macros", "unexpected")
            if target not in members:
                raise damaged("damaged_zip")
            state = _STATES.get(_whole(entry, 0), "visible")
            reader = _SheetReader(name, texts, styles, cells)
            found = reader.read(members[target])
            beside = links_of(members, target)
            comments = (members.get(part, b"") for word, part in beside.values() if word == "comments")
            told = [
                *reader.frame,
                *(_wide(content, 1)[0] for part in comments for what, content in _records(part) if what == _COMMENT),
                *texts_beside(members, beside),
            ]
            sheets.append(Sheet(name, state, found, other_texts=only_said(told)))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise damaged("bad_xml") from error
    return Workbook(sheets, properties_of(members), {}, pictures_in(members))


def _records(content: bytes) -> Iterator[Record]:
    """Yield kind and content of each record; both numbers in front are written in groups of seven bits."""
    at, count, size = 0, 0, len(content)
    while at < size:
        kind = content[at]
        at += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (content[at] & 0x7F) << 7
            at += 1
        length = 0
        for shift in (0, 7, 14, 21):
            part = content[at]
            at += 1
            length |= (part & 0x7F) << shift
            if not part & 0x80:
                break
        if at + length > size:
            raise damaged("bad_xml")
        count += 1
        if count > MAX_RECORDS:
            raise too_large("cells", count, MAX_RECORDS)
        yield kind, content[at : at + length]
        at += length


def _whole(content: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", content, at)[0])


def _wide(content: bytes, at: int) -> tuple[str, int]:
    """Return the text at ``at`` and where it ends; a length of all bits means that there is none."""
    length = _whole(content, at)
    if length == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * length
    if end > len(content):
        raise damaged("bad_xml")
    return content[at + 4 : end].decode("utf-16-le"), end


def _shared_texts(content: bytes) -> list[str]:
    return [_wide(item, 1)[0] for kind, item in _records(content) if kind == _STRING_ITEM]


def _styles(content: bytes) -> list[_Style]:
    """Number format and font of each cell style."""
    own: dict[int, str] = {}
    fonts: list[str] = []
    styles: list[_Style] = []
    is_of_cells = False
    for kind, item in _records(content):
        if kind == _FORMAT:
            own[struct.unpack_from("<H", item)[0]] = _wide(item, 2)[0]
        elif kind == _FONT:
            fonts.append(_wide(item, _NAME_OF_FONT)[0])
        elif kind in (_BEGIN_CELL_STYLES, _END_CELL_STYLES):
            is_of_cells = kind == _BEGIN_CELL_STYLES
        elif kind == _STYLE and is_of_cells:
            number, font = struct.unpack_from("<HH", item, 2)
            code = own.get(number) or BUILTIN_FORMATS.get(number, GENERAL)
            styles.append(_Style(code, shows_date(code), fonts[font] if font < len(fonts) else None))
    return styles


class _SheetReader:
    """Reads one sheet: its cells, and the lines of its headers and footers."""

    def __init__(self, name: str, texts: list[str], styles: list[_Style], cells: Cells) -> None:
        self.name = name
        self.texts = texts
        self.styles = styles
        self.cells = cells
        self.frame: list[str] = []

    def read(self, content: bytes) -> dict[str, WrittenCell]:
        """Return the non-empty cells of the sheet by address."""
        hidden, merged = self._read_frame(content)
        found: dict[str, WrittenCell] = {}
        row, column, is_hidden_row = 0, 0, False
        for kind, item in _records(content):
            if kind == _END_OF_CELLS:  # what comes later is not for cells: some programs leave empty rows there
                break
            if kind == _ROW:
                row, column = _whole(item, 0) + 1, 0
                is_hidden_row = bool(item[11] & 0x10)
            elif _BLANK <= kind <= _SHORT[-1] or kind == _RICH:
                is_short = kind in _SHORT
                column = column + 1 if is_short else _whole(item, 0) + 1
                begin = 0 if is_short else 4
                style = self._style(_whole(item, begin) & 0xFFFFFF)
                text, raw_type = self._meaning(_KIND_OF.get(kind, kind), item, begin + 4)
                self.cells.put(
                    found,
                    self.name,
                    row,
                    column,
                    text,
                    "date" if raw_type == "number" and style.is_date else raw_type,
                    style.number_format,
                    is_formula=kind in _FORMULAS,
                    is_hidden=is_hidden_row or column in hidden,
                    is_merged=covers(merged.get(row, []), column),
                    font=style.font,
                )
        return found

    def _read_frame(self, content: bytes) -> tuple[set[int], dict[int, list[tuple[int, int]]]]:
        """Return hidden columns and merged ranges, which stand before and after the cells."""
        hidden: set[int] = set()
        ranges: list[tuple[int, int, int, int]] = []
        runs = 0
        for kind, item in _records(content):
            if kind == _COLUMNS:
                first, last, width, _, flags = struct.unpack_from("<IIIIH", item)
                runs += 1
                if runs > MAX_COLUMN_RUNS:
                    raise too_large("columns", runs, MAX_COLUMN_RUNS)
                if flags & 1 or width == 0:
                    hidden.update(range(first + 1, min(last + 1, MAX_COLUMN) + 1))
            elif kind == _MERGED:
                first_row, last_row, first, last = struct.unpack_from("<IIII", item)
                ranges.append((first_row + 1, last_row + 1, first + 1, last + 1))
            elif kind == _FRAME:
                at = 2
                while at < len(item):
                    line, at = _wide(item, at)
                    self.frame.append(without_commands(line))
        return hidden, merged_columns(ranges)

    def _style(self, number: int) -> _Style:
        if not self.styles:
            return _Style(GENERAL, is_date=False, font=None)
        return self.styles[number]

    def _meaning(self, kind: int, item: bytes, at: int) -> tuple[str | None, str]:
        """Return raw text and raw type of a cell as XLSX would store them."""
        if kind == _RK:
            return text_of_float(_compressed(_whole(item, at))), "number"
        if kind == _REAL:
            return text_of_float(struct.unpack_from("<d", item, at)[0]), "number"
        if kind == _SHARED:
            return self.texts[_whole(item, at)], "text"
        if kind in (_TEXT, _RICH):
            return _wide(item, at + (kind == _RICH))[0] or None, "text"
        if kind == _BOOL:
            return str(int(item[at] != 0)), "boolean"
        if kind == _ERROR:
            return _ERRORS.get(item[at], "#VALUE!"), "error"
        return None, "blank"


def _compressed(stored: int) -> float:
    """Decode a number of 30 bits: a whole one or the upper half of a float, perhaps a hundred times too large."""
    if stored & 2:
        number = float((stored >> 2) - (1 << 30 if stored & 0x80000000 else 0))
    else:
        number = struct.unpack("<d", struct.pack("<Q", (stored & 0xFFFFFFFC) << 32))[0]
    return number / 100 if stored & 1 else number
