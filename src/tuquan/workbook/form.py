"""Read a filled form: rows by their hidden ids, area and period by the stamps, positions never.

Rows may be added, removed or reordered. What a row *says* must still be what its id says, because a sort of some
columns moves names away from ids. Names below the table (signatures) and free text are never read.
"""

import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from tuquan import settings
from tuquan.vocabulary.areas import Area, canonical_name, load_register
from tuquan.vocabulary.catalogue import Indicator, load_catalogue
from tuquan.vocabulary.figures import highest_possible, read_figure
from tuquan.vocabulary.forms import load_forms
from tuquan.vocabulary.periods import Period, UnknownPeriod, parse_period
from tuquan.vocabulary.phrases import date_vi, period_vi, phrase
from tuquan.workbook.remarks import figure_remark, quoted, remark
from tuquan.workbook.stamp import (
    COLUMN_MARK,
    COLUMN_TAGS,
    END_OF_ROWS,
    ROW_MARK,
    Stamp,
    layout_digest,
    stamp_from_properties,
    stamp_from_text,
)
from tuquan.workbook.submission import Finding, ReadCell, ReadSubmission, status_of
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

DIGITS, LETTERS = string.digits, string.ascii_uppercase
MOST_PLACES = 5  # that one sentence names
_OWN_MARKS = ("#", ROW_MARK, COLUMN_MARK)
_canonical = lru_cache(maxsize=1024)(canonical_name)  # most lines of a form are the same on every form
_HEADS = {"#period": "current", "#year_to_date": "year_to_date", "#indicator": "indicator", "#unit": "unit"}


class Asked(NamedTuple):
    """One figure that a form asks, with the highest value it can have."""

    indicator: Indicator
    measure: str
    tag: str
    highest: Decimal | None


@dataclass(frozen=True)
class Layout:
    """What a form asks for one period, as the catalogue stands today."""

    indicators: dict[str, Indicator]
    figures: dict[str, list[Asked]]
    names: dict[str, str]
    digest: str


@dataclass(frozen=True)
class Stamps:
    """The stamps of one sheet and where they stand."""

    stamp: Stamp
    all_found: tuple[Stamp, ...]
    columns: dict[str, str]
    id_column: str
    first_row: int
    last_row: int


def read_form(workbook: Workbook, declared_name: str) -> list[ReadSubmission]:
    """Return one submission for each visible sheet that carries our stamp; none when no sheet does."""
    visible = [(sheet, _find_stamps(sheet)) for sheet in workbook.sheets if sheet.state == "visible"]
    stamped = [(sheet, stamps) for sheet, stamps in visible if stamps is not None]
    # Document properties belong to the file: they speak for a sheet only while it is the only one.
    properties = stamp_from_properties(workbook.properties) if len(stamped) == 1 else None
    submissions = [_FormReader(sheet, stamps, properties, declared_name).read() for sheet, stamps in stamped]
    return _without_repeated(submissions, declared_name)


def other_sheets(workbook: Workbook, submissions: list[ReadSubmission], declared_name: str) -> list[Finding]:
    """Return what is to be said about the sheets that did not become submissions."""
    read = {submission.sheet for submission in submissions}
    findings = []
    for sheet in workbook.sheets:
        if sheet.state != "visible":
            if sheet.cells:
                findings.append(remark("sheet_is_visible", sheet=quoted(sheet.name), file=declared_name))
        elif quoted(sheet.name) not in read and any(cell.raw_type == "number" for cell in sheet.cells.values()):
            findings.append(remark("sheet_is_a_form", sheet=quoted(sheet.name), file=declared_name))
    return findings


@lru_cache(maxsize=64)
def layout_of(form: str, period: Period, seeds: Path) -> Layout:
    """Return the layout of ``form`` for ``period``; kept, because thousands of files share it."""
    asked = load_catalogue(seeds).on_form(form, period)
    return Layout(
        indicators={item.indicator: item for item in asked},
        figures={
            item.indicator: [
                Asked(item, measure, f"#{measure}", highest_possible(item, period, measure))
                for measure in (("period", "year_to_date") if item.has_year_to_date else ("period",))
            ]
            for item in asked
        },
        names={canonical_name(item.name_vi): item.indicator for item in asked},
        digest=layout_digest(asked),
    )


