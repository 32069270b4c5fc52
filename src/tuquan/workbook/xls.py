"""Read what stands in an old Excel workbook (.xls): evidence, as of XLSX.

xlrd decodes the records, but it is shown only those that are asked of it: a first walk over the stream counts them,
notes what xlrd does not tell (formulas, texts beside the cells, pictures), and blinds all others. Defined names are
not read.
"""

import struct
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import xlrd
from msgspec import Struct, field
from xlrd.book import Book
from xlrd.sheet import Sheet as RawSheet

from tuquan.workbook.compound import SIGNATURE, CompoundFile, refuse_what_is_no_workbook
from tuquan.workbook.container import MAX_FILE_BYTES, UnreadableFile, damaged, too_large
from tuquan.workbook.grid import (
    GENERAL,
    MAX_CELLS,
    MAX_SHEETS,
    Cells,
    admit_place,
    covers,
    merged_columns,
    shows_date,
    text_of_float,
    without_commands,
)
from tuquan.workbook.package import only_said
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

MAX_RECORDS = 600_000  # of all sheets together
MAX_GLOBAL_RECORDS = 20_000  # fonts, formats and styles: Excel itself writes some hundreds, and 4,050 at most

_BOF, _EOF, _CONTINUE = 0x0809, 0x000A, 0x003C
_FILEPASS, _BOUNDSHEET, _SST, _DRAWINGS, _BITMAP, _MERGED, _COLUMNS = (
    0x002F,
    0x0085,
    0x00FC,
    0x00EB,
    0x007F,
    0x00E5,
    0x007D,
)
_PAGE_HEADER, _PAGE_FOOTER, _NOTE, _TEXT_BOX = 0x0014, 0x0015, 0x001C, 0x01B6
_MANY_NUMBERS, _FORMULAS = 0x00BD, (0x0006, 0x0206, 0x0406)
_CELLS = {*_FORMULAS, _MANY_NUMBERS, 0x0203, 0x0204, 0x0205, 0x027E, 0x00FD, 0x00D6}
# Codepage, date system, format, font, style of a cell, shared texts.
_SHOWN_OF_BOOK = {_BOF, _EOF, _CONTINUE, _BOUNDSHEET, _SST, 0x0042, 0x0022, 0x041E, 0x001E, 0x0031, 0x00E0}
# Cells, results of formulas, rows, columns and their widths, dimensions, merged ranges.
_SHOWN_OF_SHEET = _CELLS | {_BOF, _EOF, _CONTINUE, _MERGED, 0x0207, 0x0208, _COLUMNS, 0x0055, 0x0099, 0x0200}
_RECORD, _PLACE, _DRAWING = struct.Struct("<HH"), struct.Struct("<HH"), struct.Struct("<HHI")
_BLIND = b"\xfe\xff"  # a code that no version of the format has
_WORKSHEET, _MACRO_SHEET = 0, 1
# One record can be as much work as many: a list of merged ranges, and a run of up to 256 columns.
_COSTS: dict[int, Callable[[int], int]] = {_MERGED: lambda length: length // 8, _COLUMNS: lambda _: 256}
_PICTURE_STORE = 0xF001
_STATES = {1: "hidden", 2: "very_hidden"}
_TYPES = {xlrd.XL_CELL_TEXT: "text", xlrd.XL_CELL_BOOLEAN: "boolean", xlrd.XL_CELL_ERROR: "error"}
# What xlrd, which trusts its input, raises for damaged records.
_ERRORS_OF_XLRD = (
    xlrd.XLRDError,
    struct.error,
    AssertionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


class _Beside(Struct):
    """What the first walk over one sheet finds that xlrd does not tell; places count from 0."""

    formulas: set[tuple[int, int]] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    bitmaps: int = 0


def read_ole(path: Path) -> Workbook:
    """Return everything that is written in the .xls workbook at ``path``.

    Raises:
        UnreadableFile: no workbook but another kind of OLE file; locked, with macros, damaged, or too large.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise too_large("size", path.stat().st_size, MAX_FILE_BYTES)
    data = path.read_bytes()
    try:
        file = CompoundFile(data)
    except UnreadableFile:
        # The directory cannot be read, but the names in it can be seen.
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise UnreadableFile("workbook_is_not_encrypted", "ole") from None
        if "Book".encode("utf-16-le") in data or "Workbook".encode("utf-16-le") in data:
            raise
        raise UnreadableFile("file_format_is_supported", "ole") from None
    refuse_what_is_no_workbook(file)
    stream = file.stream("Workbook") or file.stream("Book")
    if not stream or stream.startswith(SIGNATURE):
        raise damaged("damaged_zip")
    parts = tuple(sorted(name for name in file.names if name.startswith(("mbd", "_xmlsignatures", "_signatures"))))
    try:
        return _workbook_from(bytearray(stream), parts)
    except _ERRORS_OF_XLRD as error:
        raise damaged("bad_xml") from error


def _workbook_from(stream: bytearray, embedded: tuple[str, ...]) -> Workbook:
    offsets, pictures = _walk_over_book(stream)
    walk = _SheetWalk(stream)
    beside = [walk.over(offset) for offset in offsets]
    book = xlrd.open_workbook(
        file_contents=bytes(stream), formatting_info=True, on_demand=True, ragged_rows=True, logfile=StringIO()
    )
    cells, styles = Cells(), _Styles(book)
    sheets = []
    for number, found in zip(range(book.nsheets), beside, strict=True):
        raw = book.sheet_by_index(number)
        state = _STATES.get(raw.visibility, "visible")
        texts = only_said(found.texts)
        sheets.append(Sheet(raw.name, state, _cells_of(raw, found.formulas, cells, styles), other_texts=texts))
        book.unload_sheet(number)
    pictures += sum(found.bitmaps for found in beside)
    return Workbook(sheets, {}, {}, (*embedded, *(f"picture {at + 1}" for at in range(pictures))))


def _records(stream: bytearray, at: int) -> Iterator[tuple[int, int, int]]:
    """Yield code, begin and end of each record from ``at`` to the end of its part, without embedded charts."""
    is_embedded = False
    begin = _begin(stream, at)
    while True:
        code, length = _RECORD.unpack_from(stream, begin)
        end = begin + _RECORD.size + length
        if code == _EOF and not is_embedded:
            return
        if code == _BOF and begin > at:
            is_embedded = True
        elif is_embedded:
            is_embedded = code != _EOF
        else:
            yield code, begin + _RECORD.size, end
        begin = end


def _begin(stream: bytearray, at: int) -> int:
    if not 0 <= at < len(stream) or stream[at : at + 2] != _BOF.to_bytes(2, "little"):
        raise damaged("bad_xml")
    return at


def _walk_over_book(stream: bytearray) -> tuple[list[int], int]:
    """Return where the sheets begin, and how many pictures the book holds; blind what xlrd need not see."""
    offsets: list[int] = []
    texts = 0
    drawings = bytearray()
    previous = 0
    for count, (code, begin, end) in enumerate(_records(stream, 0)):
        if code == _FILEPASS:
            raise UnreadableFile("workbook_is_not_encrypted", "ole")
        if count > MAX_GLOBAL_RECORDS:
            raise too_large("cells", count, MAX_GLOBAL_RECORDS)
        if code == _BOUNDSHEET:
            offset, _, kind = struct.unpack_from("<IBB", stream, begin)
            if kind == _MACRO_SHEET:
                raise UnreadableFile("workbook_has_no_macros", "unexpected")
            if kind == _WORKSHEET:
                offsets.append(offset)
        elif code == _SST:
            texts += struct.unpack_from("<I", stream, begin + 4)[0]
            if texts > MAX_CELLS:
                raise too_large("cells", texts, MAX_CELLS)
        elif code == _DRAWINGS or (code == _CONTINUE and previous == _DRAWINGS):
            drawings += stream[begin:end]
        if code not in _SHOWN_OF_BOOK:
            _blind(stream, begin)
        previous = code if code != _CONTINUE else previous
    if not offsets:
        raise damaged("no_sheets")
    if len(offsets) > MAX_SHEETS:
        raise too_large("sheets", len(offsets), MAX_SHEETS)
    return offsets, _pictures_among(drawings)


def _blind(stream: bytearray, begin: int) -> None:
    stream[begin - _RECORD.size : begin - 2] = _BLIND


def _pictures_among(drawings: bytearray) -> int:
    """Return how many pictures the drawings of the book keep in store."""
    at = _DRAWING.size
    while at + _DRAWING.size <= len(drawings):
        version, kind, length = _DRAWING.unpack_from(drawings, at)
        if kind == _PICTURE_STORE:
            return version >> 4
        at += _DRAWING.size + length
    return 0


class _SheetWalk:
    """Walks over one sheet after another, and counts records and cells over all of them."""

    def __init__(self, stream: bytearray) -> None:
        self.stream = stream
        self.is_unicode = struct.unpack_from("<H", stream, _RECORD.size)[0] >= 0x0600  # else Excel 5 and 95
        self.records = 0
        self.cells = 0

    def over(self, offset: int) -> _Beside:
        """Return what stands beside the cells of the sheet at ``offset``; blind what xlrd need not see."""
        stream, found = self.stream, _Beside()
        letters = 0  # of the text box that the next record continues
        for code, begin, end in _records(stream, offset):
            self.records += 1
            if code in _CELLS:
                self._count(code, begin, end)
                if code in _FORMULAS:
                    found.formulas.add(_PLACE.unpack_from(stream, begin))
            elif code == _CONTINUE and letters:
                text = _unicode(stream[begin + 1 : end], stream[begin])[:letters]
                found.texts.append(text)
                letters = 0
            elif code == _TEXT_BOX:
                letters = struct.unpack_from("<H", stream, begin + 10)[0]
            elif code in (_PAGE_HEADER, _PAGE_FOOTER) and end > begin:
                found.texts.append(without_commands(self._line(begin, end)))
            elif code == _NOTE and not self.is_unicode:
                found.texts.append(stream[begin + 6 : end].decode("cp1252", "replace"))
            elif code == _BITMAP:
                found.bitmaps += 1
            elif code in _COSTS:
                self.records += _COSTS[code](end - begin)
            if self.records > MAX_RECORDS:
                raise too_large("cells", self.records, MAX_RECORDS)
            if code not in _SHOWN_OF_SHEET:
                _blind(stream, begin)
        return found

    def _count(self, code: int, begin: int, end: int) -> None:
        row, column = _PLACE.unpack_from(self.stream, begin)
        admit_place(row + 1, column + 1)
        self.cells += (end - begin) // 6 if code == _MANY_NUMBERS else 1
        if self.cells > MAX_CELLS:
            raise too_large("cells", self.cells, MAX_CELLS)

    def _line(self, begin: int, end: int) -> str:
        if self.is_unicode:
            return _unicode(self.stream[begin + 3 : end], self.stream[begin + 2])
        return self.stream[begin + 1 : end].decode("cp1252", "replace")


def _unicode(content: bytearray, flags: int) -> str:
    return content.decode("utf-16-le" if flags & 1 else "latin-1", "replace")


class _Styles:
    """Number format and font of each cell style of a book."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._known: dict[int, tuple[str, bool, str | None]] = {}

    def __getitem__(self, style: int) -> tuple[str, bool, str | None]:
        if style not in self._known:
            entry = self._book.xf_list[style]
            code = self._book.format_map[entry.format_key].format_str or GENERAL
            code = GENERAL if code.lower() == "general" else code
            self._known[style] = code, shows_date(code), self._book.font_list[entry.font_index].name
        return self._known[style]


def _cells_of(raw: RawSheet, formulas: set[tuple[int, int]], cells: Cells, styles: _Styles) -> dict[str, WrittenCell]:
    merged = merged_columns((first + 1, last, left + 1, right) for first, last, left, right in raw.merged_cells)
    hidden = {at for at, column in raw.colinfo_map.items() if column.hidden or column.width == 0}
    found: dict[str, WrittenCell] = {}
    for row in sorted({*range(raw.nrows), *(row - 1 for row in merged)}):
        ranges = merged.get(row + 1, [])
        types = raw.row_types(row) if row < raw.nrows else ()
        columns = {at for at, kind in enumerate(types) if kind not in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK)}
        info = raw.rowinfo_map.get(row)
        is_hidden_row = info is not None and (info.hidden or info.height == 0)
        for column in sorted(columns.union(*(range(first - 1, last) for first, last in ranges))):
            text, kind, number_format, font = None, "blank", None, None
            if column in columns:
                number_format, is_date, font = styles[raw.cell_xf_index(row, column)]
                text, kind = _meaning(raw.cell_type(row, column), raw.cell_value(row, column), is_date=is_date)
            cells.put(
                found,
                raw.name,
                row + 1,
                column + 1,
                text,
                kind,
                number_format,
                is_formula=(row, column) in formulas,
                is_hidden=bool(is_hidden_row or column in hidden),
                is_merged=covers(ranges, column + 1),
                font=font,
            )
    return found


def _meaning(kind: int, value: str | float, *, is_date: bool) -> tuple[str | None, str]:
    """Return raw text and raw type of a cell as XLSX would store them."""
    if kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
        return text_of_float(float(value)), "date" if is_date else "number"
    if kind == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(int(value), "#VALUE!"), "error"
    text = str(int(value)) if kind == xlrd.XL_CELL_BOOLEAN else str(value)
    return text or None, _TYPES[kind]
