"""Read a text file of separated fields: records, or a form that was saved as text.

The separator is the one under which the file says most that we know. A form keeps its hidden row and column in such a
file, so it is read as a sheet like any other.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from tuquan.vocabulary.phrases import phrase
from tuquan.workbook.container import MAX_FILE_BYTES, UnreadableFile, too_large
from tuquan.workbook.grid import MAX_CELLS, MAX_CHARACTERS, MAX_COLUMN, MAX_ROW, letters_of
from tuquan.workbook.legacy_text import decode_bytes, is_known_label
from tuquan.workbook.records import MAX_ROWS, Columns, columns_of
from tuquan.workbook.stamp import COLUMN_TAGS
from tuquan.workbook.written import Records, Sheet, Workbook, WrittenCell

SEPARATORS = ",;\t|"
SAMPLE_CHARACTERS = 20_000  # a form has 6,000
LEAST_ROWS_OF_A_TABLE = 2
LONGEST_LINE = 500_000  # millions of fields in one line would take memory before they can be counted
Row = tuple[int, list[str]]  # number of its last physical line, because a quoted field may contain line breaks


def read_delimited(path: Path) -> Workbook | Records:
    """Return the records in a text file, or its fields as the cells of one sheet when its heads are not of records.

    Raises:
        UnreadableFile: too large, in an unknown encoding, with broken quotes, or without fields.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise too_large("size", size, MAX_FILE_BYTES)
    content = path.read_bytes()
    try:
        text, _ = decode_bytes(content)
    except UnreadableFile as error:
        if error.check == "text_encoding_is_known":
            return _records_in_ascii(content, error)
        raise
    return _read(text)


def _records_in_ascii(content: bytes, error: UnreadableFile) -> Records:
    """Return records whose own columns are plain ASCII: what stands in other columns is not read anyway."""
    text = content.decode("ascii", "replace")
    table = _read(text) if "ref_area" in text.casefold() else None
    columns = columns_of(table.heads) if isinstance(table, Records) else None
    if not isinstance(table, Records) or columns is None:
        raise error
    places = [*columns.named.values(), *(place for place, *_ in columns.wide)]
    if any("\ufffd" in (texts[place] or "") for _, texts in table.rows for place in places if place < len(texts)):
        raise error
    return table


def _read(text: str) -> Workbook | Records:
    for start in range(0, len(text) - LONGEST_LINE, LONGEST_LINE):
        stop = start + LONGEST_LINE
        if text.find("\n", start, stop) < 0 and text.find("\r", start, stop) < 0:
            raise too_large("characters", LONGEST_LINE, MAX_CHARACTERS)
    first_line, _, rest = text.partition("\n")
    declared = first_line.strip().strip('"').lower()
    has_declaration = declared[:4] == "sep=" and len(declared.rstrip("\r")) == len("sep=,")
    if has_declaration:
        text, separator, skipped = rest, declared[4], 1
    elif first_line.lower().rstrip("\r") == "sep=\t":
        text, separator, skipped = rest, "\t", 1
    else:
        separator, skipped = _separator(text), 0
    rows = ((number + skipped, fields) for number, fields in _rows(text, separator))
    blank_rows: list[Row] = []
    for number, heads in rows:
        if any(field.strip() for field in heads):
            columns = columns_of(heads)
            if columns is not None:
                return _records(heads, rows)
            return _workbook([*blank_rows, (number, heads)], rows)
        blank_rows.append((number, heads))
        if len(blank_rows) > MAX_ROW:
            break
    raise UnreadableFile("file_format_is_supported", "csv_text")


def _rows(text: str, separator: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise UnreadableFile("csv_lines_are_well_formed", "csv_structure", max(1, reader.line_num)) from error
        if fields is None:
            return
        if len(fields) > MAX_COLUMN and any(field.strip() for field in fields[MAX_COLUMN:]):
            raise too_large("columns", len(fields), MAX_COLUMN)
        yield reader.line_num, fields[:MAX_COLUMN]


def _separator(text: str) -> str:
    """Return the separator under which heads of records stand in the first line, or else most known words are fields.

    Raises:
        UnreadableFile: no separator makes a table of it.
    """
    sample = text if len(text) <= SAMPLE_CHARACTERS else text[:SAMPLE_CHARACTERS].rpartition("\n")[0]
    tables = {separator: _sample_rows(sample, separator) for separator in SEPARATORS}
    for separator, rows in tables.items():
        if rows and _heads_of(rows[0]) is not None:
            return separator
    known = {separator: sum(_is_known(field) for row in rows for field in row) for separator, rows in tables.items()}
    even = {separator: _even_rows(rows) for separator, rows in tables.items()}
    best = max(SEPARATORS, key=lambda separator: (known[separator], even[separator]))
    if known[best] == 0 and even[best] < LEAST_ROWS_OF_A_TABLE:
        raise UnreadableFile("file_format_is_supported", "csv_text")
    return best


def _sample_rows(sample: str, separator: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=separator))
    except csv.Error:  # said with its line when the whole is read
        rows = [line.split(separator) for line in sample.splitlines()]
    return [row for row in rows if any(field.strip() for field in row)]


def _heads_of(heads: list[str]) -> Columns | None:
    """The columns of records, also when some are missing: the separator is right, and the reader will say so."""
    try:
        return columns_of(heads)
    except UnreadableFile:
        return Columns({}, [], [])


def _is_known(field: str) -> bool:
    text = field.strip()
    return bool(text) and len(text) <= MAX_CHARACTERS and (text in COLUMN_TAGS or is_known_label(text))


def _even_rows(rows: list[list[str]]) -> int:
    """How many rows have the most frequent width, if that is more than one field."""
    widths = Counter(len(row) for row in rows)
    width, count = max(widths.items(), key=lambda item: item[1], default=(0, 0))
    return count if width > 1 else 0


def _records(heads: list[str], rows: Iterator[Row]) -> Records:
    width = len(heads)
    found: list[tuple[str, list[str | None]]] = []
    for number, fields in rows:
        if not any(field.strip() for field in fields):
            continue
        while len(fields) > width and not fields[-1].strip():  # separators after the last column say nothing
            fields.pop()
        found.append((phrase("receipt.csv_row", row=number), [field.strip() for field in fields]))
        if len(found) > MAX_ROWS:
            raise too_large("rows", len(found), MAX_ROWS)
    return Records(phrase("receipt.csv_sheet"), heads, found)


def _workbook(first: list[Row], rows: Iterator[Row]) -> Workbook:
    name = phrase("receipt.csv_sheet")
    cells: dict[str, WrittenCell] = {}
    row = 0
    for _, fields in chain(first, rows):
        row += 1
        for column, field in enumerate(fields, start=1):
            if not field.strip():
                continue
            if row > MAX_ROW:
                raise too_large("rows", row, MAX_ROW)
            if len(field) > MAX_CHARACTERS:
                raise too_large("characters", len(field), MAX_CHARACTERS)
            address = f"{letters_of(column)}{row}"
            cells[address] = WrittenCell(name, address, field, "text", None, False, False, False)
        if len(cells) > MAX_CELLS:
            raise too_large("cells", len(cells), MAX_CELLS)
    return Workbook([Sheet(name, "visible", cells)], {}, {})
