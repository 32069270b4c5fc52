"""Write the workbook in which a reviewer decides without the page: the questions locked, the answers open.

Text is written as text and never as a formula, and the same questions give the same bytes.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from tuquan.vocabulary.phrases import number_vi, phrase
from tuquan.workbook.review_sheet import ANSWERS, COLUMNS, FOR_MANY, PROPERTY, TAG

FONT = "Times New Roman"
IDS = 0  # the hidden column
PLACE = {tag: place for place, tag in enumerate(COLUMNS, start=1)}
WIDTHS = {
    "number": 5, "area": 14, "indicator": 17, "reported": 10, "previous": 10, "last_year": 10, "usual": 11.5,
    "suggested": 10, "question": 33, "effect": 27, "choice": 11, "value": 11, "reason": 21,
}  # fmt: skip
LETTERS = 1.3  # of 11 points in one unit of a column's width, measured on a rendered page
LINE_POINTS = 14.5
MOST_RUNS = 200  # of rows that one rule names: spreadsheets refuse a rule of many thousands of letters
MOST_POINTS = 405.0  # a row of a sheet is not higher than 409
STAMP_ROW = 0
PAPER_A4 = 9
NUMBER_FORMAT = "[$-42A]#,##0"


@dataclass(frozen=True)
class SheetRow:
    """One row: ``locked`` by column, numbers in the columns of numbers; and what may be written beside it.

    ``choices`` are empty where the decision stands in another row of the same question, and ``limits`` are None where
    no value may be written.
    """

    row_id: str
    locked: Mapping[str, str | Decimal | None]
    decimals: int
    choices: Sequence[str]
    limits: tuple[Decimal, Decimal | None] | None
    is_grave: bool


@dataclass(frozen=True)
class ReviewBook:
    """A review workbook: its stamp, what stands above the table, its rows, and the choices of the cell for many."""

    stamp: str
    title: str
    written_at: datetime
    lines: Sequence[str]
    rows: Sequence[SheetRow]
    for_many: Sequence[str]
    longest_reason: int
    correct: str  # the choice that wants a value


def write_review_workbook(review: ReviewBook) -> bytes:
    """Return the workbook."""
    buffer = BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False},
    )
    book.set_properties({"title": review.title, "created": review.written_at})
    book.set_custom_property(PROPERTY, review.stamp, "text")
    sheet = book.add_worksheet(phrase("review_workbook.sheet"))
    writer = _Writer(book, sheet, review)
    head = writer.write_head()
    last = writer.write_rows(head + 1)
    writer.set_up_page(head, last)
    book.close()
    return buffer.getvalue()


class _Writer:
    def __init__(self, book: xlsxwriter.Workbook, sheet: Worksheet, review: ReviewBook) -> None:
        self.book, self.sheet, self.review = book, sheet, review
        self._formats: dict[tuple[Any, ...], Format] = {}

    def write_head(self) -> int:
        """Write the hidden row, what stands above the table and the heads of the columns; return the row of these."""
        sheet, last = self.sheet, PLACE[COLUMNS[-1]]
        sheet.write_string(STAMP_ROW, IDS, self.review.stamp)
        for tag, place in PLACE.items():
            sheet.write_string(STAMP_ROW, place, TAG + tag)
        sheet.set_row(STAMP_ROW, None, None, {"hidden": True})
        sheet.merge_range(1, 1, 1, last, self.review.title, self._format(bold=True, font_size=15))
        sheet.set_row(1, 22)
        row = 2
        width = sum(WIDTHS.values())
        for line in self.review.lines:
            sheet.merge_range(row, 1, row, last, line, self._format(text_wrap=True))
            sheet.set_row(row, _height([(line, width)]))
            row += 1
        if self.review.for_many:
            self._write_for_many(row)
            row += 1
        sheet.set_row(row, 6)
        row += 1
        sheet.write_string(row, IDS, self.review.stamp)
        for tag, place in PLACE.items():
            color = "#FFE699" if tag in ANSWERS else "#DDEBF7"
            look = self._format(bold=True, border=1, align="center", text_wrap=True, bg_color=color)
            sheet.write_string(row, place, phrase(f"review_workbook.column.{tag}"), look)
        sheet.set_row(row, 3 * LINE_POINTS)
        return row

    def write_rows(self, row: int) -> int:
        """Write the table from ``row`` on; return its last row."""
        first = row
        choices: dict[tuple[str, ...], list[int]] = {}
        limits: dict[tuple[Decimal, Decimal | None, int], list[int]] = {}
        for line in self.review.rows:
            self._write_row(row, line)
            if line.choices:
                choices.setdefault(tuple(line.choices), []).append(row)
            if line.limits:
                limits.setdefault((*line.limits, line.decimals), []).append(row)
            row += 1
        last = max(first, row - 1)
        longest, not_listed = self.review.longest_reason, phrase("review_workbook.choice_error")
        for words, rows in choices.items():
            self._allow("choice", rows, {"validate": "list", "source": list(words)}, not_listed)
            rule = {"validate": "length", "criteria": "<=", "value": longest}
            self._allow("reason", rows, rule, phrase("page.long_reason", limit=number_vi(longest)))
        for (low, high, decimals), rows in limits.items():
            bounds = {"criteria": ">=", "value": float(low)}
            if high is not None:
                bounds = {"criteria": "between", "minimum": float(low), "maximum": float(high)}
            rule = {"validate": "decimal" if decimals else "integer", **bounds}
            self._allow("value", rows, rule, phrase("review_workbook.value_error"))
        self._point_out(first, last)
        return last

    def set_up_page(self, head: int, last: int) -> None:
        """Set widths, freezing, filter, protection and the printed page."""
        sheet, end = self.sheet, PLACE[COLUMNS[-1]]
        sheet.set_column(IDS, IDS, 34, None, {"hidden": True})
        for tag, width in WIDTHS.items():
            sheet.set_column(PLACE[tag], PLACE[tag], width)
        sheet.freeze_panes(head + 1, PLACE["reported"])
        sheet.autofilter(head, 1, last, end)
        sheet.protect("", {"autofilter": True, "sort": True, "format_columns": True, "format_rows": True})
        sheet.set_paper(PAPER_A4)
        sheet.set_landscape()
        sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.55)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(head)
        sheet.print_area(1, 1, last, end)
        title = self.review.title.replace("&", "&&")
        page = phrase("release.page", page="&P", pages="&N")
        sheet.set_footer(f'&L&"{FONT},Italic"&9 {title}&R&"{FONT},Regular"&9 {page}')
        sheet.set_selection(head + 1, PLACE["choice"], head + 1, PLACE["choice"])

    def _write_for_many(self, row: int) -> None:
        """Write the cells that confirm many questions at once: they stand below the answers that they stand for."""
        sheet = self.sheet
        sheet.write_string(row, IDS, FOR_MANY)
        label = self._format(bold=True, align="right", text_wrap=True)
        sheet.merge_range(row, 1, row, PLACE["choice"] - 1, phrase("review_workbook.for_many"), label)
        answer = self._format(border=1, locked=False, bg_color="#FFF9DB", text_wrap=True, font_size=10)
        sheet.write_blank(row, PLACE["choice"], None, answer)
        sheet.write_blank(row, PLACE["reason"], None, answer)
        sheet.write_string(row, PLACE["value"], phrase("review_workbook.for_many_reason"), label)
        sheet.set_row(row, 3 * LINE_POINTS)
        # In the hidden row, because a list within a rule is separated by commas, which these have.
        first = PLACE[COLUMNS[-1]] + 2
        for place, words in enumerate(self.review.for_many, start=first):
            sheet.write_string(STAMP_ROW, place, words)
        corners = [xl_rowcol_to_cell(STAMP_ROW, place, row_abs=True, col_abs=True) for place in (first, place)]
        rule = {"validate": "list", "source": f"={':'.join(corners)}", "ignore_blank": True}
        error = {"error_title": phrase("form.error_title"), "error_message": phrase("review_workbook.choice_error")}
        sheet.data_validation(row, PLACE["choice"], row, PLACE["choice"], rule | error)

    def _write_row(self, row: int, line: SheetRow) -> None:
        sheet = self.sheet
        sheet.write_string(row, IDS, line.row_id)
        texts = []
        for tag, value in line.locked.items():
            place = PLACE[tag]
            if isinstance(value, Decimal):
                sheet.write_number(row, place, float(value), self._number(line, tag))
            elif value is None:
                sheet.write_blank(row, place, None, self._number(line, tag))
            else:
                sheet.write_string(
                    row, place, value, self._format(border=1, text_wrap=True, align="left", **_grave(line, tag))
                )
                texts.append((value, WIDTHS[tag]))
        entry = {"border": 1, "locked": False, "bg_color": "#FFF9DB", "text_wrap": True}
        closed = self._format(border=1, bg_color="#D9D9D9")
        sheet.write_blank(row, PLACE["choice"], None, self._format(**entry) if line.choices else closed)
        sheet.write_blank(row, PLACE["reason"], None, self._format(**entry) if line.choices else closed)
        shape = self._format(**entry, num_format=_shape(line.decimals), align="right", indent=1)
        sheet.write_blank(row, PLACE["value"], None, shape if line.limits else closed)
        sheet.set_row(row, _height(texts))

    def _number(self, line: SheetRow, tag: str) -> Format:
        decimals = 0 if tag == "number" else line.decimals
        align = {"align": "center"} if tag == "number" else {"align": "right", "indent": 1}
        return self._format(border=1, num_format=_shape(decimals), bold=tag == "reported", **align)

    def _allow(self, tag: str, rows: list[int], rule: dict[str, Any], error: str) -> None:
        told = {"error_title": phrase("form.error_title"), "error_message": error, "ignore_blank": True}
        all_runs = _runs(rows)
        for begin in range(0, len(all_runs), MOST_RUNS):
            runs = all_runs[begin : begin + MOST_RUNS]
            place = (runs[0][0], PLACE[tag], runs[0][1], PLACE[tag])
            cells = (xl_range(start, PLACE[tag], end, PLACE[tag]) for start, end in runs)
            self.sheet.data_validation(*place, {**rule, **told, "multi_range": " ".join(cells)})

    def _point_out(self, first: int, last: int) -> None:
        """Colour what is still missing beside a decision."""
        choice, value, reason = (f"${xl_rowcol_to_cell(first, PLACE[tag])}" for tag in ANSWERS)
        red = self.book.add_format({"bg_color": "#F8CBAD"})
        wants_value = f'=AND({choice}="{self.review.correct}",ISBLANK({value}))'
        for tag, rule in (("value", wants_value), ("reason", f"=AND(NOT(ISBLANK({choice})),ISBLANK({reason}))")):
            place = (first, PLACE[tag], last, PLACE[tag])
            self.sheet.conditional_format(*place, {"type": "formula", "criteria": rule, "format": red})

    def _format(self, **look: Any) -> Format:
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            base = {"font_name": FONT, "font_size": 11, "valign": "vcenter"}
            self._formats[key] = self.book.add_format({**base, **look})
        return self._formats[key]


def _grave(line: SheetRow, tag: str) -> dict[str, Any]:
    return {"font_color": "#9C0006"} if line.is_grave and tag == "question" else {}


def _shape(decimals: int) -> str:
    return NUMBER_FORMAT + ("." + "0" * decimals if decimals else "")


def _runs(rows: Sequence[int]) -> list[list[int]]:
    """Return rows as their first and last, where one follows the other."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and runs[-1][1] == row - 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return runs


def _height(texts: Sequence[tuple[str, float]]) -> float:
    """Height for the longest of the texts: writers of workbooks do not fit rows to wrapped text by themselves."""
    lines = [
        sum(max(1, len(textwrap.wrap(part, max(1, int(width * LETTERS))))) for part in text.split("\n"))
        for text, width in texts
    ]
    return min(MOST_POINTS, max([1, *lines]) * LINE_POINTS + 4)
