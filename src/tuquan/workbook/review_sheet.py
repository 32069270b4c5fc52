"""Tell a review workbook from a report, and take its rows out as they are written: nothing is judged here.

What makes it ours is a stamp that stands in a hidden first row, at the head of the hidden column of ids and in the
document properties; the tags of its columns stand in that row, too. Rows and columns may be moved.
"""

import re

from tuquan.workbook.remarks import quoted
from tuquan.workbook.submission import ReviewRow, ReviewSheets
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

FORMAT = "review_workbook"
MARK = "tuquan-review"
PROPERTY = "tuquan_review"
FOR_MANY = "#many"
TAG = "#"
# What a row says, by the tag of its column; those of NUMBERS hold numbers.
LOCKED = (
    *("number", "area", "indicator", "reported", "previous", "last_year", "usual", "suggested", "question", "effect"),
)
NUMBERS = ("number", "reported", "previous", "last_year", "suggested")
ANSWERS = ("choice", "value", "reason")
COLUMNS = (*LOCKED, *ANSWERS)
_ID = re.compile(r"[0-9a-f]{32}")


def stamp_text(time_period: str, issue_id: str) -> str:
    """Return the stamp of a review workbook as the text of one cell.

    >>> stamp_text("2026-M11", "5f5f")
    'tuquan-review|2026-M11|5f5f'
    """
    return f"{MARK}|{time_period}|{issue_id}"


def is_review_workbook(workbook: Workbook) -> bool:
    """Whether any of its stamps is there: a workbook that lost some of them is no report all the same."""
    return PROPERTY in workbook.properties or any(map(_stamps_on, workbook.sheets))


def read_review(workbook: Workbook) -> ReviewSheets:
    """Return the rows of a review workbook, of all its sheets that bear a stamp."""
    stamps = [workbook.properties[PROPERTY]] if PROPERTY in workbook.properties else []
    columns: dict[str, dict[str, str]] = {}
    rows: list[ReviewRow] = []
    for sheet in workbook.sheets:
        if found := _stamps_on(sheet):
            stamps += found
            tags = _columns_of(sheet)
            columns[quoted(sheet.name)] = {tag: letters for letters, tag in tags.items()}
            rows += _rows_of(sheet, tags)
    return ReviewSheets(
        stamps=list(dict.fromkeys(stamps)),
        columns=columns,
        missing=[tag for tag in COLUMNS if not columns or any(tag not in found for found in columns.values())],
        rows=[row for row in rows if _is_asked(row)],
        for_many=[row for row in rows if row.row_id == FOR_MANY],
    )


def _is_asked(row: ReviewRow) -> bool:
    """Whether it is a row of the table: it has an id, or somebody wrote an answer where there is none."""
    return row.row_id not in (None, FOR_MANY) or (row.row_id is None and any(tag in row.cells for tag in ANSWERS))


def _stamps_on(sheet: Sheet) -> list[str]:
    return list(
        dict.fromkeys(cell.raw_text.strip() for cell in sheet.cells.values() if (cell.raw_text or "").startswith(MARK))
    )


def _columns_of(sheet: Sheet) -> dict[str, str]:
    """Return the tag of each column by its letters; a tag that stands twice is none."""
    found: dict[str, list[str]] = {}
    for address, cell in sheet.cells.items():
        text = (cell.raw_text or "").strip()
        if text.startswith(TAG) and text[1:] in COLUMNS:
            found.setdefault(text[1:], []).append(_letters(address))
    return {letters[0]: tag for tag, letters in found.items() if len(letters) == 1}


def _rows_of(sheet: Sheet, columns: dict[str, str]) -> list[ReviewRow]:
    marked = [address for address, cell in sheet.cells.items() if (cell.raw_text or "").startswith(MARK)]
    id_columns = {_letters(address) for address in marked}
    head = max(_row(address) for address in marked)  # of the table
    ids: dict[int, str] = {}
    cells: dict[int, dict[str, WrittenCell]] = {}
    for address, cell in sheet.cells.items():
        text = (cell.raw_text or "").strip()
        letters, row = _letters(address), _row(address)
        if letters in id_columns and (_ID.fullmatch(text) or text == FOR_MANY):
            ids[row] = text
        elif letters in columns and (text or cell.is_formula):
            cells.setdefault(row, {})[columns[letters]] = cell
    return [
        ReviewRow(quoted(sheet.name), row, ids.get(row), cells.get(row, {}))
        for row in sorted(ids.keys() | cells.keys())
        if row in ids or row > head
    ]


def _row(address: str) -> int:
    return int(address[len(_letters(address)) :])


def _letters(address: str) -> str:
    return address.rstrip("0123456789")
