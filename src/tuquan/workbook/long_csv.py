"""Read a long CSV file: one figure per line, ``ref_area,time_period,indicator,obs_value``.

All figures are text, so the rules for text cells hold: a dot groups thousands, a comma marks decimals. A bad line is a
finding with its number; the other lines go on.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from tuquan import settings
from tuquan.vocabulary.areas import Area, load_register, padded_code
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.figures import read_figure
from tuquan.vocabulary.forms import Form, current_form
from tuquan.vocabulary.periods import Period, UnknownPeriod, parse_period
from tuquan.vocabulary.phrases import load_checks, period_vi, phrase
from tuquan.workbook.container import MAX_FILE_BYTES, UnreadableFile, too_large
from tuquan.workbook.form import Asked, layout_of, reason_not_asked, reason_of_dates
from tuquan.workbook.remarks import figure_remark, quoted, remark
from tuquan.workbook.submission import Finding, ReadCell, ReadSubmission, status_of

COLUMNS = ("ref_area", "time_period", "indicator", "obs_value")
OTHER_SEPARATORS = ";\t|"
MAX_LINES = 100_000  # a province with 600 communes and 57 indicators has 34,200
Identity = tuple[Area, Period]


class Line(NamedTuple):
    """One line of the file: where it stands, what it says, and how many of its columns it has."""

    place: str
    area: str
    period: str
    indicator: str
    value: str
    is_whole: bool


def read_long_csv(path: Path, declared_name: str) -> tuple[list[ReadSubmission], list[Finding]]:
    """Return one submission for each area and period, in the order of their first lines, and what fits none of them.

    Raises:
        UnreadableFile: not UTF-8, not separated by commas, too large, or without one of the four columns.
    """
    reader = _CsvReader(declared_name)
    lines, extra = _lines(path)
    for line in lines:
        reader.take(line)
    if not reader.known and not reader.findings:
        reader.findings.append(remark("form_has_a_figure", sheet=reader.sheet, file=declared_name))
    if extra:
        columns = quoted(", ".join(extra))
        reader.findings.append(remark("csv_has_no_other_columns", written=columns, file=declared_name))
    return reader.submissions(), reader.findings


def _lines(path: Path) -> tuple[Iterator[Line], list[str]]:
    """Return the lines and the names of the columns that are not read."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise too_large("size", size, MAX_FILE_BYTES)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile("file_format_is_supported", "csv_encoding") from error
    if "\0" in text:
        raise UnreadableFile("file_format_is_supported", "csv_encoding")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    heads = [head.strip().casefold() for head in _next(rows) or []]
    missing = [column for column in COLUMNS if column not in heads]
    if missing:
        # The next kinds of text (other separators, other encodings) are told apart here.
        if any(sign in "".join(heads) for sign in OTHER_SEPARATORS):
            raise UnreadableFile("file_format_is_supported", "csv_separator")
        if len(heads) < 2:
            raise UnreadableFile("file_format_is_supported", "csv_text")
        raise UnreadableFile("csv_has_the_required_columns", "csv_structure", ", ".join(missing))
    places = [heads.index(column) for column in COLUMNS]
    extra = [head for number, head in enumerate(heads) if number not in places and head]
    return _numbered(rows, places, len(heads)), extra


def _numbered(rows: "csv.Reader", places: list[int], width: int) -> Iterator[Line]:
    count = 0
    while (row := _next(rows)) is not None:
        count += 1
        if count > MAX_LINES:
            raise too_large("rows", count, MAX_LINES)
        if not any(field.strip() for field in row):
            continue
        area, period, indicator, value = (row[place].strip() if place < len(row) else "" for place in places)
        # The number of the last physical line: a quoted field may contain line breaks.
        line = phrase("receipt.csv_row", row=rows.line_num)
        yield Line(line, area, period, indicator, value, len(row) == width)


def _next(rows: "csv.Reader") -> list[str] | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        raise UnreadableFile("csv_lines_are_well_formed", "csv_structure", max(1, rows.line_num)) from error


