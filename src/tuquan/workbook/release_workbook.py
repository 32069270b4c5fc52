"""The workbook of a release for the office: figures of provinces, districts and communes, their quality, their meaning.

Sheets of districts and communes have areas in rows and indicators in columns; a printed page never cuts a group of
indicators where it can be helped, and repeats heads and names of areas. A figure that is not there says why by a sign.
The same content gives the same bytes: no clock, and everything in a fixed order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import Period
from tuquan.vocabulary.phrases import date_vi, load_checks, number_vi, period_vi, phrase

Row = Mapping[str, Any]

A4 = 9
SCALE = 70  # per cent, in print
COLUMNS_PER_PAGE = 13  # columns of figures that fit beside the names of areas on a landscape A4 page
FIGURE_WIDTH = 10.5
WIDEST_LIST = 11  # columns of the longest list on a sheet of lists
# XlsxWriter would write the time of the run.
CREATED = datetime(2000, 1, 1)  # noqa: DTZ001
VALUE_SIGNS = ("missing", "held", "not_additive", "not_applicable")


@dataclass(frozen=True)
class ReleaseBook:
    """What the workbook shows. ``tables`` are the tables of the release by name, in their order."""

    period: Period
    revision: int
    digest: str
    code_version: str
    files: int
    tables: Mapping[str, Sequence[Row]]

    @cached_property
    def indicators(self) -> list[Row]:
        """The indicators of the period in the order of the catalogue, without those that nobody has a figure for."""
        shown = {row["indicator"] for level in ("province", "district", "commune") for row in self.figures(level)}
        return [row for row in self._catalogue if row["indicator"] in shown and row["indicator"] in self._filled]

    @cached_property
    def empty_indicators(self) -> list[Row]:
        """Indicators that were asked, but that no area has a figure for."""
        asked = {row["indicator"] for row in self.figures("commune") if row["value_status"] != "not_applicable"}
        return [row for row in self._catalogue if row["indicator"] in asked - self._filled]

    @cached_property
    def _catalogue(self) -> list[Row]:
        order = {item.indicator: position for position, item in enumerate(load_catalogue())}
        rows = self.tables["marts.dim_indicators"]
        return sorted(rows, key=lambda row: (row["group_order"], order.get(row["indicator"], len(order))))

    @cached_property
    def _filled(self) -> set[str]:
        return {
            row["indicator"]
            for level in ("province", "district", "commune")
            for row in self.figures(level)
            if row["obs_value"] is not None or row["value_status"] in ("held", "not_additive")
        }

    def figures(self, level: str) -> Sequence[Row]:
        return self.tables[f"marts.{level}_observations"]

    def name_of(self, indicator: str) -> str:
        return next((row["name_vi"] for row in self._catalogue if row["indicator"] == indicator), indicator)


@dataclass
class _Formats:
    """Cell formats by what they say, each made once."""

    workbook: xlsxwriter.Workbook
    made: dict[tuple[Any, ...], Format] = field(default_factory=dict)

    def __call__(self, **properties: Any) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self.made:
            base = {"font_name": "Times New Roman", "font_size": 11, "valign": "vcenter"}
            self.made[key] = self.workbook.add_format({**base, **properties})
        return self.made[key]

    def head(self, **properties: Any) -> Format:
        return self(bold=True, border=1, align="center", text_wrap=True, bg_color="#E7EDF4", **properties)

    def text(self, **properties: Any) -> Format:
        return self(border=1, text_wrap=True, **properties)

    def figure(self, decimals: int, is_partial: bool = False, **properties: Any) -> Format:
        shape = "[$-42A]#,##0" + ("." + "0" * decimals if decimals else "")
        return self(border=1, num_format=shape + ('"*"' if is_partial else ""), **properties)

    def sign(self, **properties: Any) -> Format:
        return self(border=1, align="right", font_color="#666666", **properties)


def write_release_workbook(target: Path, book: ReleaseBook) -> None:
    """Write ``bang-so-lieu.xlsx`` of a release to ``target``."""
    workbook = xlsxwriter.Workbook(
        str(target), {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    )
    workbook.set_properties({"title": _title(), "subject": _subtitle(book), "created": CREATED})
    formats = _Formats(workbook)
    writers: dict[str, Callable[[Worksheet, _Formats, ReleaseBook], None]] = {
        "cover": _write_cover,
        "province": _write_provinces,
        "district": _write_districts,
        "commune": _write_communes,
        "quality": _write_quality,
        "reconciliation": _write_reconciliation,
        "indicators": _write_indicators,
    }
    for name, write in writers.items():
        sheet = workbook.add_worksheet(phrase(f"release.sheet.{name}"))
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
        sheet.set_footer(f"&L{_subtitle(book)}&R" + phrase("release.page", page="&P", pages="&N"))
        sheet.hide_gridlines(2)
        write(sheet, formats, book)
    workbook.close()


def _title() -> str:
    return phrase("release.title")


def _subtitle(book: ReleaseBook) -> str:
    return phrase("release.subtitle", period=period_vi(book.period), revision=book.revision)


def _write_head(sheet: Worksheet, formats: _Formats, book: ReleaseBook, name: str) -> None:
    title = phrase("release.sheet_title", title=_title(), sheet=phrase(f"release.sheet.{name}"))
    sheet.write_string(0, 0, title, formats(bold=True, font_size=14))
    sheet.write_string(1, 0, _subtitle(book), formats(italic=True))


# Bìa


def _write_cover(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    sheet.set_column(0, 0, 120)
    sheet.fit_to_pages(1, 1)
    period = phrase(
        "form.period", period=period_vi(book.period), start=date_vi(book.period.start), end=date_vi(book.period.end)
    )
    figures = sum(row["obs_value"] is not None for row in book.figures("commune"))
    contents = ("province", "district", "commune", "quality", "reconciliation", "indicators")
    plain, head = formats(text_wrap=True), formats(bold=True, font_size=12)
    lines = [
        (_title(), formats(bold=True, font_size=18, text_wrap=True)),
        (_subtitle(book), formats(font_size=14)),
        (period, plain),
        ("", plain),
        (phrase("release.built_from", files=number_vi(book.files), figures=number_vi(figures)), plain),
        *((text, plain) for text in _coverage(book)),
        ("", plain),
        *(
            (
                phrase(
                    "release.contents",
                    sheet=phrase(f"release.sheet.{name}"),
                    contents=phrase(f"release.contents.{name}"),
                ),
                plain,
            )
            for name in contents
        ),
        ("", plain),
        (phrase("release.reading_heading"), head),
        (phrase("value_sign.legend"), plain),
        ("", plain),
        (phrase("release.approval_note"), plain),
        (phrase("release.fingerprint", digest=book.digest), formats(font_size=9, text_wrap=True)),
        (phrase("release.code_version", version=book.code_version), formats(font_size=9, text_wrap=True)),
    ]
    for row, (text, style) in enumerate(lines):
        sheet.write_string(row, 0, text, style)


def _coverage(book: ReleaseBook) -> list[str]:
    owed = [row for row in book.tables["marts.completeness"] if row["status"] != "not_owed"]
    received = sum(row["status"] == "received" for row in owed)
    held = len(book.tables["quality.held_figures"])
    missing = sum(row["status"] == "missing" for row in owed)
    lines = [phrase("announce.areas", reported=number_vi(received), expected=number_vi(len(owed)))]
    lines += [phrase("announce.missing", count=number_vi(missing))] if missing else []
    lines += [phrase("announce.held", count=number_vi(held))] if held else []
    return lines


# Tỉnh: indicators in rows, so that each total stands beside what it rests on.


def _write_provinces(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    _write_head(sheet, formats, book, "province")
    areas = _areas(book.figures("province"))
    if not areas:
        sheet.write_string(3, 0, phrase("release.none"), formats())
        return
    labels = ("number", "indicator", "unit")
    parts = (("value", 12), ("areas_reported", 11), ("areas_expected", 11), ("explanation", 34))
    sheet.set_column(0, 0, 5)
    sheet.set_column(1, 1, 44)
    sheet.set_column(2, 2, 12)
    sheet.set_row(4, 48)
    for column, label in enumerate(labels):
        sheet.merge_range(3, column, 4, column, phrase(f"release.column.{label}"), formats.head())
        sheet.write_string(5, column, "ABC"[column], formats.head(font_size=9, italic=True))
    for number, (_, name) in enumerate(areas):
        first = len(labels) + number * len(parts)
        sheet.merge_range(3, first, 3, first + len(parts) - 1, name, formats.head())
        for offset, (label, width) in enumerate(parts):
            sheet.set_column(first + offset, first + offset, width)
            sheet.write_string(4, first + offset, phrase(f"release.column.{label}"), formats.head())
            number_row = f"({number * len(parts) + offset + 1})"
            sheet.write_string(5, first + offset, number_row, formats.head(font_size=9, italic=True))
    by_place = {(row["area_key"], row["indicator"]): row for row in book.figures("province")}
    row, number = 6, 0
    for group, indicators in _groups(book.indicators):
        last = len(labels) + len(areas) * len(parts) - 1
        sheet.merge_range(row, 0, row, last, group, formats.text(bold=True, bg_color="#F4F4F4"))
        row += 1
        for item in indicators:
            number += 1
            sheet.write_number(row, 0, number, formats.text(align="center"))
            sheet.write_string(row, 1, item["name_vi"], formats.text())
            sheet.write_string(row, 2, item["unit_measure"], formats.text())
            for position, (area, _) in enumerate(areas):
                first = len(labels) + position * len(parts)
                figure = by_place.get((area, item["indicator"]))
                _write_figure(sheet, row, first, figure, item, formats)
                _write_count(sheet, row, first + 1, figure and figure["areas_reported"], formats)
                _write_count(sheet, row, first + 2, figure and figure["areas_expected"], formats)
                sheet.write_string(row, first + 3, _footnote(figure), formats.text(font_size=9))
            row += 1
    sheet.write_string(row + 1, 0, phrase("value_sign.legend"), formats(italic=True, font_size=10))
    sheet.freeze_panes(6, len(labels))
    sheet.repeat_rows(3, 5)
    sheet.repeat_columns(0, 2)
    sheet.fit_to_pages(max(1, (len(areas) + 1) // 2), 0)


def _footnote(figure: Row | None) -> str:
    if figure is None:
        return ""
    if figure["value_status"] == "not_additive" and figure["lower_bound"] is not None:
        return phrase(
            "release.not_additive", low=number_vi(figure["lower_bound"]), high=number_vi(figure["upper_bound"])
        )
    if _is_partial(figure):
        return phrase(
            "release.partial_total",
            reported=number_vi(figure["areas_reported"]),
            expected=number_vi(figure["areas_expected"]),
            held=number_vi(figure["areas_held"]),
        )
    return ""


# Huyện, Xã: areas in rows, indicators in columns.


@dataclass(frozen=True)
class _Line:
    """One row of a wide table: an area with its figures by indicator; ``is_total`` stands above its parts."""

    number: int | None
    name: str
    code: str
    facts: tuple[int | None, ...]
    figures: Mapping[str, Row]
    is_total: bool = False


def _write_districts(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    coverage = {row["area_key"]: row for row in book.tables["marts.completeness_by_area"]}

    def facts(area_key: str) -> tuple[int | None, ...]:
        found = coverage.get(area_key)
        return (found["areas_expected"], found["areas_received"]) if found else (None, None)

    lines: list[_Line] = []
    provinces = {rows[0]["ref_area"]: rows for rows in _by_area(book.figures("province"))}
    districts = _by_area(book.figures("district"))
    for province in sorted({rows[0]["province_area"] or "" for rows in districts}):
        if province in provinces:
            lines.append(_line(None, provinces[province], facts, is_total=True))
        inside = [rows for rows in districts if (rows[0]["province_area"] or "") == province]
        lines += [_line(number, rows, facts) for number, rows in enumerate(inside, start=1)]
    _write_wide(sheet, formats, book, "district", lines, ("areas_expected", "areas_reported"))


def _write_communes(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    def facts(_: str) -> tuple[int | None, ...]:
        return ()

    lines: list[_Line] = []
    districts = {rows[0]["ref_area"]: rows for rows in _by_area(book.figures("district"))}
    communes = _by_area(book.figures("commune"))
    homes = sorted({(rows[0]["province_area"] or "", rows[0]["district_area"] or "") for rows in communes})
    for home in homes:
        if home[1] in districts:
            lines.append(_line(None, districts[home[1]], facts, is_total=True))
        inside = [r for r in communes if (r[0]["province_area"] or "", r[0]["district_area"] or "") == home]
        lines += [_line(number, rows, facts) for number, rows in enumerate(inside, start=1)]
    _write_wide(sheet, formats, book, "commune", lines, ())


def _line(
    number: int | None, rows: Sequence[Row], facts: Callable[[str], tuple[int | None, ...]], is_total: bool = False
) -> _Line:
    area = rows[0]
    name = area["area_name_vi"]
    if area.get("is_exact_union") is False:
        name = phrase("level.approximate", area=name)
    figures = {row["indicator"]: row for row in rows}
    return _Line(number, name, area["ref_area"], facts(area["area_key"]), figures, is_total)


def _write_wide(
    sheet: Worksheet, formats: _Formats, book: ReleaseBook, name: str, lines: Sequence[_Line], facts: Sequence[str]
) -> None:
    _write_head(sheet, formats, book, name)
    if not lines or not book.indicators:
        sheet.write_string(3, 0, phrase("release.none"), formats())
        return
    labels = ("number", "area", "area_code", *facts)
    heads, first_row, small = 3, 7, formats.head(font_size=9, italic=True)
    sheet.set_column(0, 0, 5)
    sheet.set_column(1, 1, 27)
    sheet.set_column(2, 2, 8)
    last = len(labels) + len(book.indicators) - 1
    sheet.set_column(3, last, FIGURE_WIDTH)
    sheet.set_row(heads, 32)
    sheet.set_row(heads + 1, 108)
    sheet.set_row(heads + 2, 26)
    for column, label in enumerate(labels):
        sheet.merge_range(heads, column, heads + 2, column, phrase(f"release.column.{label}"), formats.head())
        sheet.write_string(heads + 3, column, "ABCDE"[column], small)
    column, breaks, used = len(labels), [], len(facts)
    for group, indicators in _groups(book.indicators):
        if used and used + len(indicators) > COLUMNS_PER_PAGE:
            breaks.append(column)
            used = 0
        # A group that is wider than a page is cut, and its name stands on each part.
        for part in _chunks(indicators, COLUMNS_PER_PAGE):
            if used and used + len(part) > COLUMNS_PER_PAGE:
                breaks.append(column)
                used = 0
            _write_group(sheet, heads, column, group, len(part), formats)
            for item in part:
                sheet.write_string(heads + 1, column, item["name_vi"], formats.head(font_size=10))
                sheet.write_string(heads + 2, column, item["unit_measure"], small)
                sheet.write_string(heads + 3, column, f"({column - len(labels) + 1})", small)
                column += 1
            used += len(part)
    for row, line in enumerate(lines, start=first_row):
        style = {"bold": True, "bg_color": "#F4F4F4"} if line.is_total else {}
        if line.number is None:
            sheet.write_blank(row, 0, None, formats.text(**style))
        else:
            sheet.write_number(row, 0, line.number, formats.text(align="center", **style))
        sheet.write_string(row, 1, line.name, formats.text(**style))
        sheet.write_string(row, 2, line.code, formats.text(align="center", **style))
        for position, fact in enumerate(line.facts):
            _write_count(sheet, row, 3 + position, fact, formats, **style)
        for position, item in enumerate(book.indicators):
            figure = line.figures.get(item["indicator"])
            _write_figure(sheet, row, len(labels) + position, figure, item, formats, **style)
    sheet.write_string(first_row + len(lines) + 1, 0, phrase("value_sign.legend"), formats(italic=True, font_size=10))
    sheet.freeze_panes(first_row, len(labels))
    sheet.repeat_rows(heads, heads + 3)
    sheet.repeat_columns(0, 2)
    sheet.set_print_scale(SCALE)
    sheet.set_v_pagebreaks(breaks)


def _write_group(sheet: Worksheet, row: int, column: int, name: str, width: int, formats: _Formats) -> None:
    if width == 1:
        sheet.write_string(row, column, name, formats.head(font_size=9))
    else:
        sheet.merge_range(row, column, row, column + width - 1, name, formats.head())


def _write_figure(
    sheet: Worksheet, row: int, column: int, figure: Row | None, item: Row, formats: _Formats, **style: Any
) -> None:
    value = figure["obs_value"] if figure else None
    if value is not None:
        shape = formats.figure(int(item["decimals"] or 0), _is_partial(figure), **style)
        sheet.write_number(row, column, _number(value), shape)
        return
    status = figure["value_status"] if figure else "not_applicable"
    sign = phrase(f"value_sign.{status}") if status in VALUE_SIGNS else ""
    sheet.write_string(row, column, sign, formats.sign(**style))


def _write_count(sheet: Worksheet, row: int, column: int, count: int | None, formats: _Formats, **style: Any) -> None:
    if count is None:
        sheet.write_blank(row, column, None, formats.text(**style))
    else:
        sheet.write_number(row, column, count, formats.figure(0, **style))


def _is_partial(figure: Row | None) -> bool:
    return bool(figure) and (figure.get("areas_reported") or 0) < (figure.get("areas_expected") or 0)


# Chất lượng, Đối chiếu, Chỉ tiêu: lists.


def _write_quality(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    _write_head(sheet, formats, book, "quality")
    widths = (5, 26, 9, 30, 12, 12, 12, 46, 12, 20)
    _set_widths(sheet, widths)
    completeness, flags = book.tables["marts.completeness"], book.tables["quality.flags"]
    checks = load_checks()
    row = 3
    row = _write_list(
        sheet,
        formats,
        row,
        "release.completeness_heading",
        ("number", "area", "area_code", "", "areas_expected", "areas_reported", "areas_held", "", "areas_missing"),
        (
            (area["area_name_vi"], area["ref_area"], phrase(f"level.{area['area_level']}"), area["areas_expected"],
             area["areas_received"], area["areas_held"], None, area["areas_missing"])
            for area in sorted(book.tables["marts.completeness_by_area"], key=_province_first)
        ),
    )  # fmt: skip
    row = _write_list(
        sheet,
        formats,
        row,
        "release.missing_heading",
        ("number", "area", "area_code", "status"),
        (
            (report["area_name_vi"], report["ref_area"], phrase(f"report_status.{report['status']}"))
            for report in completeness
            if report["status"] in ("missing", "held")
        ),
    )
    row = _write_list(
        sheet,
        formats,
        row,
        "release.held_heading",
        ("number", "area", "area_code", "indicator", "", "place", "suggestion", "reason"),
        (
            (held["area_name_vi"], held["ref_area"], book.name_of(held["indicator"]), None, held["cell"],
             held["suggested_value"], held["message_vi"])
            for held in book.tables["quality.held_figures"]
        ),
    )  # fmt: skip
    row = _write_list(
        sheet,
        formats,
        row,
        "release.flags_heading",
        ("number", "area", "area_code", "indicator", "value", "suggestion", "impact", "message", "severity", "decision"),
        (
            (flag["area_name_vi"], flag["ref_area"], book.name_of(flag["indicator"]), flag["obs_value"],
             flag["suggested_value"], flag["impact_on_province"], flag["message_vi"],
             phrase(f"severity.{flag['severity']}"), _decision(flag))
            for flag in sorted(flags, key=_gravest_first)
            if flag["check_name"] in checks
        ),
    )  # fmt: skip
    row = _write_list(
        sheet,
        formats,
        row,
        "release.empty_indicators_heading",
        ("number", "indicator", "", "unit"),
        ((item["name_vi"], None, item["unit_measure"]) for item in book.empty_indicators),
    )
    _write_list(
        sheet,
        formats,
        row,
        "release.bounds_heading",
        ("number", "area", "area_code", "indicator", "lower_bound", "upper_bound"),
        (
            (figure["area_name_vi"], figure["ref_area"], book.name_of(figure["indicator"]), figure["lower_bound"],
             figure["upper_bound"])
            for level in ("province", "district")
            for figure in book.figures(level)
            if figure["value_status"] == "not_additive" and figure["lower_bound"] is not None
        ),
    )  # fmt: skip
    sheet.fit_to_pages(1, 0)


def _write_reconciliation(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    _write_head(sheet, formats, book, "reconciliation")
    _set_widths(sheet, (5, 26, 30, 12, 16, 16, 14, 12, 16, 30))
    columns = ("number", "stated_place", "indicator", "unit", "stated_period", "stated_value", "computed_value")
    _write_list(
        sheet,
        formats,
        3,
        "release.sheet.reconciliation",
        (*columns, "difference", "outcome", "reason"),
        (
            (row["place_as_named"], row["indicator_name_vi"] or row["indicator"], row["unit_measure"],
             row["period_as_stated"], row["value_as_printed"], row["communes_value"], row["difference"],
             phrase(f"statement_status.{row['status']}"),
             phrase(f"statement_reason.{row['reason']}") if row["reason"] else None)
            for row in book.tables["marts.statement_reconciliation"]
        ),
    )  # fmt: skip
    sheet.repeat_rows(4)
    sheet.fit_to_pages(1, 0)


def _write_indicators(sheet: Worksheet, formats: _Formats, book: ReleaseBook) -> None:
    _write_head(sheet, formats, book, "indicators")
    _set_widths(sheet, (5, 34, 30, 12, 26, 24, 26, 60))
    _write_list(
        sheet,
        formats,
        3,
        "release.sheet.indicators",
        ("number", "indicator", "indicator_code", "unit", "indicator_group", "kind", "rollup", "definition"),
        (
            (item["name_vi"], item["indicator"], item["unit_measure"], item["group_name_vi"],
             phrase(f"statistical_kind.{item['statistical_kind']}"), phrase(f"rollup_areas.{item['rollup_areas']}"),
             item["definition_vi"])
            for item in [*book.indicators, *book.empty_indicators]
        ),
    )  # fmt: skip
    sheet.repeat_rows(4)
    sheet.fit_to_pages(1, 0)


def _write_list(
    sheet: Worksheet,
    formats: _Formats,
    row: int,
    heading: str,
    columns: Sequence[str],
    lines: Iterable[Sequence[Any]],
) -> int:
    """Write a numbered list under its heading; return the row where the next one may begin."""
    sheet.write_string(row, 0, phrase(heading), formats(bold=True, font_size=12))
    row += 1
    written = list(lines)
    if not written:
        sheet.write_string(row, 0, phrase("release.none"), formats(italic=True))
        return row + 2
    for column, label in enumerate(columns):
        sheet.write_string(row, column, phrase(f"release.column.{label}") if label else "", formats.head())
    for number, line in enumerate(written, start=1):
        row += 1
        sheet.write_number(row, 0, number, formats.text(align="center"))
        for column, value in enumerate(line, start=1):
            _write_any(sheet, row, column, value, formats)
    return row + 2


def _write_any(sheet: Worksheet, row: int, column: int, value: Any, formats: _Formats) -> None:
    if value is None:
        sheet.write_blank(row, column, None, formats.text())
    elif isinstance(value, int | Decimal):
        decimals = 0 if value == int(value) else 1
        sheet.write_number(row, column, _number(value), formats.figure(decimals))
    else:
        sheet.write_string(row, column, str(value), formats.text())


def _decision(flag: Row) -> str | None:
    return phrase(f"decision.{flag['decision']}") if flag["decision"] else None


def _gravest_first(flag: Row) -> tuple[Any, ...]:
    severities = ("critical", "held", "warning", "info")
    impact = abs(flag["impact_on_province"] or 0)
    return (not flag["is_open"], severities.index(flag["severity"]), -impact, flag["ref_area"], flag["flag_id"])


def _province_first(area: Row) -> tuple[Any, ...]:
    return (area["area_level"] != "province", area["ref_area"], area["area_key"])


def _set_widths(sheet: Worksheet, widths: Iterable[float]) -> None:
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)


def _areas(figures: Iterable[Row]) -> list[tuple[str, str]]:
    return [(rows[0]["area_key"], rows[0]["area_name_vi"]) for rows in _by_area(figures)]


def _by_area(figures: Iterable[Row]) -> list[list[Row]]:
    areas: dict[str, list[Row]] = {}
    for figure in figures:
        areas.setdefault(figure["area_key"], []).append(figure)
    return [areas[key] for key in sorted(areas, key=lambda key: (areas[key][0]["ref_area"], key))]


def _groups(indicators: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = {}
    for item in indicators:
        groups.setdefault(item["group_name_vi"], []).append(item)
    yield from groups.items()


def _chunks(items: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _number(value: int | Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)
