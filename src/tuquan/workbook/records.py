"""Read tables of records: long (one figure per row) or wide (one column per indicator), from CSV, JSON or a sheet.

The heads decide which it is; docs/formats.md shows both. A text is read by the rules for text cells: a dot groups
thousands, a comma marks decimals. A bad row is a finding with its place; the other rows go on.
"""

from collections import Counter
from collections.abc import Iterator
from string import ascii_uppercase, digits
from typing import Any, NamedTuple

from msgspec import structs

from tuquan import settings
from tuquan.vocabulary.areas import Area, canonical_name, load_register, padded_code
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.figures import as_written
from tuquan.vocabulary.forms import Form, current_form
from tuquan.vocabulary.periods import Period, period_in_words
from tuquan.vocabulary.phrases import load_checks, period_vi, phrase
from tuquan.workbook.cells import read_cell
from tuquan.workbook.container import UnreadableFile, too_large
from tuquan.workbook.layout import Asked, layout_of, reason_not_asked, reason_of_dates
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.submission import Finding, ReadCell, ReadSubmission, status_of
from tuquan.workbook.written import Records, Sheet, WrittenCell

LONG = ("ref_area", "time_period", "indicator", "obs_value")
OPTIONAL = ("measure", "form")
MEASURES = ("period", "year_to_date")
MAX_ROWS = 50_000  # a province with 600 communes and 57 indicators has 34,200


class Columns(NamedTuple):
    """Which columns are read: where each named one stands, and (place, indicator, measure) of each wide one."""

    named: dict[str, int]
    wide: list[tuple[int, str, str]]
    others: list[str]


class Identity(NamedTuple):
    """What one submission is of."""

    form: Form
    area: Area
    period: Period