class _CsvReader:
    """Sorts lines into submissions."""

    def __init__(self, declared_name: str) -> None:
        self.file = declared_name
        self.sheet = phrase("receipt.csv_sheet")
        self.form: Form = current_form()
        self.known: dict[tuple[str, str], Identity | None] = {}  # by area and period as written
        self.cells: dict[Identity, dict[str, ReadCell]] = {}
        self.findings: list[Finding] = []  # of lines that belong to no submission
        self.findings_of: dict[Identity, list[Finding]] = {}

    def take(self, line: Line) -> None:
        """Read one line, or say why it cannot be read."""
        if not (line.area and line.period and line.indicator and line.is_whole):
            self.findings.append(self._remark("row_names_area_period_indicator", line))
            return
        key = (line.area, line.period)
        if key not in self.known:
            self.known[key] = self._identity(*key, line)
        identity = self.known[key]
        if identity is not None:
            self._take_figure(identity, line)

    def submissions(self) -> list[ReadSubmission]:
        """Return what was read for each area and period that is known."""
        return [
            self._submission(identity, list(cells.values()), self.findings_of[identity])
            for identity, cells in self.cells.items()
        ]

    def _identity(self, written: str, code: str, line: Line) -> Identity | None:
        try:
            period = parse_period(code, self.form.calendar)
        except UnknownPeriod:
            self.findings.append(self._remark("period_is_known", line, written=quoted(code)))
            return None
        register = load_register()
        # "390" may be a district, or commune 00390 without its zeros: what is exact comes first, and is no commune.
        area = register.at(written, period.end) or register.at(padded_code(written), period.end)
        if area is None:
            self.findings.append(self._unknown_area(written, period, line))
            return None
        if area.level != "commune":
            facts = {"written": quoted(written), "area": area.name_vi}
            self.findings.append(self._remark("area_is_a_commune", line, **facts))
            return None
        identity = (area, period)
        self.cells.setdefault(identity, {})
        self.findings_of.setdefault(identity, [])
        return identity

    def _unknown_area(self, written: str, period: Period, line: Line) -> Finding:
        versions = load_register().versions(padded_code(written))
        if not versions:
            return self._remark("area_is_known", line, written=quoted(written))
        last = versions[-1]
        facts = {"area": last.name_vi, "period": period_vi(period), "reason": reason_of_dates(last)}
        return self._remark("area_was_in_force", line, **facts)

    def _take_figure(self, identity: Identity, line: Line) -> None:
        period, cells, findings = identity[1], self.cells[identity], self.findings_of[identity]
        asked = layout_of(self.form.form, period, settings.load().seeds).figures.get(line.indicator)
        if asked is None:
            findings.append(self._not_asked(period, line))
            return
        cell = self._read(asked[0], line, findings)
        earlier = cells.setdefault(line.indicator, cell)
        if earlier is cell:
            return
        if (earlier.status, earlier.obs_value, earlier.raw_text) == (cell.status, cell.obs_value, cell.raw_text):
            return
        cells[line.indicator] = _held(earlier)
        cells[f"{line.indicator} {line.place}"] = _held(cell)
        findings.append(
            self._remark(
                "indicator_appears_once",
                line,
                indicator=asked[0].indicator,
                written=quoted(earlier.raw_text or ""),
                other_value=quoted(line.value),
            )
        )

    def _not_asked(self, period: Period, line: Line) -> Finding:
        catalogue = load_catalogue()
        if line.indicator not in catalogue:
            return self._remark("row_is_in_the_catalogue", line, written=quoted(line.indicator))
        item = catalogue[line.indicator]
        facts = {"written": quoted(line.value), "period": period_vi(period), "reason": reason_not_asked(item, period)}
        return self._remark("indicator_is_in_force", line, indicator=item, **facts)

    def _read(self, asked: Asked, line: Line, findings: list[Finding]) -> ReadCell:
        item, raw_type = asked.indicator, "text" if line.value else "blank"
        reading = read_figure(line.value, raw_type, item, highest=asked.highest)
        if reading.check:
            place = {"sheet": self.sheet, "cell": line.place}
            findings.append(figure_remark(reading, place, item, line.value, raw_type, asked.highest, self.file))
        return ReadCell(
            sheet=self.sheet,
            cell=line.place,
            indicator=item.indicator,
            measure=asked.measure,
            raw_text=line.value or None,
            raw_type=raw_type,
            number_format=None,
            is_formula=False,
            is_hidden=False,
            is_merged=False,
            obs_value=None if reading.value is None else str(reading.value),
            reading_rule=reading.rule,
            status=reading.status,
        )

    def _submission(self, identity: Identity, cells: list[ReadCell], findings: list[Finding]) -> ReadSubmission:
        area, period = identity
        is_loadable = bool(cells)
        return ReadSubmission(
            sheet=self.sheet,
            form=self.form.form,
            form_version=self.form.form_version,
            calendar=self.form.calendar,
            ref_area=area.ref_area,
            area_key=area.area_key,
            time_period=period.code,
            cells=cells,
            findings=findings,
            status=status_of(findings, is_loadable=is_loadable),
            is_loadable=is_loadable,
        )

    def _remark(self, check: str, line: Line, **facts: Any) -> Finding:
        # A sentence about a file names the line as well: one CSV holds many areas and periods.
        is_about_file = load_checks()[check].level == "file"
        file = f"{self.file}, {line.place}" if is_about_file else self.file
        return remark(check, sheet=self.sheet, cell=line.place, file=file, **facts)


def _held(cell: ReadCell) -> ReadCell:
    return structs.replace(cell, obs_value=None, reading_rule="repeated_row", status="held")