class _FormReader:
    """Reads one stamped sheet into one submission."""

    def __init__(self, sheet: Sheet, stamps: Stamps, properties: Stamp | None, declared_name: str) -> None:
        self.sheet = sheet
        self.name = quoted(sheet.name)
        self.stamps = stamps
        self.stamp = stamps.stamp
        self.properties = properties
        self.file = declared_name
        self.claims = self.stamp.properties
        self.findings: list[Finding] = []
        self.cells: list[ReadCell] = []
        self.is_loadable = True

    def read(self) -> ReadSubmission:
        if self._stamps_differ():
            return self._submission()
        period, area = self._identity()
        if period is not None and area is not None:
            layout = layout_of(self.stamp.form, period, settings.load().seeds)
            self._compare_with_print(area, period)
            if self._columns_are_in_place():
                self._read_rows(layout, period)
                if not any(cell.raw_text for cell in self.cells):
                    self._stop("form_has_a_figure", sheet=self.name)
        return self._submission()

    def _identity(self) -> tuple[Period | None, Area | None]:
        """Return period and area of the stamp, or None where they are not known or do not fit together."""
        stamp = self.stamp
        form = load_forms().get((stamp.form, stamp.form_version))
        if form is None:
            written = quoted(f"{stamp.form} {stamp.form_version}")
            self._stop("form_is_known", written=written, reason=phrase("reason.form_version", written=written))
            return None, None
        try:
            period = parse_period(stamp.time_period, stamp.calendar)
            last_day = period.end
        except UnknownPeriod:
            self._stop("period_is_known", written=quoted(stamp.time_period))
            return None, None
        area = load_register().by_key.get(stamp.area_key)
        if area is None:
            self._stop("area_is_known", written=quoted(stamp.ref_area))
        elif area.level != "commune":
            self._stop("area_is_a_commune", written=quoted(stamp.ref_area), area=area.name_vi)
            return period, None
        elif not area.in_force(last_day):
            self._stop("area_was_in_force", area=area.name_vi, period=period_vi(period), reason=reason_of_dates(area))
            return period, None
        return period, area

    def _stamps_differ(self) -> bool:
        """Whether two of the stamps claim different things; then what they differ in is not known."""
        others = (*self.stamps.all_found, *((self.properties,) if self.properties else ()))
        other = next((other for other in others if other != self.stamp), None)
        if other is None:
            return False
        told, claimed = other.properties, self.stamp.properties
        self.claims = {name: value for name, value in claimed.items() if told[name] == value}
        differ = [name for name in claimed if name not in self.claims]
        self._stop(
            "stamps_agree",
            written=quoted(", ".join(told[name] for name in differ)),
            other_value=quoted(", ".join(claimed[name] for name in differ)),
        )
        return True

    def _compare_with_print(self, area: Area, period: Period) -> None:
        """Hold the sheet when its hidden code is not its area's, or when area or period were printed over."""
        if area.ref_area != self.stamp.ref_area:
            self._stop("stamps_agree", written=quoted(self.stamp.ref_area), other_value=area.ref_area)
        for cell in self._above_the_table():
            text = cell.raw_text or ""
            expected = _line_for(text, area, period)
            if expected is not None and canonical_name(text) != canonical_name(expected):
                self._stop("stamps_agree", cell=cell.cell, written=quoted(text), other_value=expected)

    def _above_the_table(self) -> Iterator[WrittenCell]:
        for address, cell in self.sheet.cells.items():
            if int(address.lstrip(LETTERS)) >= self.stamps.first_row:
                break
            if cell.raw_type == "text":
                yield cell

    def _columns_are_in_place(self) -> bool:
        """Whether each column that is read was found, and has the head that it should have."""
        for tag, head in _HEADS.items():
            expected = phrase(f"form.header.{head}")
            column = self.stamps.columns.get(tag)
            cell = self.sheet.cells.get(f"{column}{self.stamps.first_row}") if column else None
            printed = cell.raw_text if cell else None
            if column is None or (printed != expected and canonical_name(printed or "") != canonical_name(expected)):
                self._stop("columns_are_in_place", written=expected, sheet=self.name)
                return False
        return True

    def _read_rows(self, layout: Layout, period: Period) -> None:
        rows: dict[str, list[int]] = {}
        taken: set[int] = set()
        column = self.stamps.id_column
        for address, cell in self.sheet.cells.items():
            if address.rstrip(DIGITS) == column and cell.raw_text:
                row = int(address.lstrip(LETTERS))
                taken.add(row)
                if not cell.raw_text.startswith(_OWN_MARKS):
                    rows.setdefault(cell.raw_text.strip(), []).append(row)
        for indicator, asked in layout.figures.items():
            places = rows.pop(indicator, ())
            if not places:
                self._add("every_indicator_has_a_row", sheet=self.name, indicator=layout.indicators[indicator])
            elif len(places) == 1:
                self._read_row(places[0], asked, layout)
            else:
                self._read_repeated_rows(places, asked, layout)
        self._refuse_foreign_rows(rows, taken, period)

    def _read_row(self, row: int, asked: list[Asked], layout: Layout) -> None:
        says_so = self._says_what_its_id_says(row, asked[0].indicator, layout)
        for figure in asked:
            cell = self._cell(figure.tag, row)
            if says_so or cell.raw_type == "blank":
                self._read_figure(cell, figure)
            else:
                self.cells.append(_read(cell, self.name, figure, None, "row_says_something_else", "held"))
        if len(asked) == 1:
            self._refuse_grey_cell(row, asked[0].indicator)

    def _read_repeated_rows(self, rows: list[int], asked: list[Asked], layout: Layout) -> None:
        """Read an id that stands in several rows once when they agree, and hold all of them when they do not."""
        first_of = len(self.cells)
        findings = list(self.findings)
        for row in rows:
            self._read_row(row, asked, layout)
        read = self.cells[first_of:]
        told = {(cell.measure, cell.status, cell.obs_value) for cell in read}
        if len(told) == len(asked):
            del self.cells[first_of + len(asked) :]
            return
        self.findings = findings
        self.cells[first_of:] = [
            structs.replace(cell, obs_value=None, reading_rule="repeated_row", status="held") for cell in read
        ]
        values = [cell.raw_text or "" for cell in read if cell.measure == "period"]
        self._add(
            "indicator_appears_once",
            sheet=self.name,
            cell=_listed([cell.cell for cell in read if cell.measure == "period"]),
            indicator=asked[0].indicator,
            written=quoted(values[0]),
            other_value=quoted(", ".join(values[1:])),
        )

    def _says_what_its_id_says(self, row: int, item: Indicator, layout: Layout) -> bool:
        """Whether printed name and unit are those of the id; a form of an older catalogue may word them otherwise."""
        name, unit = self._cell("#indicator", row), self._cell("#unit", row)
        if name.raw_text == item.name_vi and unit.raw_text == item.unit_measure:
            return True
        told = canonical_name(name.raw_text or ""), canonical_name(unit.raw_text or "")
        if told == (canonical_name(item.name_vi), canonical_name(item.unit_measure)):
            return True
        if (
            self.stamp.layout != layout.digest
            and told[0]
            and layout.names.get(told[0], item.indicator) == item.indicator
        ):
            return True
        self._add(
            "row_says_what_its_id_says",
            sheet=self.name,
            cell=name.cell,
            indicator=item,
            written=quoted(f"{name.raw_text or ''} ({unit.raw_text or ''})"),
        )
        return False

    def _read_figure(self, cell: WrittenCell, asked: Asked) -> None:
        if cell.raw_type == "blank" and not (cell.is_formula or cell.is_merged):
            self.cells.append(_read(cell, self.name, asked, None, "blank", "blank"))
            return
        reading = read_figure(
            cell.raw_text,
            cell.raw_type,
            asked.indicator,
            highest=asked.highest,
            number_format=cell.number_format,
            is_formula=cell.is_formula,
            is_hidden=cell.is_hidden,
            is_merged=cell.is_merged,
        )
        value = None if reading.value is None else str(reading.value)
        self.cells.append(_read(cell, self.name, asked, value, reading.rule, reading.status))
        if reading.check:
            place = {"sheet": self.name, "cell": cell.cell}
            self.findings.append(
                figure_remark(reading, place, asked.indicator, cell.raw_text, cell.raw_type, asked.highest, self.file)
            )

    def _refuse_grey_cell(self, row: int, item: Indicator) -> None:
        cell = self._cell("#year_to_date", row)
        if cell.raw_text and cell.raw_text.strip():
            self._add(
                "value_stands_in_an_input_cell",
                sheet=self.name,
                cell=cell.cell,
                indicator=item,
                written=quoted(cell.raw_text),
            )

    def _refuse_foreign_rows(self, rows: dict[str, list[int]], taken: set[int], period: Period) -> None:
        """Say which figures stand in rows that the form does not have: unknown ids, or none at all."""
        catalogue = load_catalogue()
        for indicator, places in rows.items():
            for row in places:
                cell = self._figure_in(row)
                if indicator in catalogue and cell is not None:
                    item = catalogue[indicator]
                    self._add(
                        "indicator_is_in_force",
                        sheet=self.name,
                        cell=cell.cell,
                        indicator=item,
                        written=quoted(cell.raw_text or ""),
                        period=period_vi(period),
                        reason=reason_not_asked(item, period),
                    )
                elif indicator not in catalogue:
                    self._foreign_row(row, cell, quoted(indicator))
        for row in range(self.stamps.first_row + 1, self.stamps.last_row):
            if row not in taken and (cell := self._figure_in(row)) is not None:
                self._foreign_row(row, cell, quoted(self._cell("#indicator", row).raw_text or ""))

    def _foreign_row(self, row: int, cell: WrittenCell | None, label: str) -> None:
        place = cell.cell if cell else f"{self.stamps.id_column}{row}"
        severity = "held" if cell else "info"
        self._add("row_is_in_the_catalogue", severity=severity, sheet=self.name, cell=place, written=label)

    def _figure_in(self, row: int) -> WrittenCell | None:
        """The first figure column of ``row`` that holds something."""
        for tag in ("#period", "#year_to_date"):
            cell = self._cell(tag, row)
            if cell.raw_text and cell.raw_text.strip():
                return cell
        return None

    def _cell(self, tag: str, row: int) -> WrittenCell:
        address = f"{self.stamps.columns[tag]}{row}"
        return self.sheet.cells.get(address) or WrittenCell(
            self.sheet.name, address, None, "blank", None, False, False, False
        )

    def _add(self, check: str, **facts: Any) -> None:
        self.findings.append(remark(check, file=self.file, **facts))

    def _stop(self, check: str, **facts: Any) -> None:
        """Add a finding that keeps the whole sheet from being loaded."""
        self._add(check, **facts)
        self.is_loadable = False

    def _submission(self) -> ReadSubmission:
        claim = _known(self.claims).get
        return ReadSubmission(
            sheet=self.name,
            form=claim("form"),
            form_version=claim("form_version"),
            calendar=claim("calendar"),
            ref_area=claim("ref_area"),
            area_key=claim("area_key"),
            time_period=claim("time_period"),
            cells=self.cells,
            findings=self.findings,
            status=status_of(self.findings, is_loadable=self.is_loadable),
            is_loadable=self.is_loadable,
        )


