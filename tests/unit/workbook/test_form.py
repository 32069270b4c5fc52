"""What clerks do to a form, and what is made of it."""

import openpyxl
import pytest

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.workbook.reading import read_file


def row_of(sheet, indicator):
    return next(row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 1).value == indicator)


def checks_of(file):
    return {finding.check_name for item in (file, *file.submissions) for finding in item.findings}


def read_values(submission):
    return {cell.indicator: cell.obs_value for cell in submission.cells if cell.obs_value is not None}


def test_rows_may_be_added_moved_and_reordered_because_ids_decide(edited):
    def rearrange(sheet):
        sheet.insert_rows(14, 3)
        first, second = row_of(sheet, "households_total"), row_of(sheet, "population_total")
        for column in range(1, 8):
            one, other = sheet.cell(first, column), sheet.cell(second, column)
            one.value, other.value = other.value, one.value

    file = edited(rearrange, {("population_total", "period"): 5000})
    (submission,) = file.submissions
    assert read_values(submission) == {"households_total": "1288", "population_total": "5000"}
    assert submission.status == "accepted"


def test_a_row_that_is_gone_is_named(edited):
    file = edited(lambda sheet: sheet.delete_rows(row_of(sheet, "population_total")))
    (submission,) = file.submissions
    (finding,) = submission.findings
    assert (finding.check_name, finding.indicator) == ("every_indicator_has_a_row", "population_total")
    assert (submission.status, submission.is_loadable) == ("held", True)
    assert read_values(submission) == {"households_total": "1288"}


def test_a_figure_in_a_row_of_the_clerks_own_is_not_lost_in_silence(edited):
    def add_row(sheet):
        row = row_of(sheet, "population_total")
        sheet.insert_rows(row)
        sheet.cell(row, 3, "Số hộ nghèo")
        sheet.cell(row, 5, 41)

    (submission,) = edited(add_row).submissions
    (finding,) = submission.findings
    assert (finding.check_name, finding.severity, finding.as_written) == (
        "row_is_in_the_catalogue",
        "held",
        "Số hộ nghèo",
    )
    assert (submission.status, submission.is_loadable) == ("held", True)


def test_names_sorted_away_from_their_ids_hold_the_row(edited):
    def sort_visible_columns(sheet):
        first, second = row_of(sheet, "households_total"), row_of(sheet, "population_total")
        for column in range(2, 8):
            one, other = sheet.cell(first, column), sheet.cell(second, column)
            one.value, other.value = other.value, one.value

    (submission,) = edited(sort_visible_columns, {("population_total", "period"): 5000}).submissions
    assert read_values(submission) == {}
    assert {finding.check_name for finding in submission.findings} == {"row_says_what_its_id_says"}
    assert {cell.status for cell in submission.cells if cell.raw_text} == {"held"}


def test_an_unknown_id_is_told_and_the_others_load(edited):
    def rename(sheet):
        sheet.cell(row_of(sheet, "population_total"), 1).value = "so_ho_ngheo"

    (submission,) = edited(rename, {("population_total", "period"): 5000}).submissions
    assert {finding.check_name for finding in submission.findings} == {
        "row_is_in_the_catalogue",
        "every_indicator_has_a_row",
    }
    assert read_values(submission) == {"households_total": "1288"}


@pytest.mark.parametrize(("second", "status", "value"), [(1288, "accepted", "1288"), (1300, "held", None)])
def test_an_id_twice_is_read_once_when_both_rows_agree_and_held_when_not(edited, second, status, value):
    def copy_row(sheet):
        row = row_of(sheet, "households_total")
        sheet.insert_rows(row)
        for column in range(1, 8):
            sheet.cell(row, column).value = sheet.cell(row + 1, column).value
        sheet.cell(row, 5).value = second

    (submission,) = edited(copy_row).submissions
    assert submission.status == status
    assert read_values(submission).get("households_total") == value
    keys = [(cell.cell, cell.indicator, cell.measure) for cell in submission.cells]
    assert len(keys) == len(set(keys))


def test_an_indicator_that_does_not_apply_yet_is_held_with_its_date(edited):
    def add_row(sheet):
        row = row_of(sheet, "population_total")
        sheet.insert_rows(row)
        sheet.cell(row, 1).value = "protection_teams"
        sheet.cell(row, 5).value = 4

    (submission,) = edited(add_row).submissions
    (finding,) = submission.findings
    assert finding.check_name == "indicator_is_in_force"
    assert "01/07/2024" in finding.message_vi


