"""Write → fill → read is the identity, also when LibreOffice saved the workbook in between."""

from decimal import Decimal
from io import BytesIO
from pathlib import Path

import docx
import openpyxl
import pytest
import xlwt
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from odf import table as odf_table
from odf.opendocument import OpenDocumentSpreadsheet
from odf.text import P
from pyxlsbwriter import XlsbWriter

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.figures import highest_possible
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.evidence import read_workbook
from tuquan.workbook.reading import read_file
from tuquan.workbook.template import write_form

FIXTURE = Path(__file__).parents[2] / "fixtures" / "tq01_saved_by_libreoffice.xlsx"
# What was typed into the fixture; everything else on it is blank.
TYPED = {
    ("households_total", "period"): 1880,
    ("population_total", "period"): 7912,
    ("security_order_teams", "period"): 7,
    ("social_security_teams", "period"): "1.288",
    ("self_mgmt_boards", "period"): 0,
    ("propaganda_sessions", "period"): 24,
    ("propaganda_sessions", "year_to_date"): 24,
    ("mediated_cases", "period"): 1.288,
    ("mediated_cases", "year_to_date"): "không",
}
COMMUNES = [area for area in load_register().by_key.values() if area.level == "commune"]
CODES = [f"{year}{part}" for year in range(2019, 2027) for part in ("", "-S1", "-S2", "-Q1", "-Q4", "-M02", "-M12")]


def figures_of(submission):
    return {
        (cell.indicator, cell.measure): None if cell.obs_value is None else Decimal(cell.obs_value)
        for cell in submission.cells
    }


@st.composite
def filled_forms(draw):
    """Any commune, old or new, any period in which it held, and any possible figures, most of them blank or small."""
    area = draw(st.sampled_from(COMMUNES))
    periods = [period for period in map(parse_period, CODES) if area.in_force(period.end)]
    if not periods:
        periods = [parse_period(f"{area.valid_from.year}-M{area.valid_from.month:02d}")]
    period = draw(st.sampled_from(periods))
    values = {}
    for item in load_catalogue().on_form("TQ01", period):
        for measure in ("period", "year_to_date") if item.has_year_to_date else ("period",):
            highest = int(highest_possible(item, period, measure))
            number = st.integers(0, min(highest, 300)) | st.integers(0, highest)
            values[item.indicator, measure] = draw(st.none() | number)
    return area, period, values


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(filled_forms())
def test_what_was_filled_in_is_what_is_read(tmp_path_factory, form):
    area, period, values = form
    assume(area.in_force(period.end))
    path = tmp_path_factory.mktemp("form") / "bieu.xlsx"
    write_form(path, area, period, values=values)
    (submission,) = read_file(path, "bieu.xlsx").submissions
    assert (submission.area_key, submission.ref_area) == (area.area_key, area.ref_area)
    assert (submission.time_period, submission.calendar) == (period.code, "administrative")
    assert figures_of(submission) == values
    has_figures = any(value is not None for value in values.values())
    assert (submission.status, submission.is_loadable) == (("accepted", True) if has_figures else ("held", False))


def test_what_a_clerk_types_into_the_blank_form_is_what_is_read(tmp_path, commune, period):
    buffer = BytesIO()
    write_form(buffer, commune, period)
    book = openpyxl.load_workbook(BytesIO(buffer.getvalue()))
    typed = {}
    for number, (name, defined) in enumerate(sorted(book.defined_names.items())):
        if name.startswith("in_"):
            ((sheet, address),) = defined.destinations
            book[sheet][address.replace("$", "")] = number % 2
            typed[name.removeprefix("in_"), "period"] = Decimal(number % 2)
    book.save(tmp_path / "bieu.xlsx")
    (submission,) = read_file(tmp_path / "bieu.xlsx", "bieu.xlsx").submissions
    assert submission.status == "accepted"
    assert {key: value for key, value in figures_of(submission).items() if key[1] == "period"} == typed


def assert_is_the_typed_form(path, commune):
    (submission,) = read_file(path, path.name).submissions
    expected = {key: Decimal(value) for key, value in TYPED.items() if isinstance(value, int)}
    expected["social_security_teams", "period"] = Decimal(1288)
    read = figures_of(submission)
    assert {key: value for key, value in read.items() if value is not None} == expected
    assert submission.area_key == commune.area_key
    held = {(cell.indicator, cell.measure, cell.reading_rule) for cell in submission.cells if cell.status == "held"}
    assert held == {
        ("mediated_cases", "period", "thousands_dot_lost"),
        ("mediated_cases", "year_to_date", "word_for_nothing"),
    }
    assert (submission.status, submission.is_loadable) == ("held", True)