def _listed(places: list[str]) -> str:
    return ", ".join([*places[:MOST_PLACES], *(["…"] if len(places) > MOST_PLACES else [])])


def _known(claims: dict[str, str]) -> dict[str, str]:
    """Return the claims of a stamp that can be used as codes: what no register knows is no area and no period."""
    known = dict(claims)
    try:
        _ = parse_period(claims.get("time_period", ""), claims.get("calendar", "administrative")).end
    except UnknownPeriod:
        known.pop("time_period", None)
        known.pop("calendar", None)
    if claims.get("area_key") not in load_register().by_key:
        known.pop("area_key", None)
    return {name: quoted(value) for name, value in known.items()}


def reason_of_dates(area: Area) -> str:
    """Say from when to when an area held."""
    until = phrase("reason.valid_to", date=date_vi(area.valid_to)) if area.valid_to else ""
    return ", ".join(filter(None, (phrase("reason.valid_from", date=date_vi(area.valid_from)), until)))


def reason_not_asked(item: Indicator, period: Period) -> str:
    """Say why a form of ``period`` does not ask an indicator of the catalogue."""
    if not item.form:
        return phrase("reason.not_on_form")
    if item.valid_from is not None and period.end < item.valid_from:
        return phrase("quality.valid_from", date=date_vi(item.valid_from))
    if item.valid_to is not None and period.end >= item.valid_to:
        return phrase("quality.valid_to", date=date_vi(item.valid_to))
    return phrase("reason.asked_less_often", frequency=phrase(f"frequency.{item.frequency}"))