def test_a_message_names_sheet_cell_indicator_what_was_written_and_a_suggestion(edited):
    def damage(sheet):
        sheet.cell(row_of(sheet, "households_total"), 5).value = 1.288

    (submission,) = edited(damage).submissions
    (finding,) = submission.findings
    cell = next(cell for cell in submission.cells if cell.indicator == "households_total")
    for told in ("TQ01", cell.cell, load_catalogue()["households_total"].name_vi, "1,288", "hộ", "có thể là 1288"):
        assert told in finding.message_vi
    assert (finding.severity, finding.suggested_value) == ("held", "1288")
    assert (submission.status, submission.is_loadable) == ("held", True)


def test_a_refused_figure_does_not_stop_the_others(edited):
    def negative(sheet):
        sheet.cell(row_of(sheet, "population_total"), 5).value = -5

    (submission,) = edited(negative).submissions
    assert {cell.status for cell in submission.cells if cell.indicator == "population_total"} == {"refused"}
    assert (submission.status, submission.is_loadable) == ("held", True)
    assert read_values(submission) == {"households_total": "1288"}


@pytest.mark.parametrize("address", ["A1", "A11"])
def test_stamps_that_differ_hold_the_whole_form(edited, address):
    def other_area(sheet):
        sheet[address].value = sheet[address].value.replace("15127", "15130")

    file = edited(other_area)
    assert "stamps_agree" in checks_of(file)
    (submission,) = file.submissions
    assert (submission.status, submission.is_loadable) == ("held", False)
    assert (submission.ref_area, submission.time_period) == (None, "2021")


@pytest.mark.parametrize("address", ["B3", "B4", "B7"])
def test_a_printed_unit_or_period_that_contradicts_the_stamp_holds_the_whole_form(edited, address):
    def overtype(sheet):
        sheet[address].value = sheet[address].value[:18] + "khác"

    file = edited(overtype)
    assert checks_of(file) == {"stamps_agree"}
    assert file.submissions[0].is_loadable is False


def test_another_way_of_writing_the_same_name_is_no_contradiction(edited):
    def respell(sheet):
        sheet["B3"].value = sheet["B3"].value.upper().replace(" ", "  ")

    assert edited(respell).status == "accepted"


@pytest.mark.parametrize("address", ["A1", "A11"])
def test_one_lost_stamp_is_made_up_for_by_the_others(edited, address):
    def lose(sheet):
        sheet[address].value = None

    file = edited(lose)
    # Without the head of the id column nobody knows where the table begins.
    assert [item.time_period for item in file.submissions] == ["2021"]
    assert file.status in ("accepted", "held")


def test_an_overtyped_column_head_holds_the_whole_form(edited):
    def swap(sheet):
        sheet["E11"].value, sheet["G11"].value = sheet["G11"].value, sheet["E11"].value

    file = edited(swap)
    assert checks_of(file) == {"columns_are_in_place"}
    assert file.submissions[0].is_loadable is False


def test_a_column_may_be_inserted(edited):
    def insert(sheet):
        sheet.insert_cols(5)

    (submission,) = edited(insert).submissions
    assert read_values(submission) == {"households_total": "1288"}


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ("15127.20191201|15127", "99999.20191201|99999", "area_is_known"),
        ("|2021|", "|2021-M13|", "period_is_known"),
        ("|2021|", "|2026|", "area_was_in_force"),
        ("|TQ01|1|", "|TQ01|99|", "form_is_known"),
        ("administrative", "lunar", "period_is_known"),
        ("15127.20191201|15127", "390.20180101|390", "area_is_a_commune"),
    ],
)
def test_an_unknown_area_period_or_form_stops_the_whole_form(tmp_path, form_file, old, new, check):
    book = openpyxl.load_workbook(form_file())
    for address in ("A1", "A11"):
        book.worksheets[0][address].value = book.worksheets[0][address].value.replace(old, new)
    for name in book.custom_doc_props.names:
        del book.custom_doc_props[name]
    book.save(tmp_path / "khac.xlsx")
    file = read_file(tmp_path / "khac.xlsx", "khac.xlsx")
    assert checks_of(file) == {check}
    (submission,) = file.submissions
    assert (submission.is_loadable, submission.cells) == (False, [])


def test_each_sheet_is_a_submission_of_its_own(tmp_path, form_file, period):
    communes = load_register().communes("390", period.end)[:2]
    books = [openpyxl.load_workbook(form_file(area=area, name=f"{area.ref_area}.xlsx")) for area in communes]
    together = books[0]
    sheet = together.create_sheet("Sheet2")
    for row in books[1].worksheets[0].iter_rows():
        for cell in row:
            if cell.value is not None:
                sheet[cell.coordinate] = cell.value
    path = tmp_path / "hai-xa.xlsx"
    together.save(path)
    file = read_file(path, path.name)
    assert [item.ref_area for item in file.submissions] == [area.ref_area for area in communes]
    assert file.status == "accepted"