def test_a_form_that_libreoffice_saved_reads_the_same(commune):
    assert_is_the_typed_form(FIXTURE, commune)


def test_the_evidence_is_what_another_reader_sees():
    book, oracle = read_workbook(FIXTURE), openpyxl.load_workbook(FIXTURE)
    (sheet,), (other,) = book.sheets, oracle.worksheets
    seen = {cell.coordinate: cell for row in other.iter_rows() for cell in row if cell.value is not None}
    written = {address: cell for address, cell in sheet.cells.items() if cell.raw_text is not None}
    assert written.keys() == seen.keys()
    for address, cell in written.items():
        value = seen[address].value
        assert cell.raw_text == value if isinstance(value, str) else float(cell.raw_text) == value
        assert cell.number_format == seen[address].number_format
        assert cell.is_merged == any(address in area for area in other.merged_cells.ranges)
    assert book.properties.items() >= {entry.name: entry.value for entry in oracle.custom_doc_props}.items()
    assert book.defined_names.keys() >= oracle.defined_names.keys()


def rows_of(sheet):
    """The written cells of a sheet as lists of texts and numbers, from its first row to its last."""
    places = {}
    for address, cell in sheet.cells.items():
        row, column = openpyxl.utils.cell.coordinate_from_string(address)[::-1]
        value = float(cell.raw_text) if cell.raw_type == "number" else cell.raw_text
        places[row, openpyxl.utils.column_index_from_string(column)] = value
    last_row, last_column = (max(place[at] for place in places) for at in (0, 1))
    return [[places.get((row, column)) for column in range(1, last_column + 1)] for row in range(1, last_row + 1)]


def as_xls(path, rows):
    book = xlwt.Workbook()
    sheet = book.add_sheet("TQ01")
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            if value is not None:
                sheet.write(row, column, value)
    book.save(str(path))


def as_xlsb(path, rows):
    with XlsbWriter(str(path)) as writer:
        writer.add_sheet("TQ01")
        writer.write_sheet(rows)


def as_ods(path, rows):
    document = OpenDocumentSpreadsheet()
    sheet = odf_table.Table(name="TQ01")
    document.spreadsheet.addElement(sheet)
    for values in rows:
        line = odf_table.TableRow()
        sheet.addElement(line)
        for value in values:
            if isinstance(value, str):
                cell = odf_table.TableCell(valuetype="string")
                cell.addElement(P(text=value))
            else:
                cell = odf_table.TableCell(**({} if value is None else {"valuetype": "float", "value": repr(value)}))
            line.addElement(cell)
    document.save(str(path))


def as_docx(path, rows):
    document = docx.Document()
    table = document.add_table(rows=0, cols=max(map(len, rows)))
    for values in rows:
        for cell, value in zip(table.add_row()._tr.tc_lst, values, strict=True):
            text = "" if value is None else f"{value:.0f}" if isinstance(value, float) else value
            cell.p_lst[0].add_r().text = text
    document.save(str(path))


@pytest.mark.parametrize("write", [as_xls, as_xlsb, as_ods, as_docx])
def test_a_form_that_came_in_another_kind_of_file_reads_the_same(tmp_path, commune, period, write):
    source, other = tmp_path / "bieu.xlsx", tmp_path / "bieu.dat"
    write_form(source, commune, period, values={**TYPED, ("mediated_cases", "period"): 12})
    write(other, rows_of(read_workbook(source).sheets[0]))
    file, original = read_file(other, "bieu.dat"), read_file(source, "bieu.xlsx")
    assert file.file_format == write.__name__.removeprefix("as_")
    (submission,), (expected,) = file.submissions, original.submissions
    assert figures_of(submission) == figures_of(expected)
    assert (submission.area_key, submission.time_period) == (expected.area_key, expected.time_period)
    assert (submission.status, submission.is_loadable) == (expected.status, expected.is_loadable)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_a_form_goes_through_the_libreoffice_of_this_machine_unharmed(tmp_path, converted, commune, period, kind):
    source = tmp_path / "bieu.xlsx"
    write_form(source, commune, period, values=TYPED)
    saved = converted(source, kind)
    assert_is_the_typed_form(saved, commune)
    (submission,), (original,) = (read_file(path, path.name).submissions for path in (saved, source))
    told = [
        [(cell.cell, cell.raw_text, cell.raw_type, cell.is_hidden, cell.is_merged) for cell in item.cells]
        for item in (submission, original)
    ]
    assert told[0] == told[1]
