"""Find the table of a form on a sheet: by its hidden stamps and ids, or by the words of its heads; positions never.

A form that was copied without its hidden row and column still has heads and names. They are compared exactly but for
spelling; a head that stands twice, or is not known, is no head.
"""

import re
import string
from dataclasses import dataclass
from functools import lru_cache

from tuquan.vocabulary.areas import canonical_name
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.workbook.stamp import (
    COLUMN_MARK,
    COLUMN_TAGS,
    END_OF_ROWS,
    ROW_MARK,
    Stamp,
    stamp_from_text,
)
from tuquan.workbook.words import head_of
from tuquan.workbook.written import Sheet

DIGITS, LETTERS = string.digits, string.ascii_uppercase
OWN_MARKS = ("#", ROW_MARK, COLUMN_MARK)
HEAD_ROWS = 4  # a head of two or three lines, and the line A B C 1 2 3 below it
LONGEST_HEAD = 60
_NUMBERING = re.compile(r"^\(?(?:\d{1,3}|[a-zđ])[.)]\s*|^[-–+*•]\s*", re.IGNORECASE)
_COLUMN_SIGN = re.compile(r"\(?(?:[A-Za-z]|\d{1,2})\)?(?:\s*=.*)?", re.ASCII)


@dataclass(frozen=True)
class Table:
    """Where the table of a form stands. ``columns``: tag of each column that was found → its letters.

    ``stamps``: every stamp on the sheet, the one that is believed first; none on a copy without them. ``ambiguous``:
    tags that more than one head claims. Rows of the table lie between ``head_row`` and ``last_row``.
    """

    columns: dict[str, str]
    id_column: str | None
    head_row: int
    last_row: int
    stamps: tuple[Stamp, ...] = ()
    ambiguous: tuple[str, ...] = ()


def find_table(sheet: Sheet) -> Table | None:
    """Return the table of a form on ``sheet``, or None when nothing on it looks like one."""
    return _stamped(sheet) or _headed(sheet)


def row_of(address: str) -> int:
    return int(address.lstrip(LETTERS))


def column_of(address: str) -> str:
    return address.rstrip(DIGITS)


@lru_cache(maxsize=4096)
def label(text: str) -> str:
    """Return the canonical name that a row is called by: without a number or dash in front."""
    return canonical_name(_NUMBERING.sub("", text.strip())).rstrip(" :.")


def is_line_of_signs(texts: list[str]) -> bool:
    """Whether a row only numbers the columns: A, B, C, 1, 2, 3."""
    return len(texts) > 1 and all(_COLUMN_SIGN.fullmatch(text.strip()) for text in texts)


def _stamped(sheet: Sheet) -> Table | None:
    marks = [
        (address, cell.raw_text)
        for address, cell in sheet.cells.items()
        if cell.raw_text is not None and cell.raw_text.startswith(OWN_MARKS)
    ]
    in_rows = [(at, stamp) for at, text in marks if (stamp := stamp_from_text(text, ROW_MARK))]
    in_columns = [(at, stamp) for at, text in marks if (stamp := stamp_from_text(text, COLUMN_MARK))]
    found = [*in_columns, *in_rows]
    if not found:
        return None
    address, _ = found[0]
    head_row = row_of(address)
    heads = [] if in_rows and in_columns else _heads(sheet)
    if in_rows:
        tag_row = row_of(in_rows[0][0])
        columns = {text: column_of(at) for at, text in marks if text in COLUMN_TAGS and row_of(at) == tag_row}
    else:
        columns = {tag: column for row, column, tag in heads if row == head_row}
    if not in_columns:
        # The hidden row tells the columns; the heads tell where the table begins.
        head_row = max((row for row, column, tag in heads if columns.get(tag) == column), default=head_row)
    last_row = max((row_of(at) for at, text in marks if text.strip() == END_OF_ROWS), default=0)
    last_row = last_row or _last_row(sheet) + 1
    return Table(columns, column_of(address), head_row, last_row, tuple(stamp for _, stamp in found))


def _headed(sheet: Sheet) -> Table | None:
    """Return the table below the heads that lie together and name at least the rows and the figures."""
    heads = _heads(sheet)
    for first, _, tag in heads:
        if tag not in ("#indicator", "#code"):
            continue
        own = [(row, column, tag) for row, column, tag in heads if first - 1 <= row < first + HEAD_ROWS]
        places: dict[str, list[str]] = {}
        for _, column, tag in own:
            if column not in places.setdefault(tag, []):
                places[tag].append(column)
        if "#period" not in places:
            continue
        ambiguous = tuple(tag for tag, columns in places.items() if len(columns) > 1)
        columns = {tag: columns[0] for tag, columns in places.items()}
        id_column = columns.get("#code") or _column_of_codes(sheet)
        return Table(columns, id_column, max(row for row, _, _ in own), _last_row(sheet) + 1, (), ambiguous)
    return None


def _heads(sheet: Sheet) -> list[tuple[int, str, str]]:
    """Return (row, column, tag) of each cell that reads as the head of a column, from the top."""
    return sorted(
        (row_of(address), column_of(address), tag)
        for address, cell in sheet.cells.items()
        if cell.raw_type == "text"
        and cell.raw_text
        and len(cell.raw_text) <= LONGEST_HEAD
        and (tag := _head(cell.raw_text))
    )


@lru_cache(maxsize=4096)  # thousands of forms have the same texts
def _head(text: str) -> str | None:
    return head_of(text)


def _column_of_codes(sheet: Sheet) -> str | None:
    """The column in which codes of indicators stand without a head: the hidden ids of a form that lost its stamps."""
    catalogue, counted = load_catalogue(), {}
    for address, cell in sheet.cells.items():
        if cell.raw_text in catalogue:
            column = column_of(address)
            counted[column] = counted.get(column, 0) + 1
    return max(counted, key=counted.__getitem__) if counted else None


def _last_row(sheet: Sheet) -> int:
    return max(map(row_of, sheet.cells), default=0)