def test_two_sheets_for_one_area_and_period_are_both_held(tmp_path, form_file):
    book = openpyxl.load_workbook(form_file())
    book.copy_worksheet(book.worksheets[0])
    path = tmp_path / "hai-trang.xlsx"
    book.save(path)
    file = read_file(path, path.name)
    assert [(item.status, item.is_loadable) for item in file.submissions] == [("held", False)] * 2
    assert checks_of(file) == {"one_sheet_per_area_and_period"}


def test_other_sheets_are_named_and_not_read(tmp_path, form_file):
    book = openpyxl.load_workbook(form_file())
    book.create_sheet("Kỳ trước")["B2"] = 77
    book["Kỳ trước"].sheet_state = "hidden"
    book.create_sheet("Tính thử")["B2"] = 78
    path = tmp_path / "bieu.xlsx"
    book.save(path)
    file = read_file(path, path.name)
    assert [(item.check_name, item.sheet, item.severity) for item in file.findings] == [
        ("sheet_is_visible", "Kỳ trước", "info"),
        ("sheet_is_a_form", "Tính thử", "warning"),
    ]
    assert file.status == "accepted"


def test_a_workbook_without_our_stamp_is_no_form(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"] = 12
    book.save(tmp_path / "khac.xlsx")
    file = read_file(tmp_path / "khac.xlsx", "khac.xlsx")
    assert (file.status, checks_of(file)) == ("refused", {"form_is_known", "sheet_is_a_form"})
    assert "trang “Sheet” không có bảng chỉ tiêu" in file.findings[0].message_vi


def test_a_figure_in_a_grey_cell_is_told(edited):
    def type_there(sheet):
        sheet.cell(row_of(sheet, "households_total"), 7).value = 9

    file = edited(type_there)
    assert checks_of(file) == {"value_stands_in_an_input_cell"}
    assert file.status == "accepted"


def test_hidden_merged_and_formula_cells_are_held(edited):
    def disturb(sheet):
        sheet.row_dimensions[row_of(sheet, "households_total")].hidden = True
        row = row_of(sheet, "security_order_teams")
        sheet.cell(row, 5).value = 7
        sheet.merge_cells(start_row=row, end_row=row + 1, start_column=5, end_column=5)
        sheet.cell(row_of(sheet, "models_total"), 5).value = "=1+1"

    (submission,) = edited(disturb).submissions
    held = {cell.indicator: cell.reading_rule for cell in submission.cells if cell.status == "held"}
    assert held == {
        "households_total": "hidden",
        "security_order_teams": "merged",
        "social_security_teams": "merged",
        "models_total": "formula_without_value",
    }


def test_free_text_beside_and_below_the_table_is_never_read(edited):
    def write(sheet):
        sheet.cell(row_of(sheet, "#end") + 6, 5).value = 12345
        sheet.cell(row_of(sheet, "households_total"), 9).value = "ghi chú riêng"

    file = edited(write)
    assert (file.status, checks_of(file)) == ("accepted", set())
    assert "riêng" not in repr(file)


def test_a_signed_name_stops_the_file_before_anything_of_it_is_stored(edited):
    def sign(sheet):
        sheet.cell(row_of(sheet, "#end") + 6, 3).value = "Nguyễn Văn A"

    file = edited(sign)
    assert (file.status, file.storage, file.submissions) == ("refused", "nothing", [])
    assert checks_of(file) == {"no_signatures"}
    assert "Nguyễn" not in repr(file)


def test_stamps_that_differ_are_told_by_what_differs(form_file, commune, period):
    other = load_register().at("15154", period.end)
    path = form_file()
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    sheet["A1"] = sheet["A1"].value.replace(commune.area_key, other.area_key)
    book.save(path)
    (finding,) = read_file(path, path.name).submissions[0].findings
    assert f"“{other.name_vi} (15127)”" in finding.message_vi
    assert f"“{commune.name_vi} (15127)”" in finding.message_vi


def test_an_id_in_hundreds_of_rows_is_told_in_one_line(edited):
    def repeat(sheet):
        for row in range(200, 500):
            sheet[f"A{row}"], sheet[f"E{row}"] = "households_total", row

    (finding,) = [item for item in edited(repeat).submissions[0].findings if item.severity == "held"]
    assert finding.check_name == "indicator_appears_once"
    assert len(finding.message_vi) < 300