def columns_of(heads: list[str]) -> Columns | None:
    """Return the columns of a table of records, or None when ``heads`` are not those of one.

    Raises:
        UnreadableFile: two heads are those of records, but others are missing, or one that is read appears twice.
    """
    known, codes = _known_heads(), [head.strip().casefold() for head in heads]
    words = [known.get(code) or known.get(canonical_name(code), "") for code in codes]
    figures = [(place, *_figure_of(code)) for place, code in enumerate(codes) if _figure_of(code)[0]]
    is_long = "indicator" in words or "obs_value" in words or not figures
    missing = [word for word in (LONG if is_long else LONG[:2]) if word not in words]
    if missing:
        if sum(code in LONG for code in codes) < 2:
            return None
        raise UnreadableFile("csv_has_the_required_columns", "csv_structure", ", ".join(missing))
    wide = [] if is_long else figures
    read = {place for place, word in enumerate(words) if word} | {place for place, *_ in wide}
    counts = Counter(words[place] or codes[place] for place in read)
    repeated = next((word for word, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise UnreadableFile("columns_are_named_once", "csv_structure", repeated)
    return Columns(
        named={words[place]: place for place in sorted(read) if words[place]},
        wide=wide,
        others=[head.strip() for place, head in enumerate(heads) if place not in read and head.strip()],
    )


def read_records(records: Records, declared_name: str) -> tuple[list[ReadSubmission], list[Finding]]:
    """Return one submission for each area and period, in the order of their first rows, and what fits none of them.

    Raises:
        UnreadableFile: the heads are not those of records, or there are too many rows.
    """
    columns = columns_of(records.heads)
    if columns is None:
        raise UnreadableFile("csv_has_the_required_columns", "csv_structure", ", ".join(LONG))
    if len(records.rows) > MAX_ROWS:
        raise too_large("rows", len(records.rows), MAX_ROWS)
    reader = _RecordsReader(records, columns, declared_name)
    for number, (place, texts) in enumerate(records.rows):
        if any(text and text.strip() for text in texts):
            reader.take(number, place, texts)
    if not reader.known and not reader.findings:
        reader.findings.append(remark("form_has_a_figure", sheet=reader.sheet, file=declared_name))
    if columns.others:
        names = quoted(", ".join(columns.others))
        reader.findings.append(remark("csv_has_no_other_columns", written=names, file=declared_name))
    return reader.submissions(), reader.findings


def records_of_sheet(sheet: Sheet) -> Records | None:
    """Return the table of a sheet whose first row that is not empty names the columns of records, else None."""
    first = next((address for address, cell in sheet.cells.items() if cell.raw_text and cell.raw_text.strip()), "A0")
    head_row = first.lstrip(ascii_uppercase)
    heads_at: dict[str, str] = {}
    for address, cell in sheet.cells.items():
        if address.lstrip(ascii_uppercase) == head_row:
            heads_at[address.rstrip(digits)] = cell.raw_text or ""
        elif heads_at:  # cells stand in the order of their rows, and most sheets are no table of records
            break
    letters = sorted(heads_at, key=lambda column: (len(column), column))
    heads = [heads_at[column] for column in letters]
    try:
        if columns_of(heads) is None:
            return None
    except UnreadableFile:
        return None
    rows: dict[int, dict[str, WrittenCell]] = {}
    for address, cell in sheet.cells.items():
        rows.setdefault(int(address.lstrip(ascii_uppercase)), {})[address.rstrip(digits)] = cell
    below = [(row, cells) for row, cells in sorted(rows.items()) if row > int(head_row)]
    return Records(
        sheet=quoted(sheet.name),
        heads=heads,
        rows=[
            (f"{letters[0]}{row}", [(cells[column].raw_text or "") if column in cells else "" for column in letters])
            for row, cells in below
        ],
        cells={
            (number, place): cells[column]
            for number, (_, cells) in enumerate(below)
            for place, column in enumerate(letters)
            if column in cells
        },
    )


def _known_heads() -> dict[str, str]:
    """Every way of writing a head of records → the name of the column."""
    words = {canonical_name(phrase(f"csv.head.{column}")): column for column in LONG}
    return {column: column for column in (*LONG, *OPTIONAL)} | words


def _figure_of(head: str) -> tuple[str, str]:
    """The indicator and measure that the head of a wide column names; two empty texts when it names none."""
    code, _, measure = head.partition("__")
    if code in load_catalogue() and measure in ("", *MEASURES):
        return code, measure or MEASURES[0]
    return "", ""


class _RecordsReader:
    """Sorts figures into submissions."""

    def __init__(self, records: Records, columns: Columns, declared_name: str) -> None:
        self.file = declared_name
        self.sheet = records.sheet
        self.records = records
        self.seeds = settings.load().seeds
        self.columns = columns
        self.measures = {canonical_name(phrase("form.header.current")): MEASURES[0]}
        self.measures |= {canonical_name(phrase("form.header.year_to_date")): MEASURES[1], "": MEASURES[0]}
        self.measures |= {measure: measure for measure in MEASURES}
        self.known: dict[tuple[str, ...], Identity | None] = {}  # by form, area and period as written
        self.cells: dict[Identity, dict[tuple[str, ...], ReadCell]] = {}
        self.findings: list[Finding] = []  # of rows that belong to no submission
        self.findings_of: dict[Identity, list[Finding]] = {}

    def take(self, number: int, place: str, texts: list[str | None]) -> None:
        """Read one row, or say why it cannot be read."""
        key = tuple(self._word(number, texts, column) for column in ("form", "ref_area", "time_period"))
        if len(texts) != len(self.records.heads) or not (key[1] and key[2]) or not self._is_whole(number, texts):
            self.findings.append(self._remark("row_names_area_period_indicator", place))
            return
        if key not in self.known:
            self.known[key] = self._identity(*key, place)
        identity = self.known[key]
        if identity is None:
            return
        for column, indicator, measure in self._figures(number, place, texts, identity):
            self._take_figure(identity, indicator, measure, self._cell(number, column, place, texts[column]))

    def submissions(self) -> list[ReadSubmission]:
        """Return what was read for each area and period that is known."""
        return [
            self._submission(identity, list(cells.values()), self.findings_of[identity])
            for identity, cells in self.cells.items()
        ]

    def _is_whole(self, number: int, texts: list[str | None]) -> bool:
        """Whether a row of a long table names its indicator and states a value, be it a blank one."""
        if self.columns.wide:
            return True
        value = texts[self.columns.named["obs_value"]]
        return bool(self._word(number, texts, "indicator")) and value is not None

    def _word(self, number: int, texts: list[str | None], column: str) -> str:
        place = self.columns.named.get(column)
        text = texts[place] if place is not None and place < len(texts) else None
        cell = self.records.cells.get((number, -1 if place is None else place))
        return as_written(text, cell.raw_type if cell else "text")

    def _figures(
        self, number: int, place: str, texts: list[str | None], identity: Identity
    ) -> Iterator[tuple[int, str, str]]:
        for figure in self.columns.wide:
            if texts[figure[0]] is not None:
                yield figure
        if not self.columns.wide:
            written = self._word(number, texts, "measure")
            measure = self.measures.get(canonical_name(written))
            if measure is None:
                remarks = self.findings_of[identity]
                remarks.append(self._remark("measure_is_known", place, written=quoted(written)))
            else:
                yield self.columns.named["obs_value"], self._word(number, texts, "indicator"), measure

    def _cell(self, number: int, column: int, place: str, text: str | None) -> WrittenCell:
        known = self.records.cells.get((number, column))
        if known is not None:
            return known
        text = (text or "").strip() or None
        return WrittenCell(self.sheet, place, text, "text" if text else "blank", None, False, False, False)

    def _identity(self, form_name: str, written: str, code: str, place: str) -> Identity | None:
        try:
            form = current_form(form_name) if form_name else current_form()
        except KeyError:
            form_name = quoted(form_name)
            reason = phrase("reason.form_version", written=form_name)
            self.findings.append(self._remark("form_is_known", place, written=form_name, reason=reason))
            return None
        period = period_in_words(code, form.calendar)
        if period is None:
            self.findings.append(self._remark("period_is_known", place, written=quoted(code)))
            return None
        register = load_register()
        # "390" may be a district, or commune 00390 without its zeros: what is exact comes first, and is no commune.
        days = (period.start, period.end)
        area = register.within(written, *days) or register.within(padded_code(written), *days)
        if area is None:
            self.findings.append(self._unknown_area(written, period, place))
            return None
        if area.level != "commune":
            facts = {"written": quoted(written), "area": area.name_vi}
            self.findings.append(self._remark("area_is_a_commune", place, **facts))
            return None
        identity = Identity(form, area, period)
        self.cells.setdefault(identity, {})
        self.findings_of.setdefault(identity, [])
        return identity

    def _unknown_area(self, written: str, period: Period, place: str) -> Finding:
        register = load_register()
        versions = register.versions(written) or register.versions(padded_code(written))
        if not versions:
            return self._remark("area_is_known", place, written=quoted(written))
        last = versions[-1]
        if last.level != "commune":
            return self._remark("area_is_a_commune", place, written=quoted(written), area=last.name_vi)
        facts = {"area": last.name_vi, "period": period_vi(period), "reason": reason_of_dates(last)}
        return self._remark("area_was_in_force", place, **facts)

    def _take_figure(self, identity: Identity, indicator: str, measure: str, cell: WrittenCell) -> None:
        form, _, period = identity
        cells, findings = self.cells[identity], self.findings_of[identity]
        asked = layout_of(form.form, period, self.seeds).figures.get(indicator)
        figure = next((figure for figure in asked or () if figure.measure == measure), None)
        if figure is None:
            # A wide table has a column for every indicator; what a form does not ask is blank there, and no question.
            if not self.columns.wide or cell.raw_text:
                findings.append(self._not_asked(period, indicator, cell, is_asked=asked is not None))
            return
        read = self._read(figure, cell, findings)
        key = (indicator, measure)
        earlier = cells.setdefault(key, read)
        if earlier is read or _told(earlier) == _told(read):
            return
        cells[key] = _held(earlier)
        cells[*key, cell.cell] = _held(read)
        findings.append(
            self._remark(
                "indicator_appears_once",
                cell.cell,
                indicator=figure.indicator,
                written=quoted(earlier.raw_text or ""),
                other_value=quoted(cell.raw_text or ""),
            )
        )

    def _not_asked(self, period: Period, indicator: str, cell: WrittenCell, *, is_asked: bool) -> Finding:
        catalogue = load_catalogue()
        if indicator not in catalogue:
            return self._remark("row_is_in_the_catalogue", cell.cell, written=quoted(indicator))
        item, written = catalogue[indicator], quoted(as_written(cell.raw_text, cell.raw_type))
        if is_asked:
            return self._remark("value_stands_in_an_input_cell", cell.cell, indicator=item, written=written)
        facts = {"written": written, "period": period_vi(period), "reason": reason_not_asked(item, period)}
        return self._remark("indicator_is_in_force", cell.cell, indicator=item, **facts)

    def _read(self, asked: Asked, cell: WrittenCell, findings: list[Finding]) -> ReadCell:
        read, finding = read_cell(cell, asked, self.sheet, self.file)
        if finding is not None:
            findings.append(finding)
        return read

    def _submission(self, identity: Identity, cells: list[ReadCell], findings: list[Finding]) -> ReadSubmission:
        form, area, period = identity
        is_loadable = bool(cells)
        return ReadSubmission(
            sheet=self.sheet,
            form=form.form,
            form_version=form.form_version,
            calendar=form.calendar,
            ref_area=area.ref_area,
            area_key=area.area_key,
            time_period=period.code,
            cells=cells,
            findings=findings,
            status=status_of(findings, is_loadable=is_loadable),
            is_loadable=is_loadable,
        )

    def _remark(self, check: str, place: str, **facts: Any) -> Finding:
        # A sentence about a file names the row as well: one table holds many areas and periods.
        is_about_file = load_checks()[check].level == "file"
        file = f"{self.file}, {place}" if is_about_file else self.file
        return remark(check, sheet=self.sheet, cell=place, file=file, **facts)


def _told(cell: ReadCell) -> tuple[str | None, ...]:
    return cell.status, cell.obs_value, None if cell.obs_value is not None else cell.raw_text


def _held(cell: ReadCell) -> ReadCell:
    return structs.replace(cell, obs_value=None, reading_rule="repeated_row", status="held")