def _read(cell: WrittenCell, sheet: str, asked: Asked, value: str | None, rule: str, status: str) -> ReadCell:
    return ReadCell(
        sheet,
        cell.cell,
        asked.indicator.indicator,
        asked.measure,
        cell.raw_text,
        cell.raw_type,
        cell.number_format,
        cell.is_formula,
        cell.is_hidden,
        cell.is_merged,
        value,
        rule,
        status,
    )


def _find_stamps(sheet: Sheet) -> Stamps | None:
    """Return the stamps of a sheet with the places that they mark, or None when it carries none."""
    marks = [
        (address, cell.raw_text)
        for address, cell in sheet.cells.items()
        if cell.raw_text is not None and cell.raw_text.startswith(_OWN_MARKS)
    ]
    in_row = next(((at, stamp) for at, text in marks if (stamp := stamp_from_text(text, ROW_MARK))), None)
    in_column = next(((at, stamp) for at, text in marks if (stamp := stamp_from_text(text, COLUMN_MARK))), None)
    found = [place for place in (in_column, in_row) if place is not None]
    if not found:
        return None
    address, stamp = found[0]
    first_row = int(address.lstrip(LETTERS))
    if in_row is not None:
        tag_row = in_row[0].lstrip(LETTERS)
        columns = {
            text: at.rstrip(DIGITS) for at, text in marks if text in COLUMN_TAGS and at.lstrip(LETTERS) == tag_row
        }
    else:
        columns = _headed_columns(sheet, first_row)
    last_row = max((int(at.lstrip(LETTERS)) for at, text in marks if text.strip() == END_OF_ROWS), default=first_row)
    return Stamps(stamp, tuple(stamp for _, stamp in found), columns, address.rstrip(DIGITS), first_row, last_row)


