"""Forms that were copied, retyped and rearranged: what is certain is read, what is not is held with a question."""

import openpyxl
import pytest

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.workbook.reading import read_file


def checks_of(file):
    return {finding.check_name for each in (file, *file.submissions) for finding in each.findings}


def figures_of(submission):
    return {cell.indicator: cell.obs_value for cell in submission.cells if cell.status == "read"}


@pytest.fixture
def copied(tmp_path, commune, period):
    """A clerk's own sheet: heads, the names of all asked indicators, and a figure for each; ``change`` spoils it."""

    def copy(change=None, *, lines=None, heads=("STT", "Chỉ tiêu", "Đơn vị tính", "Kỳ này"), name="a.xlsx"):
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "Báo cáo"
        district = load_register().parents(commune, period.end)[0]
        for line in lines or (
            [district.name_vi.upper(), None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"],
            [f"Đơn vị báo cáo: {commune.name_vi}"],
            ["Kỳ báo cáo: Năm 2021 (từ ngày 15/12/2020 đến ngày 14/12/2021)"],
        ):
            sheet.append(line)
        sheet.append([])
        sheet.append(list(heads))
        for number, item in enumerate(load_catalogue().on_form("TQ01", period), start=1):
            texts = {
                "STT": number,
                "Chỉ tiêu": item.name_vi,
                "Đơn vị tính": item.unit_measure,
                "Mã chỉ tiêu": item.indicator,
            }
            sheet.append([texts.get(head, min(number, int(item.value_max or number))) for head in heads])
        if change:
            change(sheet)
        path = tmp_path / "copy.xlsx"
        book.save(path)
        return read_file(path, name)

    return copy


def row_called(sheet, name):
    return next(row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 2).value == name)


def test_a_copy_without_hidden_stamps_is_read_by_what_is_printed_on_it(copied, commune, period):
    file = copied()
    (submission,) = file.submissions
    assert (submission.area_key, submission.time_period, file.status) == (commune.area_key, "2021", "accepted")
    assert checks_of(file) == {"form_is_stamped"}
    assert set(figures_of(submission)) == {item.indicator for item in load_catalogue().on_form("TQ01", period)}
    assert figures_of(submission)["households_total"] == "2"


def test_the_same_figures_are_read_wherever_the_table_stands(copied):
    def shift(sheet):
        sheet.insert_rows(1, 4)
        sheet.insert_cols(1, 3)

    assert figures_of(copied(shift).submissions[0]) == figures_of(copied().submissions[0])


def test_rows_in_another_order_and_with_numbers_in_front_are_the_same_rows(copied):
    def reverse(sheet):
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(6, sheet.max_row)]
        for row, values in enumerate(reversed(rows), start=6):
            for column, value in enumerate(values, start=1):
                sheet.cell(row, column).value = f"{row - 5}. {value}" if column == 2 else value

    assert figures_of(copied(reverse).submissions[0]) == figures_of(copied().submissions[0])


def test_a_head_of_two_lines_and_a_line_of_column_signs_are_heads(copied):
    def two_lines(sheet):
        sheet.insert_rows(6, 2)
        sheet["D5"], sheet["D6"] = "Thực hiện", "Kỳ này"
        for column, sign in zip("ABCD", ("A", "B", "C", 1), strict=True):
            sheet[f"{column}7"] = sign
        sheet.merge_cells("B5:B6")
        sheet.merge_cells("A5:A6")
        sheet.merge_cells("C5:C6")

    file = copied(two_lines)
    assert (file.status, figures_of(file.submissions[0])) == ("accepted", figures_of(copied().submissions[0]))


def test_rows_are_known_by_codes_where_a_column_holds_them(copied):
    file = copied(heads=("STT", "Mã chỉ tiêu", "Số liệu"), lines=(["Mã đơn vị: 15127"], ["Kỳ báo cáo: 2021"]))
    assert file.status == "accepted"
    assert figures_of(file.submissions[0]) == figures_of(copied().submissions[0])


def test_a_word_and_its_value_may_stand_in_two_cells(copied):
    file = copied(lines=(["Mã đơn vị", None, "15127"], ["Kỳ báo cáo:", "Năm 2021"]))
    assert (file.status, file.submissions[0].ref_area) == ("accepted", "15127")


@pytest.mark.parametrize(
    ("lines", "check"),
    [
        # Xã Cẩm Thành lies in Cẩm Thủy, and another one in Cẩm Xuyên (Hà Tĩnh).
        ((["Đơn vị báo cáo: Xã Cẩm Thành"], ["Kỳ báo cáo: Năm 2021"]), "area_is_stated"),
        ((["Đơn vị báo cáo: Xã Cam Thanh"], ["HUYỆN CẨM THỦY"], ["Kỳ báo cáo: Năm 2021"]), "area_is_known"),
        ((["Đơn vị báo cáo: Huyện Cẩm Thủy"], ["TỈNH THANH HÓA"], ["Kỳ báo cáo: Năm 2021"]), "area_is_a_commune"),
        ((["Mã đơn vị: 390"], ["Kỳ báo cáo: Năm 2021"]), "area_is_a_commune"),
        ((["Mã đơn vị: 99999"], ["Kỳ báo cáo: Năm 2021"]), "area_is_known"),
        ((["Mã đơn vị: 15127"], ["Đơn vị báo cáo: Xã Cẩm Tú"], ["Kỳ báo cáo: Năm 2021"]), "stamps_agree"),
        ((["Mã đơn vị: 15127"], ["Mã đơn vị: 15154"], ["Kỳ báo cáo: Năm 2021"]), "area_is_stated"),
        ((["Mã đơn vị: 15127"],), "period_is_stated"),
        ((["Mã đơn vị: 15127"], ["Kỳ báo cáo: 9 tháng năm 2021"]), "period_is_stated"),
        ((["Mã đơn vị: 15127"], ["Kỳ báo cáo: Năm 2021"], ["Kỳ báo cáo: Năm 2020"]), "period_is_stated"),
        ((["Mã đơn vị: 15127"], ["Kỳ báo cáo: Năm 2021 (từ 01/01/2021 đến 31/12/2021)"]), "stamps_agree"),
        ((["Đơn vị báo cáo:"], ["Kỳ báo cáo: Năm 2021"]), "area_is_stated"),
    ],
)
def test_a_copy_that_does_not_say_for_certain_whose_it_is_loads_nothing(copied, lines, check):
    file = copied(lines=lines)
    (submission,) = file.submissions
    assert check in checks_of(file)
    assert not submission.is_loadable


