"""What the readers of all table formats share: limits, number formats, addresses, and cells gathered within limits."""

import re
from collections.abc import Iterable
from functools import lru_cache

from tuquan.workbook.container import UnreadableFile, damaged, too_large
from tuquan.workbook.written import WrittenCell

MAX_SHEETS = 60  # a province that sends a sheet for each commune of a district has fewer
MAX_ROW = 20_000
MAX_COLUMN = 400
MAX_CELLS = 100_000
MAX_CHARACTERS = 32_767  # of one cell: spreadsheet programs take no more
MAX_MERGED_ROWS = 40_000  # rows of all merged ranges together
MAX_FORMAT = 255  # signs of a number format: Excel takes no more
MAX_COLUMN_RUNS = 16_384  # no sheet has more columns

GENERAL = "General"
BUILTIN_FORMATS = {
    **{0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?"},
    **{13: "# ??/??", 14: "mm-dd-yy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM"},
    **{20: "h:mm", 21: "h:mm:ss", 22: "m/d/yy h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;[Red](#,##0)"},
    **{39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;[Red](#,##0.00)", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mmss.0"},
    **{48: "##0.0E+0", 49: "@"},
}
_DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
_IN_QUOTES_OR_BRACKETS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_WHOLE_UP_TO = 10**16  # a larger float does not tell its last digits
_COMMANDS_OF_A_FOOTER = re.compile(r'&(?:"[^"]*"|\d+|K[0-9A-F]{6}|[A-Z])|&(&)')


class Cells:
    """Gathers the non-empty cells of one sheet after another, and counts them over the whole workbook."""

    def __init__(self) -> None:
        self._count = 0

    def put(
        self,
        found: dict[str, WrittenCell],
        sheet: str,
        row: int,
        column: int,
        raw_text: str | None,
        raw_type: str,
        number_format: str | None = None,
        *,
        is_formula: bool = False,
        is_hidden: bool = False,
        is_merged: bool = False,
        font: str | None = None,
    ) -> None:
        """Add one cell to ``found``; a blank one only when it is part of a merged range or has a formula.

        Raises:
            UnreadableFile: it lies too far out, is too long, is one too many, or its place is taken.
        """
        if raw_text is None and not (is_formula or is_merged):
            return
        admit_place(row, column)
        if raw_text is not None and len(raw_text) > MAX_CHARACTERS:
            raise too_large("characters", len(raw_text), MAX_CHARACTERS)
        self._count += 1
        if self._count > MAX_CELLS:
            raise too_large("cells", self._count, MAX_CELLS)
        address = f"{letters_of(column)}{row}"
        if address in found:
            raise damaged("bad_xml")
        kind = "blank" if raw_text is None else raw_type
        found[address] = WrittenCell(
            sheet, address, raw_text, kind, number_format, is_formula, is_hidden, is_merged, font
        )


def admit_place(row: int, column: int) -> None:
    """Raise when a cell lies farther out than any report has one."""
    if row > MAX_ROW or column > MAX_COLUMN:
        raise too_far(row, column)


def too_far(row: int, column: int) -> UnreadableFile:
    """The cell lies farther out than any report has one."""
    return too_large("rows", row, MAX_ROW) if row > MAX_ROW else too_large("columns", column, MAX_COLUMN)


@lru_cache(maxsize=1024)
def letters_of(column: int) -> str:
    """Return the letters of a column number: 1 is A."""
    letters = ""
    while column:
        column, digit = divmod(column - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def merged_columns(ranges: Iterable[tuple[int, int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    """Return row number → first and last column of each merged range in that row.

    Args:
        ranges: first row, last row, first column, last column; all count from 1.
    """
    merged: dict[int, list[tuple[int, int]]] = {}
    rows = 0
    for first_row, last_row, first_column, last_column in ranges:
        last_row = min(last_row, MAX_ROW)
        rows += max(0, last_row - first_row + 1)
        if rows > MAX_MERGED_ROWS:
            raise too_large("rows", rows, MAX_MERGED_ROWS)
        for row in range(first_row, last_row + 1):
            merged.setdefault(row, []).append((first_column, last_column))
    return merged


def covers(ranges: list[tuple[int, int]], column: int) -> bool:
    """Whether one of the ranges of a row covers the column."""
    for first, last in ranges:  # noqa: SIM110 - any() takes three times as long, and this runs for each cell
        if first <= column <= last:
            return True
    return False


@lru_cache(maxsize=256)
def shows_date(number_format: str) -> bool:
    """Whether a number format shows its number as a date or a time."""
    if number_format == GENERAL:
        return False
    if len(number_format) > MAX_FORMAT:
        raise too_large("characters", len(number_format), MAX_FORMAT)
    shown = _IN_QUOTES_OR_BRACKETS.sub("", number_format).replace(GENERAL, "")
    return _DATE_LETTERS.search(shown) is not None or number_format == "[h]:mm:ss"


def text_of_float(number: float) -> str:
    """Return a stored number as XLSX would write it: without ``.0``, else the shortest text that means the same.

    >>> text_of_float(1288.0), text_of_float(0.1)
    ('1288', '0.1')
    """
    return str(int(number)) if abs(number) < _WHOLE_UP_TO and number == int(number) else repr(number)


@lru_cache(maxsize=256)
def without_commands(footer: str) -> str:
    """Return the text of a header or footer without the signs that set fonts, sides and page numbers."""
    return _COMMANDS_OF_A_FOOTER.sub(r"\1", footer).strip()