def _headed_columns(sheet: Sheet, row: int) -> dict[str, str]:
    heads = {canonical_name(phrase(f"form.header.{head}")): tag for tag, head in _HEADS.items()}
    return {
        heads[canonical_name(cell.raw_text)]: address.rstrip(DIGITS)
        for address, cell in sheet.cells.items()
        if cell.raw_text and address.lstrip(LETTERS) == str(row) and canonical_name(cell.raw_text) in heads
    }


def _line_for(text: str, area: Area, period: Period) -> str | None:
    """Return what the form printed in the line that ``text`` begins like, or None for any other line."""
    lines = _printed(area, period)
    if text in lines.values():
        return text
    told = _canonical(text)
    return next((line for beginning, line in lines.items() if told.startswith(beginning)), None)


@lru_cache(maxsize=256)
def _printed(area: Area, period: Period) -> dict[str, str]:
    """Canonical beginning → whole of each line above the table that names area or period."""
    dates = {"start": date_vi(period.start), "end": date_vi(period.end)}
    lines = (
        ("form.reporting_unit", {"area": area.name_vi}),
        ("form.area_code", {"ref_area": area.ref_area}),
        ("form.period", {"period": period_vi(period), **dates}),
    )
    blank = "\0"
    return {
        canonical_name(phrase(name, **dict.fromkeys(facts, blank)).partition(blank)[0]): phrase(name, **facts)
        for name, facts in lines
    }


def _without_repeated(submissions: list[ReadSubmission], declared_name: str) -> list[ReadSubmission]:
    """Hold all sheets that claim one area and period: nobody can tell which of them is meant."""
    claims = Counter((item.area_key, item.time_period) for item in submissions)
    return [
        item if claims[item.area_key, item.time_period] == 1 or item.status == "refused" else _held(item, declared_name)
        for item in submissions
    ]


def _held(item: ReadSubmission, declared_name: str) -> ReadSubmission:
    area = load_register().by_key.get(item.area_key or "")
    finding = remark(
        "one_sheet_per_area_and_period",
        sheet=item.sheet,
        file=declared_name,
        area=area.name_vi if area else item.ref_area,
        period=period_vi(parse_period(item.time_period)) if item.time_period else "",
    )
    return structs.replace(item, findings=[*item.findings, finding], status="held", is_loadable=False)
