"""Read a filled form: rows by their hidden ids or exact names, area and period by stamps or print, positions never.

Rows may be added, removed or reordered. What a row *says* must still be what its id says, because a sort of some
columns moves names away from ids. Names below the table (signatures) and free text are never read.
"""

from collections import Counter
from collections.abc import Sequence

from msgspec import structs

from tuquan import settings
from tuquan.vocabulary.areas import canonical_name, load_register
from tuquan.vocabulary.catalogue import Indicator, load_catalogue
from tuquan.vocabulary.periods import Period, UnknownPeriod, parse_period, parse_reported_period
from tuquan.vocabulary.phrases import period_vi, phrase
from tuquan.workbook.cells import kept_cell, read_cell
from tuquan.workbook.layout import Asked, Layout, layout_of, reason_not_asked
from tuquan.workbook.owner import OwnedSheet, name_contradicts
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.stamp import Stamp, stamp_from_properties
from tuquan.workbook.submission import Finding, ReadCell, ReadSubmission, status_of
from tuquan.workbook.table import OWN_MARKS, Table, column_of, find_table, is_line_of_signs, label, row_of
from tuquan.workbook.words import head_of
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

MOST_PLACES = 5  # that one sentence names
MOST_FOREIGN_ROWS = 200  # that are asked about one by one; none of them is loaded anyway
_READ_COLUMNS = {"#period": "current", "#year_to_date": "year_to_date", "#indicator": "indicator", "#unit": "unit"}


def read_form(workbook: Workbook, declared_name: str, *, is_document: bool = False) -> list[ReadSubmission]:
    """Return one submission for each visible sheet that holds a form; none when no sheet does.

    In a text document the lines that name area and period may stand in another table before the form's.
    """
    visible = [sheet for sheet in workbook.sheets if sheet.state == "visible"]
    found = [(sheet, table) for sheet in visible if (table := find_table(sheet)) is not None]
    # Document properties belong to the file: they speak for a sheet only while it is the only form.
    properties = stamp_from_properties(workbook.properties) if len(found) == 1 else None
    context = _contexts(visible, {sheet.name for sheet, _ in found}) if is_document else {}
    readers = [
        _FormReader(sheet, table, properties, declared_name, context.get(sheet.name, ())) for sheet, table in found
    ]
    submissions = [reader.read() for reader in readers if reader.is_a_form()]
    return without_repeated(submissions, declared_name.rsplit("/", 1)[-1])


def _contexts(tables: Sequence[Sheet], forms: set[str]) -> dict[str, tuple[str, ...]]:
    """Table of a document → what stands before it and after the form before."""
    contexts: dict[str, tuple[str, ...]] = {}
    before: list[str] = []
    for table in tables:
        if table.name in forms:
            contexts[table.name] = tuple(before)
            before = []
        else:
            before += [*table.lines_above, *(cell.raw_text for cell in table.cells.values() if cell.raw_text)]
    return contexts


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