@pytest.mark.parametrize(
    "lines",
    [
        (["Đơn vị báo cáo: Xã Cẩm Thành, huyện Cẩm Thuỷ, tỉnh Thanh Hoá"], ["Kỳ báo cáo: 2021"]),
        (["UBND HUYỆN CẨM THỦY"], ["UBND XÃ CẨM THÀNH"], ["Năm 2021"]),
        (["CÔNG AN X. CẨM THÀNH"], ["Kính gửi: Công an huyện Cẩm Thủy"], ["(Năm 2021)"]),
        (["Mã đơn vị: 15133"], ["Kỳ báo cáo: năm  2021."]),
    ],
)
def test_a_name_in_its_parent_or_a_code_is_certain(copied, lines):
    (submission,) = copied(lines=lines).submissions
    assert (submission.ref_area, submission.time_period, submission.is_loadable) == ("15133", "2021", True)


@pytest.mark.parametrize(
    ("name", "is_held"),
    [
        ("a.xlsx", False),
        ("BC xã {own} 2021.xlsx", False),
        ("38 Tỉnh Thanh Hóa/390 Huyện Cẩm Thủy/{own}/bc.xlsx", False),
        ("2022/bc 14-01-2022.xlsx", False),  # the year of a folder, the day of sending
        ("năm 2021, số 14992-BC.xlsx", False),
        ("TQ01 2022 {own}.xlsx", True),
        ("BC tháng 6 năm 2021.xlsx", True),
        ("2020/2021-Q4/bc.xlsx", True),
        ("Xã Cẩm Tú.xlsx", True),
        ("15154 bc.xlsx", True),
        ("391 Huyện Ngọc Lặc/bc.xlsx", True),
        ("40 Tỉnh Nghệ An/bc.xlsx", True),
    ],
)
def test_names_of_files_and_folders_can_only_contradict(copied, commune, name, is_held):
    file = copied(name=name.format(own=commune.name_vi))
    assert ("name_agrees_with_sheet" in checks_of(file), file.submissions[0].is_loadable) == (is_held, not is_held)


def test_a_head_that_stands_twice_is_no_head(copied):
    file = copied(heads=("STT", "Chỉ tiêu", "Đơn vị tính", "Kỳ này", "Trong kỳ"))
    assert (checks_of(file), file.submissions[0].cells) == ({"form_is_stamped", "columns_are_in_place"}, [])


def test_a_total_row_of_the_clerks_own_is_asked_about_and_the_rest_is_read(copied):
    file = copied(lambda sheet: sheet.append([None, "Tổng cộng", None, 999]))
    assert (file.status, checks_of(file)) == ("held", {"form_is_stamped", "row_is_in_the_catalogue"})
    assert figures_of(file.submissions[0]) == figures_of(copied().submissions[0])


def test_another_unit_than_the_catalogues_is_held_for_that_row(copied):
    def in_thousands(sheet):
        sheet.cell(row_called(sheet, "Tổng số hộ"), 3).value = "nghìn hộ"

    file = copied(in_thousands)
    assert "households_total" not in figures_of(file.submissions[0])
    assert "row_says_what_its_id_says" in checks_of(file)


def test_a_row_whose_hidden_id_was_lost_is_read_by_its_name(edited):
    def forget(sheet):
        for row in range(1, sheet.max_row + 1):
            if sheet.cell(row, 1).value == "households_total":
                sheet.cell(row, 1).value = None

    file = edited(forget)
    assert (file.status, figures_of(file.submissions[0])["households_total"]) == ("accepted", "1288")


def test_document_properties_identify_a_form_whose_hidden_cells_were_deleted(edited, commune):
    def delete(sheet):
        sheet.delete_rows(1)
        sheet.delete_cols(1)

    file = edited(delete)
    assert (file.status, file.submissions[0].area_key) == ("accepted", commune.area_key)
    assert figures_of(file.submissions[0])["households_total"] == "1288"


def test_two_forms_of_different_communes_on_one_sheet_are_held(edited):
    def paste(sheet):
        stamp = sheet["A1"].value
        sheet.cell(sheet.max_row + 2, 1).value = stamp.replace("15127", "15154")

    file = edited(paste)
    assert (checks_of(file), file.submissions[0].is_loadable) == ({"stamps_agree"}, False)


def test_a_dictionary_of_words_is_no_form(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Chỉ tiêu", "Kỳ này"])
    book.active.append(["Doanh thu", 5])
    book.save(tmp_path / "khac.xlsx")
    assert checks_of(read_file(tmp_path / "khac.xlsx", "khac.xlsx")) == {"form_is_known", "sheet_is_a_form"}
