"""The workbook of a release for the office: figures of provinces, districts and communes, their quality, their meaning.

Few areas stand in columns, each total beside what it rests on. Many areas stand in rows and indicators in columns; a
printed page never cuts a group of indicators where it can be helped, and repeats heads and names of areas. A figure
that is not there says why by a sign. The same content gives the same bytes: no clock, everything in a fixed order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tuquan.vocabulary.phrases import date_vi, number_vi, period_vi, phrase
from tuquan.workbook.release_book import (
    Line,
    List,
    ReleaseBook,
    Row,
    area_name,
    below,
    change_list,
    footnote,
    is_partial,
    quality_lists,
    sign_of,
)

A4 = 9
FONT = {"font_name": "Times New Roman", "font_size": 11}
LINE_HEIGHT = 15.0
PRINT_SCALE = 70  # per cent, of the wide tables
COLUMNS_PER_PAGE = 13  # columns of figures beside the names of areas, on a landscape A4 page at that scale
AREAS_IN_COLUMNS = 3  # more of them stand in rows
TOTAL = {"bold": True, "bg_color": "#F4F4F4"}
FIRST_ROW = 4  # above it stand title, period and the signs
# XlsxWriter would write the time of the run.
CREATED = datetime(2000, 1, 1)  # noqa: DTZ001


@dataclass
class _Formats:
    """Cell formats by what they say, each made once."""

    workbook: xlsxwriter.Workbook
    made: dict[tuple[Any, ...], Format] = field(default_factory=dict)
    signs: dict[str, str] = field(default_factory=dict)

    def __call__(self, **properties: Any) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self.made:
            self.made[key] = self.workbook.add_format({**FONT, "valign": "vcenter", **properties})
        return self.made[key]

    def head(self, **properties: Any) -> Format:
        return self(
            **{"bold": True, "border": 1, "align": "center", "text_wrap": True, "bg_color": "#E7EDF4", **properties}
        )

    def small_head(self) -> Format:
        return self.head(bold=False, italic=True, font_size=9)

    def text(self, **properties: Any) -> Format:
        return self(border=1, text_wrap=True, **properties)

    def figure(self, decimals: int, is_partial: bool = False, **properties: Any) -> Format:
        shape = "[$-42A]#,##0" + ("." + "0" * decimals if decimals else "")
        return self(border=1, num_format=shape + ('"*"' if is_partial else ""), **properties)

    # A country has a quarter of a million figures, of a dozen looks.

    def of_figure(self, decimals: Any, is_partial: bool, is_total: bool) -> Format:
        key = ("figure", decimals, is_partial, is_total)
        if key not in self.made:
            self.made[key] = self.figure(int(decimals or 0), is_partial, **(TOTAL if is_total else {}))
        return self.made[key]

    def of_sign(self, is_total: bool) -> Format:
        key = ("sign", is_total)
        if key not in self.made:
            style = TOTAL if is_total else {}
            self.made[key] = self(border=1, align="right", font_color="#666666", **style)
        return self.made[key]

    def sign(self, status: str) -> str:
        if status not in self.signs:
            self.signs[status] = sign_of(status)
        return self.signs[status]


def write_release_workbook(target: Path, book: ReleaseBook) -> None:
    """Write ``bang-so-lieu.xlsx`` of a release to ``target``. Whatever a text begins with, it stays a text."""
    options = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    # A copy: XlsxWriter adds to what it is given, and the second workbook of a process would differ from the first.
    workbook = xlsxwriter.Workbook(str(target), {**options, "default_format_properties": FONT.copy()})
    workbook.set_properties({"title": phrase("release.title"), "subject": book.subtitle, "created": CREATED})
    formats = _Formats(workbook)
    for name, write in _SHEETS.items():
        sheet = workbook.add_worksheet(phrase(f"release.sheet.{name}"))
        title = phrase("release.sheet_title", title=phrase("release.title"), sheet=phrase(f"release.sheet.{name}"))
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.set_margins(left=0.5, right=0.5, top=0.8, bottom=0.7)
        sheet.hide_gridlines(2)
        if name != "cover":
            sheet.write_string(0, 0, title, formats(bold=True, font_size=14))
            sheet.write_string(1, 0, book.subtitle, formats(italic=True))
            sheet.write_string(2, 0, phrase("value_sign.legend"), formats(italic=True, font_size=10))
            sheet.set_row(0, 21)
            # A size is followed by a space, else a title that begins with a digit becomes a size.
            # Title and signs would be cut off on the pages to the right, so in print they stand in the margins.
            sheet.set_header(f'&L&"Times New Roman,Bold"&12 {title}&R&"Times New Roman,Italic"&11 {book.subtitle}')
        legend = phrase("value_sign.legend").replace("&", "&&")
        page = phrase("release.page", page="&P", pages="&N")
        sheet.set_footer(f'&L&"Times New Roman,Italic"&8 {legend}&R&"Times New Roman,Regular"&9 {page}')
        write(sheet, formats, book)
    workbook.close()


def _write_cover(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    width = 120
    sheet.set_column(0, 0, width)
    sheet.fit_to_pages(1, 1)
    days = {"start": date_vi(book.period.start), "end": date_vi(book.period.end)}
    figures = sum(figure["obs_value"] is not None for figure in book.tables["marts.commune_observations"])
    owed = [report for report in book.tables["marts.completeness"] if report["status"] != "not_owed"]
    counts = {
        status: number_vi(sum(report["status"] == status for report in owed)) for status in ("received", "missing")
    }
    held = len(book.tables["quality.held_figures"])
    contents = (
        phrase("release.contents", sheet=phrase(f"release.sheet.{name}"), contents=phrase(f"release.contents.{name}"))
        for name in _SHEETS
        if name != "cover"
    )
    lines: list[tuple[str, dict[str, Any]]] = [
        *(
            [(phrase("release.draft"), {"bold": True, "font_size": 16, "font_color": "#B00020"})]
            if book.is_draft
            else []
        ),
        (phrase("release.title"), {"bold": True, "font_size": 18}),
        (book.subtitle, {"bold": True, "font_size": 14}),
        *([(phrase("release.preliminary"), {"bold": True, "font_size": 14})] if book.is_preliminary else []),
        (phrase("form.period", period=period_vi(book.period), **days), {}),
        ("", {}),
        (phrase("release.built_from", files=number_vi(book.files), figures=number_vi(figures)), {}),
        (phrase("announce.areas", reported=counts["received"], expected=number_vi(len(owed))), {}),
        (phrase("announce.missing", count=counts["missing"]), {}),
        (phrase("announce.held", count=number_vi(held)), {}),
        ("", {}),
        *((line, {}) for line in contents),
        ("", {}),
        (phrase("release.reading_heading"), {"bold": True, "font_size": 12}),
        (phrase("value_sign.legend"), {}),
        ("", {}),
        (phrase("release.approval_note"), {}),
        (phrase("release.fingerprint", digest=book.digest), {"font_size": 9}),
        (phrase("release.code_version", version=book.code_version), {"font_size": 9}),
    ]
    for row, (text, style) in enumerate(lines):
        sheet.set_row(row, _height([(text, width)]) * style.get("font_size", 11) / 11)
        sheet.write_string(row, 0, text, formats(text_wrap=True, **style))


# Figures


def _write_provinces(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    provinces = book.figures("province")
    if len(provinces) <= AREAS_IN_COLUMNS:
        _write_narrow(sheet, formats, book, provinces)
    else:
        lines = [Line(number, figures) for number, figures in enumerate(provinces, start=1)]
        _write_wide(sheet, formats, book, lines, ("areas_expected", "areas_included"))


def _write_districts(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    districts = book.figures("district")
    if len(districts) <= AREAS_IN_COLUMNS:
        _write_narrow(sheet, formats, book, districts)
    else:
        lines = below(book.figures("province"), districts, "province_area")
        _write_wide(sheet, formats, book, lines, ("areas_expected", "areas_included"))


def _write_communes(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    _write_wide(sheet, formats, book, below(book.figures("district"), book.figures("commune"), "district_area"), ())


def _write_narrow(sheet: Worksheet, formats: _Formats, book: ReleaseBook, areas: list[list[Row]]) -> None:
    """Write indicators in rows, and for each area its figure, the areas behind it and what there is to say."""
    if not areas:
        sheet.write_string(FIRST_ROW, 0, phrase("release.none"), formats(italic=True))
        return
    labels = {"number": 5, "indicator": 44, "unit": 13}
    parts = {"value": 13, "areas_included": 11, "areas_expected": 11, "explanation": 40}
    for column, (label, width) in enumerate(labels.items()):
        sheet.set_column(column, column, width)
        sheet.merge_range(FIRST_ROW, column, FIRST_ROW + 1, column, phrase(f"release.column.{label}"), formats.head())
        sheet.write_string(FIRST_ROW + 2, column, "ABC"[column], formats.small_head())
    sheet.set_row(FIRST_ROW + 1, 3 * LINE_HEIGHT)
    for number, figures in enumerate(areas):
        first = len(labels) + number * len(parts)
        last = first + len(parts) - 1
        sheet.merge_range(FIRST_ROW, first, FIRST_ROW, last, area_name(figures[0]), formats.head())
        for column, (label, width) in enumerate(parts.items(), start=first):
            sheet.set_column(column, column, width)
            sheet.write_string(FIRST_ROW + 1, column, phrase(f"release.column.{label}"), formats.head())
            sheet.write_string(FIRST_ROW + 2, column, f"({column - len(labels) + 1})", formats.small_head())
    row, end = FIRST_ROW + 3, len(labels) + len(areas) * len(parts) - 1
    by_area = [{figure["indicator"]: figure for figure in figures} for figures in areas]
    for number, item in enumerate(book.indicators, start=1):
        if number == 1 or item["group_name_vi"] != book.indicators[number - 2]["group_name_vi"]:
            sheet.merge_range(row, 0, row, end, item["group_name_vi"], formats.text(**TOTAL))
            row += 1
        found = [figures.get(item["indicator"]) for figures in by_area]
        notes = [footnote(figure) for figure in found]
        sheet.set_row(row, _height([(item["name_vi"], 44), *((note, 46) for note in notes)]))
        sheet.write_number(row, 0, number, formats.text(align="center"))
        sheet.write_string(row, 1, item["name_vi"], formats.text())
        sheet.write_string(row, 2, item["unit_measure"], formats.text())
        for position, (figure, note) in enumerate(zip(found, notes, strict=True)):
            first = len(labels) + position * len(parts)
            _write_figure(sheet, row, first, figure, item, formats)
            _write_any(sheet, row, first + 1, figure and figure["areas_included"], formats)
            _write_any(sheet, row, first + 2, figure and figure["areas_expected"], formats)
            sheet.write_string(row, first + 3, note, formats.text(font_size=9))
        row += 1
    _finish(sheet, FIRST_ROW, FIRST_ROW + 2, row - 1, end, len(labels))
    sheet.fit_to_pages(1, 0)


def _write_wide(
    sheet: Worksheet, formats: _Formats, book: ReleaseBook, lines: Sequence[Line], facts: Sequence[str]
) -> None:
    """Write areas in rows and indicators in columns, grouped; ``facts`` are columns of how many areas reported."""
    if not lines or not book.indicators:
        sheet.write_string(FIRST_ROW, 0, phrase("release.none"), formats(italic=True))
        return
    labels = {"number": 5, "area": 27, "area_code": 8, **dict.fromkeys(facts, 10)}
    for column, (label, width) in enumerate(labels.items()):
        sheet.set_column(column, column, width)
        sheet.merge_range(FIRST_ROW, column, FIRST_ROW + 2, column, phrase(f"release.column.{label}"), formats.head())
        sheet.write_string(FIRST_ROW + 3, column, "ABCDE"[column], formats.small_head())
    breaks = _write_indicator_heads(sheet, formats, book.indicators, len(labels), len(facts))
    coverage = {area["area_key"]: area for area in book.tables["marts.completeness_by_area"]}
    for row, line in enumerate(lines, start=FIRST_ROW + 4):
        area, style = line.figures[0], TOTAL if line.number is None else {}
        _write_any(sheet, row, 0, line.number, formats, align="center", **style)
        sheet.write_string(row, 1, line.name, formats.text(**style))
        sheet.write_string(row, 2, area["ref_area"], formats.text(align="center", **style))
        sheet.set_row(row, _height([(line.name, 27)]))
        if facts:
            covered = coverage.get(area["area_key"], {})
            _write_any(sheet, row, 3, covered.get("areas_expected"), formats, **style)
            _write_any(sheet, row, 4, covered.get("areas_received"), formats, **style)
        figures = {figure["indicator"]: figure for figure in line.figures}
        for column, item in enumerate(book.indicators, start=len(labels)):
            _write_figure(
                sheet, row, column, figures.get(item["indicator"]), item, formats, is_total=line.number is None
            )
    last_column = len(labels) + len(book.indicators) - 1
    _finish(sheet, FIRST_ROW, FIRST_ROW + 3, FIRST_ROW + 3 + len(lines), last_column, len(labels))
    sheet.set_print_scale(PRINT_SCALE)
    sheet.set_v_pagebreaks(breaks)


def _write_indicator_heads(
    sheet: Worksheet, formats: _Formats, indicators: Sequence[Row], column: int, used: int
) -> list[int]:
    """Write groups, names, units and numbers from ``column`` on; return the columns before which a page ends.

    ``used`` columns of the first page are taken already. A group wider than a page is cut, with its name on each part.
    """
    first, breaks = column, []
    sheet.set_row(FIRST_ROW, 2 * LINE_HEIGHT)
    sheet.set_row(FIRST_ROW + 1, 7 * LINE_HEIGHT)
    sheet.set_row(FIRST_ROW + 2, 2 * LINE_HEIGHT)
    sheet.set_column(column, column + len(indicators) - 1, 10)
    groups: dict[str, list[Row]] = {}
    for item in indicators:
        groups.setdefault(item["group_name_vi"], []).append(item)
    for group, members in groups.items():
        for start in range(0, len(members), COLUMNS_PER_PAGE):
            part = members[start : start + COLUMNS_PER_PAGE]
            if used and used + len(part) > COLUMNS_PER_PAGE:
                breaks.append(column)
                used = 0
            if len(part) > 1:
                sheet.merge_range(FIRST_ROW, column, FIRST_ROW, column + len(part) - 1, group, formats.head())
            else:
                sheet.write_string(FIRST_ROW, column, group, formats.head(font_size=8))
            for item in part:
                sheet.write_string(FIRST_ROW + 1, column, item["name_vi"], formats.head(font_size=10))
                sheet.write_string(FIRST_ROW + 2, column, item["unit_measure"], formats.small_head())
                sheet.write_string(FIRST_ROW + 3, column, f"({column - first + 1})", formats.small_head())
                column += 1
            used += len(part)
    return breaks


def _write_figure(
    sheet: Worksheet, row: int, column: int, figure: Row | None, item: Row, formats: _Formats, *, is_total: bool = False
) -> None:
    if figure is not None and (value := figure["obs_value"]) is not None:
        sheet.write_number(
            row, column, _number(value), formats.of_figure(item["decimals"], is_partial(figure), is_total)
        )
        return
    sign = formats.sign(figure["value_status"] if figure else "not_applicable")
    sheet.write_string(row, column, sign, formats.of_sign(is_total))


# Lists


def _write_quality(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    _write_lists(sheet, formats, (5, 26, 10, 34, 12, 12, 13, 60, 12, 18), quality_lists(book))


def _write_changes(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    _write_lists(sheet, formats, (5, 26, 10, 12, 36, 14, 14, 14, 34, 16), [change_list(book)])


def _write_reconciliation(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    columns = ("number", "stated_place", "indicator", "unit", "stated_period", "stated_value", "computed_value")
    lines = [
        (row["place_as_named"], row["indicator_name_vi"] or row["indicator"], row["unit_measure"],
         row["period_as_stated"], row["value_as_printed"], row["communes_value"], row["difference"],
         phrase(f"statement_status.{row['status']}"),
         phrase(f"statement_reason.{row['reason']}") if row["reason"] else None)
        for row in book.tables["marts.statement_reconciliation"]
    ]  # fmt: skip
    stated = List("sheet.reconciliation", (*columns, "difference", "outcome", "reason"), lines)
    _write_lists(sheet, formats, (5, 24, 34, 12, 20, 16, 14, 12, 22, 30), [stated])


def _write_indicators(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    columns = ("number", "indicator", "unit", "kind", "rollup", "definition", "indicator_code")
    lines = [
        (item["name_vi"], item["unit_measure"], phrase(f"statistical_kind.{item['statistical_kind']}"),
         phrase(f"rollup_areas.{item['rollup_areas']}"), item["definition_vi"], item["indicator"])
        for item in book.catalogue
    ]  # fmt: skip
    _write_lists(sheet, formats, (5, 34, 13, 20, 22, 64, 27), [List("sheet.indicators", columns, lines)])


def _write_charts(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    """Write the figures of each chart and the chart beside them; spreadsheets draw it."""
    if not book.charted:
        sheet.write_string(FIRST_ROW, 0, phrase("release.none"), formats(italic=True))
        return
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 14)
    row, breaks = FIRST_ROW, []
    name = phrase("release.sheet.charts")
    for one in book.charted:
        breaks.append(row)
        sheet.write_string(row, 0, phrase("release.column.area"), formats.head())
        sheet.write_string(row, 1, one.unit, formats.head())
        first = row + 1
        for row, (area, value) in enumerate(one.bars, start=first):
            sheet.write_string(row, 0, area, formats.text())
            sheet.write_number(row, 1, _number(value), formats.figure(one.decimals))
        chart = formats.workbook.add_chart({"type": "bar"})
        chart.add_series(
            {
                "name": one.title,
                "categories": [name, first, 0, row, 0],
                "values": [name, first, 1, row, 1],
                "fill": {"color": "#1F3A5F"},
                "data_labels": {
                    "value": True,
                    "num_format": "[$-42A]#,##0" + ("." + "0" * one.decimals if one.decimals else ""),
                },
                "gap": 40,
            }
        )
        chart.set_title({"name": f"{one.title} ({one.unit})", "name_font": {"size": 12, "name": "Times New Roman"}})
        chart.set_legend({"none": True})
        chart.set_y_axis({"reverse": True, "num_font": {"name": "Times New Roman"}})
        chart.set_x_axis(
            {"min": 0, "major_gridlines": {"visible": True, "line": {"color": "#DDDDDD"}}, "label_position": "low"}
        )
        height = max(240, 24 * len(one.bars) + 90)
        chart.set_size({"width": 760, "height": height})
        sheet.insert_chart(first - 1, 3, chart)
        row = max(row, first + ceil(height / 20)) + 2
    # A page each: fitted to a width, a sheet would be cut through its charts.
    sheet.set_print_scale(PRINT_SCALE)
    sheet.set_h_pagebreaks(breaks[1:])


def _write_lists(sheet: Worksheet, formats: _Formats, widths: Sequence[float], lists: Sequence[List]) -> None:
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    row = FIRST_ROW
    for one in lists:
        sheet.write_string(row, 0, phrase(f"release.{one.heading}"), formats(bold=True, font_size=12))
        row += 1
        if not one.lines:
            sheet.write_string(row, 0, phrase("release.none"), formats(italic=True))
        else:
            heads = [phrase(f"release.column.{label}") for label in one.columns]
            sheet.set_row(row, _height(zip(heads, widths, strict=False)))
            for column, head in enumerate(heads):
                sheet.write_string(row, column, head, formats.head())
        # The last column of a list takes all that is left of the page.
        last = len(one.columns) - 1
        spans = last < len(widths) - 1 and bool(one.lines)
        room = (*widths[1:last], sum(widths[last:]))
        if spans:
            sheet.merge_range(row, last, row, len(widths) - 1, heads[last], formats.head())
        for number, line in enumerate(one.lines, start=1):
            row += 1
            texts = ((str(value), width) for value, width in zip(line, room, strict=True) if value is not None)
            sheet.set_row(row, _height(texts))
            _write_any(sheet, row, 0, number, formats, align="center")
            if spans:
                sheet.merge_range(row, last, row, len(widths) - 1, "", formats.text(align="left"))
            for column, value in enumerate(line, start=1):
                style = {"align": "left"} if spans and column == last else {}
                _write_any(sheet, row, column, value, formats, **style)
        row += 2
    if len(lists) == 1:
        sheet.repeat_rows(FIRST_ROW, FIRST_ROW + 1)
    sheet.print_area(FIRST_ROW, 0, row, len(widths) - 1)
    sheet.fit_to_pages(1, 0)


# Cells and pages


def _finish(sheet: Worksheet, head: int, last_head: int, last_row: int, last_column: int, labels: int) -> None:
    sheet.freeze_panes(last_head + 1, labels)
    sheet.repeat_rows(head, last_head)
    sheet.repeat_columns(0, 2)
    sheet.print_area(head, 0, last_row, last_column)


def _write_any(sheet: Worksheet, row: int, column: int, value: Any, formats: _Formats, **style: Any) -> None:
    if value is None:
        sheet.write_blank(row, column, None, formats.text(**style))
    elif isinstance(value, int | Decimal):
        sheet.write_number(row, column, _number(value), formats.figure(0 if value == int(value) else 1, **style))
    else:
        sheet.write_string(row, column, str(value), formats.text(**style))


def _height(texts: Iterable[tuple[str, float]]) -> float:
    """Return the height of a row for its longest text; spreadsheets do not fit wrapped rows of a written file."""
    return LINE_HEIGHT * max([1, *(ceil(0.95 * len(text) / width) for text, width in texts)])


def _number(value: int | Decimal) -> float:
    return float(value)  # written without decimals where there are none


_SHEETS = {
    "cover": _write_cover,
    "province": _write_provinces,
    "district": _write_districts,
    "commune": _write_communes,
    "quality": _write_quality,
    "changes": _write_changes,
    "charts": _write_charts,
    "reconciliation": _write_reconciliation,
    "indicators": _write_indicators,
}
