import time
import zipfile
from io import BytesIO

import openpyxl
import pytest

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import phrase
from tuquan.workbook import template


@pytest.fixture
def sheet(form_file):
    values = {("propaganda_sessions", "year_to_date"): 35}
    return openpyxl.load_workbook(form_file(values, previous={("households_total", "period"): 1250})).worksheets[0]


def row_of(sheet, indicator):
    return next(row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 1).value == indicator)


def test_two_writes_give_the_same_bytes(form_bytes, commune, period, monkeypatch):
    first = form_bytes(commune, period)
    later = time.time() + 90_000
    monkeypatch.setattr(time, "time", lambda: later)
    assert form_bytes(commune, period) == first


def test_an_office_recognises_its_form(sheet, commune):
    printed = [cell.value for row in sheet.iter_rows(min_row=2, max_row=11) for cell in row if cell.value]
    assert "HUYỆN CẨM THỦY" in printed
    assert phrase("form.reporting_unit", area=commune.name_vi) in printed
    assert phrase("form.motto") in printed
    assert "Kỳ báo cáo: Năm 2021 (từ ngày 15/12/2020 đến ngày 14/12/2021)" in printed
    assert phrase("form.receiving_unit", receiver="Huyện Cẩm Thủy") in printed
    heads = [sheet.cell(11, column).value for column in range(2, 8)]
    assert heads == ["STT", "Chỉ tiêu", "Đơn vị tính", "Kỳ này", "Kỳ trước", "Lũy kế từ đầu năm"]
    fonts = {cell.font.name for row in sheet.iter_rows(min_row=2) for cell in row if cell.value and cell.column > 1}
    assert fonts == {"Times New Roman"}


def test_the_form_asks_what_the_catalogue_asks(sheet, period):
    ids = [cell.value for (cell,) in sheet.iter_rows(min_row=13, max_col=1) if cell.value]
    assert ids == [item.indicator for item in load_catalogue().on_form("TQ01", period)] + ["#end"]
    assert "protection_teams" not in ids  # a law of July 2024 brought them


def test_only_figures_can_be_typed_and_only_flows_run_up(sheet):
    stock, flow = row_of(sheet, "households_total"), row_of(sheet, "propaganda_sessions")
    unlocked = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert {f"E{stock}", f"E{flow}", f"G{flow}"} <= unlocked
    assert f"G{stock}" not in unlocked
    assert {address[0] for address in unlocked} == {"E", "G"}
    assert sheet.protection.sheet
    assert not sheet.protection.password
    guarded = {cell for rule in sheet.data_validations.dataValidation for cell in str(rule.sqref).split()}
    assert guarded == unlocked


def test_a_cell_refuses_what_cannot_be_and_says_so_in_vietnamese(sheet):
    row = row_of(sheet, "households_total")
    (rule,) = [rule for rule in sheet.data_validations.dataValidation if f"E{row}" in str(rule.sqref).split()]
    assert (rule.type, rule.formula1, rule.formula2) == ("whole", "0", "600000")
    assert rule.error == phrase("form.error", minimum="0", maximum="600.000")
    assert rule.prompt == phrase("form.prompt")


def test_the_previous_figure_stands_beside_and_not_in_the_input_cell(sheet):
    row = row_of(sheet, "households_total")
    assert (sheet.cell(row, 5).value, sheet.cell(row, 6).value) == (1288, 1250)


def test_the_stamp_is_written_three_times_and_out_of_sight(form_file, commune):
    book = openpyxl.load_workbook(form_file())
    sheet = book.worksheets[0]
    assert sheet.row_dimensions[1].hidden
    assert sheet.column_dimensions["A"].hidden
    properties = {entry.name: entry.value for entry in book.custom_doc_props}
    assert properties["area_key"] == commune.area_key
    assert sheet["A1"].value.split("|")[1:] == sheet["A11"].value.split("|")[1:] == list(properties.values())
    assert book.defined_names["in_households_total"].attr_text == f"'TQ01'!$E${row_of(sheet, 'households_total')}"


def test_the_page_prints_on_a4_with_its_head_on_every_page(sheet):
    assert (int(sheet.page_setup.paperSize), sheet.page_setup.orientation) == (9, "portrait")
    assert sheet.print_title_rows == "$11:$12"
    assert sheet.freeze_panes == "D13"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage


def test_a_text_never_becomes_a_formula(form_file):
    path = form_file({("population_total", "period"): "=1+1"})
    with zipfile.ZipFile(BytesIO(path.read_bytes())) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_every_area_and_frequency_has_a_form(form_bytes):
    register = load_register()
    longest = max((area for area in register.by_key.values() if area.level == "commune"), key=lambda a: len(a.name_vi))
    for code in ("2025", "2025-S1", "2025-Q1", "2025-M03"):
        assert form_bytes(longest, parse_period(code))


def test_there_are_numerals_for_all_groups():
    assert len(template.ROMAN) >= len(load_catalogue().groups)