class _FormReader(OwnedSheet):
    """Reads the form on one sheet into one submission."""

    def __init__(
        self, sheet: Sheet, table: Table, properties: Stamp | None, declared_name: str, context: Sequence[str]
    ) -> None:
        super().__init__(sheet, table, properties, declared_name, context)
        self.grid: dict[str, dict[int, WrittenCell]] = {}  # column → row → cell
        self.cells: list[ReadCell] = []

    def is_a_form(self) -> bool:
        """Whether there is a stamp, or at least one row that is known by its code or name."""
        if self.stamp is not None:
            return True
        catalogue = load_catalogue()
        names = {canonical_name(item.name_vi) for item in catalogue}
        column = self.table.columns.get("#indicator")
        return any(
            cell.raw_text in catalogue or (column_of(address) == column and label(cell.raw_text or "") in names)
            for address, cell in self.sheet.cells.items()
            if row_of(address) > self.table.head_row
        )

    def read(self) -> ReadSubmission:
        period = self.find_owner()
        if period is None:
            return self._submission()
        if self._columns_are_in_place():
            self._read_rows(layout_of(self.claims["form"], period, settings.load().seeds), period)
            if all(cell.status == "blank" for cell in self.cells):
                self._stop("form_has_a_figure", sheet=self.name)
        return self._submission()

    def _columns_are_in_place(self) -> bool:
        """Whether each column that is read was found, and has the head that it should have."""
        for tag, head in _READ_COLUMNS.items():
            expected = phrase(f"form.header.{head}")
            if self._column_is_in_place(tag, expected):
                continue
            self._stop("columns_are_in_place", written=expected, sheet=self.name)
            return False
        return True

    def _column_is_in_place(self, tag: str, expected: str) -> bool:
        column = self.table.columns.get(tag)
        if tag in self.table.ambiguous:
            return False
        if not self.table.stamps:
            # A copy may have left out what is not needed to read it; the heads are how it was found.
            return column is not None or tag != "#period"
        cell = self.sheet.cells.get(f"{column}{self.table.head_row}") if column else None
        printed = cell.raw_text if cell else None
        return column is not None and (printed == expected or head_of(printed or "") == tag)

    def _read_rows(self, layout: Layout, period: Period) -> None:
        for address, cell in self.sheet.cells.items():
            column = column_of(address)
            self.grid.setdefault(column, {})[int(address[len(column) :])] = cell
        rows, taken = self._rows_by_id()
        self._add_rows_by_name(rows, taken, layout)
        for indicator, asked in layout.figures.items():
            places = rows.pop(indicator, ())
            if not places:
                self._add("every_indicator_has_a_row", sheet=self.name, indicator=layout.indicators[indicator])
            elif len(places) == 1:
                self._read_row(places[0], asked, layout)
            else:
                self._read_repeated_rows(places, asked, layout)
        self._refuse_foreign_rows(rows, taken, period)

    def _rows_by_id(self) -> tuple[dict[str, list[int]], set[int]]:
        """Return the rows of each id, and all rows that have one or a mark of ours."""
        rows: dict[str, list[int]] = {}
        taken: set[int] = set()
        for row, cell in self.grid.get(self.table.id_column or "", {}).items():
            text = (cell.raw_text or "").strip()
            if text and (row > self.table.head_row or self.table.stamps):
                taken.add(row)
                if not text.startswith(OWN_MARKS):
                    rows.setdefault(text, []).append(row)
        return rows, taken

    def _add_rows_by_name(self, rows: dict[str, list[int]], taken: set[int], layout: Layout) -> None:
        """Add each row without an id that is called exactly like an indicator of the form."""
        for row, cell in self._column("#indicator").items():
            if row not in taken and self.table.head_row < row < self.table.last_row:
                indicator = layout.names.get(label(cell.raw_text or ""))
                if indicator:
                    rows.setdefault(indicator, []).append(row)
                    taken.add(row)

    def _read_row(self, row: int, asked: list[Asked], layout: Layout) -> None:
        says_so = self._says_what_its_id_says(row, asked[0].indicator, layout)
        for figure in asked:
            if figure.tag not in self.table.columns:
                continue
            cell = self._cell(figure.tag, row)
            if says_so or cell.raw_type == "blank":
                self._read_figure(cell, figure)
            else:
                self.cells.append(kept_cell(cell, figure, self.name, "row_says_something_else", "held"))
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
        measures = len({cell.measure for cell in read})
        if len(told) == measures:
            del self.cells[first_of + measures :]
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
        called, counted = label(name.raw_text or ""), canonical_name(unit.raw_text or "")
        is_own_name = called == canonical_name(item.name_vi)
        is_own_unit = counted == canonical_name(item.unit_measure)
        if is_own_name and is_own_unit:
            return True
        if self.stamp is None:
            # A copy may lack a column, but what it does say must be right.
            lacks_name = not called and "#indicator" not in self.table.columns
            if (is_own_name or lacks_name) and (is_own_unit or not counted):
                return True
        elif (
            self.stamp.layout != layout.digest and called and layout.names.get(called, item.indicator) == item.indicator
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
        read, finding = read_cell(cell, asked, self.name, self.file)
        self.cells.append(read)
        if finding is not None:
            self.findings.append(finding)

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
        for row in self._rows_without_a_name(taken):
            cell = self._figure_in(row)
            if cell is not None:
                self._foreign_row(row, cell, quoted(self._cell("#indicator", row).raw_text or ""))

    def _rows_without_a_name(self, taken: set[int]) -> list[int]:
        """Return the first rows with figures that are none of the form's: no head again, nothing that stands below."""
        rows = {
            row: [column[row] for column in self.grid.values() if row in column and column[row].raw_text]
            for tag in ("#period", "#year_to_date")
            for row, cell in self._column(tag).items()
            if cell.raw_text and row not in taken
        }
        last = self.table.last_row if self.table.stamps else max(taken, default=0)
        foreign = [
            row
            for row, cells in rows.items()
            if self.table.head_row < row < self.table.last_row
            and (row < last or any(cell.raw_type == "number" for cell in cells))
            and not is_line_of_signs([cell.raw_text or "" for cell in cells])
            and not any(head_of(cell.raw_text or "") == "#period" for cell in cells)
        ]
        return foreign[:MOST_FOREIGN_ROWS]

    def _foreign_row(self, row: int, cell: WrittenCell | None, label: str) -> None:
        place = cell.cell if cell else f"{self.table.id_column or ''}{row}"
        severity = "held" if cell else "info"
        self._add("row_is_in_the_catalogue", severity=severity, sheet=self.name, cell=place, written=label)

    def _figure_in(self, row: int) -> WrittenCell | None:
        """The first figure column of ``row`` that holds something."""
        for tag in ("#period", "#year_to_date"):
            cell = self._cell(tag, row)
            if cell.raw_text and cell.raw_text.strip():
                return cell
        return None

    def _column(self, tag: str) -> dict[int, WrittenCell]:
        """The cells of a column by their rows."""
        return self.grid.get(self.table.columns.get(tag, ""), {})

    def _cell(self, tag: str, row: int) -> WrittenCell:
        column = self.table.columns.get(tag, "")
        cell = self.grid.get(column, {}).get(row)
        return cell or WrittenCell(self.sheet.name, f"{column}{row}", None, "blank", None, False, False, False)

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
        _ = parse_reported_period(claims.get("time_period", ""), claims.get("calendar", "administrative")).end
    except UnknownPeriod:
        known.pop("time_period", None)
        known.pop("calendar", None)
    if claims.get("area_key") not in load_register().by_key:
        known.pop("area_key", None)
    return {name: quoted(value) for name, value in known.items()}


def without_contradiction(item: ReadSubmission, declared_name: str) -> ReadSubmission:
    """Hold a submission that is contradicted by the name of its file or of a folder."""
    area = load_register().by_key.get(item.area_key or "")
    if not item.is_loadable or area is None or item.time_period is None:
        return item
    finding = name_contradicts(declared_name, item.sheet, area, parse_period(item.time_period, item.calendar or ""))
    if finding is None:
        return item
    return structs.replace(item, findings=[*item.findings, finding], status="held", is_loadable=False)


def without_repeated(submissions: list[ReadSubmission], declared_name: str) -> list[ReadSubmission]:
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
