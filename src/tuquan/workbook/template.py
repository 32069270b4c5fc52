"""Write a form for one area and one period, in the layout that Vietnamese offices know.

Only the catalogue decides which rows there are. Values are written as values, never as formulas, and two writes of the
same form give the same bytes.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_cell_to_rowcol, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from tuquan.vocabulary.areas import Area, load_register
from tuquan.vocabulary.catalogue import Catalogue, Indicator, load_catalogue
from tuquan.vocabulary.figures import highest_possible
from tuquan.vocabulary.forms import Form, current_form
from tuquan.vocabulary.periods import Period
from tuquan.vocabulary.phrases import date_vi, number_vi, period_vi, phrase
from tuquan.workbook.stamp import (
    COLUMN_MARK,
    COLUMN_SIGNS,
    COLUMN_TAGS,
    END_OF_ROWS,
    NAME_PREFIX,
    ROW_MARK,
    Stamp,
    layout_digest,
)

Figure = int | Decimal | str | None
Key = tuple[str, str]

FONT = "Times New Roman"
# Columns: A hidden ids, B number, C indicator, D unit, E this period, F previous period, G year to date.
IDS, NUMBER, INDICATOR, UNIT, CURRENT, PREVIOUS, YEAR_TO_DATE = range(7)
WIDTHS = {IDS: 10, NUMBER: 6, INDICATOR: 40, UNIT: 13, CURRENT: 15, PREVIOUS: 15, YEAR_TO_DATE: 14}
COLUMN_OF = {"period": CURRENT, "year_to_date": YEAR_TO_DATE}
STAMP_ROW, HEADER_ROW, FIRST_ROW = 0, 10, 12
LETTERS_PER_LINE = {INDICATOR: 40, UNIT: 12}  # at 13 points, measured on a rendered page
LINE_POINTS = 17.0
PAPER_A4 = 9
MARGINS = {"left": 1.0, "right": 0.6, "top": 0.8, "bottom": 0.8}  # inches: 25, 15, 20 and 20 mm
NUMBER_FORMAT = "[$-42A]#,##0"  # a dot groups thousands wherever the sheet is opened
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")


def write_form(
    target: Path | BinaryIO,
    area: Area,
    period: Period,
    *,
    previous: Mapping[Key, Decimal] | None = None,
    values: Mapping[Key, Figure] | None = None,
    receiving_unit: str | None = None,
    form: Form | None = None,
) -> dict[Key, str]:
    """Write the form of ``area`` for ``period`` to ``target``; return the input cell of each (indicator, measure).

    Args:
        target: a file to create, or an open binary file.
        area: who reports; its version decides the printed name.
        period: in the calendar of the form.
        previous: figures of the period before, by (indicator, measure), printed beside in locked cells.
        values: figures to fill in, by (indicator, measure); text is written as text. Default: a blank form.
        receiving_unit: name of the office that gets the report. Default: the area above ``area``.
        form: default: the newest version of TQ01.
    """
    form = form or current_form()
    catalogue = load_catalogue()
    asked = catalogue.on_form(form.form, period)
    stamp = Stamp(
        form.form,
        form.form_version,
        area.area_key,
        area.ref_area,
        period.calendar,
        period.code,
        layout_digest(asked),
    )
    buffer = BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False},
    )
    # Nothing of the clock: the day on which the period ends stands for the day of writing.
    book.set_properties({"title": form.name_vi, "created": datetime.combine(period.end, time(), UTC)})
    for name, value in stamp.properties.items():
        book.set_custom_property(name, value, "text")
    sheet = book.add_worksheet(phrase("form.sheet", form=form.form))
    writer = _FormWriter(book, sheet, _styles(book), form, area, period, stamp)
    writer.write_stamp()
    writer.write_head(receiving_unit)
    last_row, places = writer.write_rows(asked, catalogue, previous or {}, values or {})
    last_row = writer.write_signatures(last_row)
    writer.set_up_page(last_row)
    book.close()
    if isinstance(target, Path):
        target.write_bytes(buffer.getvalue())
    else:
        target.write(buffer.getvalue())
    return places


@dataclass(frozen=True)
class _FormWriter:
    book: xlsxwriter.Workbook
    sheet: Worksheet
    styles: dict[str, Format]
    form: Form
    area: Area
    period: Period
    stamp: Stamp

    def write_stamp(self) -> None:
        """Write the hidden row and the heads of the hidden column, and hide both."""
        self.sheet.write_string(STAMP_ROW, IDS, self.stamp.written(ROW_MARK))
        for column, tag in enumerate(COLUMN_TAGS, start=INDICATOR):
            self.sheet.write_string(STAMP_ROW, column, tag)
        self.sheet.set_row(STAMP_ROW, None, None, {"hidden": True})
        self.sheet.write_string(HEADER_ROW, IDS, self.stamp.written(COLUMN_MARK))

    def write_head(self, receiving_unit: str | None) -> None:
        """Write everything above the table, and the heads of the columns."""
        styles, period = self.styles, self.period
        above = load_register().parents(self.area, period.end)
        superior = above[0].name_vi if above else ""
        unit = self.area.name_vi
        left, right = (NUMBER, INDICATOR), (UNIT, YEAR_TO_DATE)
        across = (NUMBER, YEAR_TO_DATE)
        dates = {"start": date_vi(period.start), "end": date_vi(period.end)}
        self._line(1, left, phrase("form.superior_unit", parent=superior).upper(), styles["center"])
        self._line(1, right, phrase("form.motto_country"), styles["country"])
        self._line(2, left, phrase("form.reporting_unit", area=unit), styles["center_bold"], lines=2)
        self._line(2, right, phrase("form.motto"), styles["motto"], lines=2)
        self._line(3, left, phrase("form.area_code", ref_area=self.area.ref_area), styles["center"])
        self._line(3, right, phrase("form.code", form=self.form.form), styles["right_italic"])
        self.sheet.set_row(4, 8)
        self._line(5, across, self.form.name_vi.upper(), styles["title"], lines=2)
        self._line(6, across, phrase("form.period", period=period_vi(period), **dates), styles["center"])
        self._line(
            7, across, phrase("form.receiving_unit", receiver=receiving_unit or superior or unit), styles["center"]
        )
        self._line(8, across, phrase("form.legend"), styles["legend"])
        self._line(9, across, phrase("form.locked"), styles["legend"])
        heads = ("number", "indicator", "unit", "current", "previous", "year_to_date")
        for column, head in enumerate(heads, start=NUMBER):
            self.sheet.write_string(HEADER_ROW, column, phrase(f"form.header.{head}"), styles["header"])
        for column, sign in enumerate(("A", "B", "C", "1", "2", "3"), start=NUMBER):
            self.sheet.write_string(HEADER_ROW + 1, column, sign, styles["column_sign"])
        self.sheet.write_string(HEADER_ROW + 1, IDS, COLUMN_SIGNS)
        self.sheet.set_row(HEADER_ROW, 2 * LINE_POINTS + 4)

    def write_rows(
        self,
        asked: list[Indicator],
        catalogue: Catalogue,
        previous: Mapping[Key, Decimal],
        values: Mapping[Key, Figure],
    ) -> tuple[int, dict[Key, str]]:
        """Write the table; returns the row below it, and the input cells."""
        row, group = FIRST_ROW, None
        rules: dict[tuple[str, Decimal, Decimal | None], list[str]] = {}
        places: dict[Key, str] = {}
        groups = iter(ROMAN)
        for number, item in enumerate(asked, start=1):
            if item.indicator_group != group:
                group = item.indicator_group
                self._group_row(row, next(groups, ""), catalogue.groups[group])
                row += 1
            self._indicator_row(row, number, item, previous)
            measures = ("period", "year_to_date") if item.has_year_to_date else ("period",)
            for measure in measures:
                column = COLUMN_OF[measure]
                self._figure(row, column, item, values.get((item.indicator, measure)))
                highest = highest_possible(item, self.period, measure)
                rule = ("decimal" if item.decimals else "integer", item.value_min or Decimal(0), highest)
                places[item.indicator, measure] = xl_rowcol_to_cell(row, column)
                rules.setdefault(rule, []).append(places[item.indicator, measure])
            place = xl_rowcol_to_cell(row, CURRENT, row_abs=True, col_abs=True)
            self.book.define_name(f"{NAME_PREFIX}{item.indicator}", f"='{self.sheet.name}'!{place}")
            row += 1
        for (kind, minimum, maximum), cells in rules.items():
            self._validate(kind, minimum, maximum, cells)
        self.sheet.write_string(row, IDS, END_OF_ROWS)
        return row, places

    def write_signatures(self, row: int) -> int:
        """Write the signature block, whose names stay blank; returns its last row."""
        styles, left, right = self.styles, (NUMBER, INDICATOR), (UNIT, YEAR_TO_DATE)
        self._line(row + 1, right, phrase("form.place_and_date"), styles["center_italic"])
        self._line(row + 2, left, phrase("form.preparer"), styles["center_bold"])
        self._line(row + 2, right, phrase("form.head"), styles["center_bold"])
        self._line(row + 3, left, phrase("form.sign_preparer"), styles["center_italic"])
        self._line(row + 3, right, phrase("form.sign_head"), styles["center_italic"])
        return row + 7

    def set_up_page(self, last_row: int) -> None:
        """Set widths, freezing, protection and the printed page."""
        sheet = self.sheet
        for column, width in WIDTHS.items():
            sheet.set_column(column, column, width, None, {"hidden": column == IDS})
        sheet.freeze_panes(FIRST_ROW, UNIT)
        sheet.protect("", {"select_locked_cells": True, "select_unlocked_cells": True})
        sheet.set_paper(PAPER_A4)
        sheet.set_portrait()
        sheet.set_margins(**MARGINS)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(HEADER_ROW, HEADER_ROW + 1)
        sheet.print_area(STAMP_ROW, NUMBER, last_row, YEAR_TO_DATE)
        sheet.center_horizontally()
        footer = phrase("form.footer", form=self.form.form, area=self.area.name_vi, period=period_vi(self.period))
        sheet.set_footer(f'&C&"{FONT}"&10{footer.replace("&", "&&")} - &P/&N')
        sheet.set_first_sheet()
        sheet.set_selection(FIRST_ROW + 1, CURRENT, FIRST_ROW + 1, CURRENT)

    def _line(self, row: int, columns: tuple[int, int], text: str, style: Format, lines: int = 1) -> None:
        self.sheet.merge_range(row, columns[0], row, columns[1], text, style)
        self.sheet.set_row(row, lines * LINE_POINTS + 3)

    def _group_row(self, row: int, number: str, name: str) -> None:
        self.sheet.write_string(row, NUMBER, number, self.styles["group_number"])
        self.sheet.write_string(row, INDICATOR, name, self.styles["group"])
        for column in (UNIT, CURRENT, PREVIOUS):
            self.sheet.write_blank(row, column, None, self.styles["group_rest"])
        self.sheet.write_blank(row, YEAR_TO_DATE, None, self.styles["group_end"])
        self.sheet.set_row(row, LINE_POINTS + 4)

    def _indicator_row(self, row: int, number: int, item: Indicator, previous: Mapping[Key, Decimal]) -> None:
        styles = self.styles
        self.sheet.write_string(row, IDS, item.indicator)
        self.sheet.write_number(row, NUMBER, number, styles["row_number"])
        self.sheet.write_string(row, INDICATOR, item.name_vi, styles["name"])
        self.sheet.write_string(row, UNIT, item.unit_measure, styles["unit"])
        earlier = previous.get((item.indicator, "period"))
        style = styles[f"previous_{min(item.decimals, 1)}"]
        if earlier is None:
            self.sheet.write_blank(row, PREVIOUS, None, style)
        else:
            self.sheet.write_number(row, PREVIOUS, float(earlier), style)
        if not item.has_year_to_date:
            self.sheet.write_blank(row, YEAR_TO_DATE, None, styles["not_asked"])
        self.sheet.set_row(row, _row_height({INDICATOR: item.name_vi, UNIT: item.unit_measure}))

    def _figure(self, row: int, column: int, item: Indicator, value: Figure) -> None:
        style = self.styles[f"input_{min(item.decimals, 1)}"]
        if value is None:
            self.sheet.write_blank(row, column, None, style)
        elif isinstance(value, str):
            self.sheet.write_string(row, column, value, style)
        else:
            self.sheet.write_number(row, column, float(value), style)

    def _validate(self, kind: str, minimum: Decimal, maximum: Decimal | None, cells: list[str]) -> None:
        is_yes_or_no = kind == "integer" and (minimum, maximum) == (0, 1)
        limits = {"minimum": number_vi(minimum), "maximum": number_vi(maximum)}
        error = "form.error" if maximum is not None else "form.error_from"
        bounds: dict[str, Any] = (
            {"criteria": ">=", "value": _bound(minimum)}
            if maximum is None
            else {"criteria": "between", "minimum": _bound(minimum), "maximum": _bound(maximum)}
        )
        first, *others = cells
        self.sheet.data_validation(
            *xl_cell_to_rowcol(first),
            *xl_cell_to_rowcol(first),
            {
                "validate": kind,
                **bounds,
                "ignore_blank": True,
                "input_title": phrase("form.prompt_title"),
                "input_message": phrase("form.prompt_zero_one" if is_yes_or_no else "form.prompt"),
                "error_title": phrase("form.error_title"),
                "error_message": phrase(error, **limits),
                "multi_range": " ".join([first, *others]),
            },
        )


def _bound(number: Decimal) -> int | float:
    return int(number) if number == int(number) else float(number)


def _row_height(texts: Mapping[int, str]) -> float:
    """Height for the longest of the texts: writers of workbooks do not fit rows to wrapped text by themselves."""
    lines = max(len(textwrap.wrap(text, LETTERS_PER_LINE[column])) for column, text in texts.items())
    return max(1, lines) * LINE_POINTS + 4


def _styles(book: xlsxwriter.Workbook) -> dict[str, Format]:
    base = {"font_name": FONT, "font_size": 13, "valign": "vcenter", "text_wrap": True}
    center = {"align": "center"}
    cell = {"border": 1}
    number = {**cell, "align": "right", "indent": 1, "num_format": NUMBER_FORMAT}
    decimal = {**number, "num_format": f"{NUMBER_FORMAT}.0##"}
    # No lines inside: a long name runs over the cells behind it.
    group = {"top": 1, "bottom": 1, "bold": True, "bg_color": "#DDEBF7", "text_wrap": False}
    entry = {"locked": False, "bg_color": "#FFF9DB"}
    looks: dict[str, dict[str, Any]] = {
        "center": center,
        "center_bold": {**center, "bold": True},
        "center_italic": {**center, "italic": True},
        "right_italic": {"align": "right", "italic": True},
        "country": {**center, "bold": True, "font_size": 12, "text_wrap": False},
        "motto": {**center, "bold": True, "underline": 1, "valign": "top"},
        "title": {**center, "bold": True, "font_size": 14},
        "legend": {"italic": True, "font_size": 12, "align": "left"},
        "header": {**cell, **center, "bold": True, "bg_color": "#DDEBF7"},
        "column_sign": {**cell, **center, "italic": True, "font_size": 11},
        "group": {**group, "align": "left", "indent": 1},
        "group_number": {**group, **cell, **center},
        "group_rest": group,
        "group_end": {**group, "right": 1},
        "row_number": {**cell, **center},
        "name": {**cell, "align": "left", "indent": 1},
        "unit": {**cell, **center},
        "input_0": {**number, **entry},
        "input_1": {**decimal, **entry},
        "previous_0": number,
        "previous_1": decimal,
        "not_asked": {**cell, "bg_color": "#D9D9D9"},
    }
    return {name: book.add_format({**base, **look}) for name, look in looks.items()}
