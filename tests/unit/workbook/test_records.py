from datetime import date

import openpyxl
import pytest

from tuquan.workbook.reading import read_file
from tuquan.workbook.records import records_of_sheet
from tuquan.workbook.written import Sheet, WrittenCell

HEAD = "ref_area,time_period,indicator,obs_value\n"


@pytest.fixture
def read(tmp_path):
    def read_text(text, encoding="utf-8"):
        path = tmp_path / "so-lieu.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_file(path, "so-lieu.csv")

    return read_text


def findings_of(file):
    return [(item.check_name, item.cell) for owner in (file, *file.submissions) for item in owner.findings]


def test_lines_of_one_area_and_period_become_one_submission(read):
    file = read(
        HEAD
        + "15127,2021,households_total,1288\n15127,2021,population_total,5000\n15133,2021,households_total,900\n"
        + "15127,2021-Q4,security_order_teams,7\n"
    )
    assert file.file_format == "csv"
    assert [(item.ref_area, item.time_period, len(item.cells)) for item in file.submissions] == [
        ("15127", "2021", 2),
        ("15133", "2021", 1),
        ("15127", "2021-Q4", 1),
    ]
    assert file.submissions[0].area_key == "15127.20191201"
    assert file.submissions[0].cells[1].cell == "dòng 3"
    assert file.status == "accepted"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_columns_may_come_in_any_order_and_with_a_byte_order_mark(read, encoding):
    file = read("obs_value,indicator,ghi_chu,ref_area,time_period\n12,households_total,x,15127,2021\n", encoding)
    assert file.submissions[0].cells[0].obs_value == "12"
    assert findings_of(file) == [("csv_has_no_other_columns", None)]
    assert file.status == "accepted"


@pytest.mark.parametrize(
    ("written", "value", "status", "rule"),
    [
        ("1.288", "1288", "read", "dots_group_thousands"),
        ('"1,288"', None, "held", "commas_group_thousands"),
        ("12.5", None, "held", "decimals_in_a_count"),
        ("", None, "blank", "blank"),
        ("-5", None, "refused", "negative_text"),
    ],
)
def test_figures_are_text_and_read_by_the_rules_for_text(read, written, value, status, rule):
    (cell,) = read(HEAD + f"15127,2021,households_total,{written}\n").submissions[0].cells
    assert (cell.obs_value, cell.status, cell.reading_rule) == (value, status, rule)


def test_a_code_that_lost_its_zeros_gets_them_back(read):
    file = read(HEAD + "4,2024,households_total,12\n")
    assert file.submissions[0].ref_area == "00004"


def test_a_code_that_may_be_a_district_is_not_guessed(read):
    file = read(HEAD + "390,2021,households_total,12\n15127,2021,households_total,12\n")
    assert findings_of(file) == [("area_is_a_commune", "dòng 2")]
    assert [item.ref_area for item in file.submissions] == ["15127"]
    assert file.status == "held"


def test_a_bad_line_is_named_and_the_others_go_on(read):
    file = read(
        HEAD
        + "99999,2021,households_total,1\n"
        + "15127,2021-M13,households_total,2\n"
        + "15133,2026,households_total,3\n"
        + "15127,2021,so_ho_ngheo,4\n"
        + "15127,2021,protection_teams,5\n"
        + "15127,2021,pct_households_pledged,5\n"
        + "15127,2021\n"
        + "\n"
        + "15127,2021,population_total,5,6\n"
        + "15127,2021,households_total,1288\n"
    )
    assert findings_of(file) == [
        ("area_is_known", "dòng 2"),
        ("period_is_known", "dòng 3"),
        ("area_was_in_force", "dòng 4"),
        ("row_names_area_period_indicator", "dòng 8"),
        ("row_names_area_period_indicator", "dòng 10"),
        ("row_is_in_the_catalogue", "dòng 5"),
        ("indicator_is_in_force", "dòng 6"),
        ("indicator_is_in_force", "dòng 7"),
    ]
    (submission,) = file.submissions
    assert [(cell.indicator, cell.obs_value) for cell in submission.cells] == [("households_total", "1288")]
    assert (file.status, submission.is_loadable) == ("held", True)


def test_an_indicator_asked_once_a_year_has_no_place_in_a_month(read):
    (submission,) = read(HEAD + "15127,2021-M06,organisations_total,4\n").submissions
    assert [item.check_name for item in submission.findings] == ["indicator_is_in_force"]
    assert submission.is_loadable is False


@pytest.mark.parametrize(
    ("second", "status", "values"), [("1288", "accepted", ["1288"]), ("1300", "held", [None, None])]
)
def test_a_key_twice_is_read_once_when_both_lines_agree_and_held_when_not(read, second, status, values):
    file = read(HEAD + f"15127,2021,households_total,1288\n15127,2021,households_total,{second}\n")
    (submission,) = file.submissions
    assert submission.status == status
    assert [cell.obs_value for cell in submission.cells] == values
    assert findings_of(file) == ([("indicator_appears_once", "dòng 3")] if status == "held" else [])


def test_a_finding_names_file_and_line_and_no_cell(read):
    (submission,) = read(HEAD + "15127,2021,households_total,~5\n").submissions
    message = submission.findings[0].message_vi
    assert message.startswith("Tệp ")
    assert ", dòng 2 (Tổng số hộ): ghi “~5”" in message
    assert "ô dòng" not in message


def test_a_line_of_an_unknown_area_is_named_by_its_number(read):
    file = read(HEAD + "15127,2021,households_total,5\n99999,2021,households_total,5\n")
    assert ", dòng 3: không tìm thấy đơn vị “99999”" in file.findings[0].message_vi


@pytest.mark.parametrize(
    ("content", "check"),
    [
        ("ref_area,time_period,indicator\n15127,2021,households_total\n", "csv_has_the_required_columns"),
        ("ref_area,time_period\n15127,2021\n", "csv_has_the_required_columns"),
        (HEAD.strip() + ",obs_value\n15127,2021,households_total,1,2\n", "columns_are_named_once"),
        ("ref_area,time_period,households_total,households_total\n15127,2021,1,2\n", "columns_are_named_once"),
        ((HEAD + "15127,2021,households_total,đã\n").encode("cp1258", "replace"), "text_encoding_is_known"),
        (HEAD.encode() + b"x" * 5000 + b"\0", "file_format_is_supported"),
        (HEAD + 'a,"' + "x" * 200_000, "csv_lines_are_well_formed"),
        (HEAD + "x" * 11_000_000, "file_is_of_a_safe_size"),
        (HEAD + "1,2,3,4\n" * 100_001, "file_is_of_a_safe_size"),
        (HEAD.strip() + ",x" * 400 + "\n", "file_is_of_a_safe_size"),
        ("\n\n", "file_format_is_supported"),
        ("Kính gửi ủy ban", "file_format_is_supported"),
        (HEAD + '15127,2021,"households_total"x,1\n', "csv_lines_are_well_formed"),
    ],
)
def test_a_text_whose_records_cannot_be_told_is_refused_with_its_reason(read, content, check):
    file = read(content)
    assert (file.status, [name for name, _ in findings_of(file)]) == ("refused", [check])


def test_a_head_without_lines_holds_nothing_to_load(read):
    file = read(HEAD)
    assert (file.status, file.submissions, findings_of(file)) == ("held", [], [("form_has_a_figure", None)])


def figures_of(file):
    return [
        (item.ref_area, cell.indicator, cell.measure, cell.obs_value, cell.status)
        for item in file.submissions
        for cell in item.cells
    ]


def test_a_wide_table_has_one_column_per_indicator(read):
    file = read(
        "ref_area,time_period,households_total,Population_Total,propaganda_sessions,propaganda_sessions__year_to_date,ten\n"
        "15127,2021,1.288,,7,12,Xã\n15133,2021,900,2500,,,\n"
    )
    assert figures_of(file) == [
        ("15127", "households_total", "period", "1288", "read"),
        ("15127", "population_total", "period", None, "blank"),
        ("15127", "propaganda_sessions", "period", "7", "read"),
        ("15127", "propaganda_sessions", "year_to_date", "12", "read"),
        ("15133", "households_total", "period", "900", "read"),
        ("15133", "population_total", "period", "2500", "read"),
        ("15133", "propaganda_sessions", "period", None, "blank"),
        ("15133", "propaganda_sessions", "year_to_date", None, "blank"),
    ]
    assert findings_of(file) == [("csv_has_no_other_columns", None), ("number_was_read_with_a_note", "dòng 2")]
    assert file.status == "accepted"


def test_a_wide_column_that_the_period_does_not_ask_is_a_question_only_when_it_is_filled(read):
    file = read("ref_area,time_period,households_total,organisations_total\n15127,2021-S1,5,\n15133,2021-S1,5,3\n")
    assert findings_of(file) == [("indicator_is_in_force", "dòng 3")]
    assert len(figures_of(file)) == 2


def test_a_wide_line_that_was_cut_is_not_read(read):
    file = read("ref_area,time_period,households_total,population_total\n15127,2021,1288\n")
    assert (file.submissions, findings_of(file)) == ([], [("row_names_area_period_indicator", "dòng 2")])


def test_two_wide_lines_of_one_area_that_differ_are_held(read):
    file = read("ref_area,time_period,households_total,population_total\n15127,2021,5,9\n15127,2021,6,9\n")
    assert [(cell.indicator, cell.status) for cell in file.submissions[0].cells] == [
        ("households_total", "held"),
        ("population_total", "read"),
        ("households_total", "held"),
    ]


def test_the_same_figure_in_two_ways_of_writing_is_one_figure(read):
    file = read(HEAD + "15127,2021,households_total,1288\n15127,2021,households_total,1.288\n")
    assert [cell.obs_value for cell in file.submissions[0].cells] == ["1288"]


def test_lines_of_one_area_may_stand_far_apart(read):
    lines = [f"{area},2021,{code},5\n" for code in ("households_total", "population_total") for area in (15127, 15133)]
    assert [(item.ref_area, len(item.cells)) for item in read(HEAD + "".join(lines)).submissions] == [
        ("15127", 2),
        ("15133", 2),
    ]


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        ("", ("period", "5")),
        ("period", ("period", "5")),
        ("year_to_date", ("year_to_date", "5")),
        ("Kỳ này", ("period", "5")),
        ("lũy kế từ đầu năm", ("year_to_date", "5")),
    ],
)
def test_a_measure_tells_the_period_from_the_year_to_date(read, measure, told):
    file = read(HEAD.strip() + f",measure\n15127,2021,propaganda_sessions,5,{measure}\n")
    assert [(cell.measure, cell.obs_value) for cell in file.submissions[0].cells] == [told]


@pytest.mark.parametrize(
    ("indicator", "measure", "check"),
    [
        ("propaganda_sessions", "total", "measure_is_known"),
        ("households_total", "year_to_date", "value_stands_in_an_input_cell"),
    ],
)
def test_a_measure_that_nobody_asked_is_not_read(read, indicator, measure, check):
    file = read(HEAD.strip() + f",measure\n15127,2021,{indicator},5,{measure}\n")
    assert (figures_of(file), findings_of(file)) == ([], [(check, "dòng 2")])


@pytest.mark.parametrize(("form", "status"), [("TQ01", "accepted"), ("", "accepted"), ("TQ99", "refused")])
def test_a_form_column_names_a_form_that_we_know(read, form, status):
    file = read(HEAD.strip() + f",form\n15127,2021,households_total,5,{form}\n")
    assert file.status == status


def test_heads_may_be_the_vietnamese_words_of_the_guide(read):
    file = read("Mã đơn vị;Kỳ báo cáo;Mã chỉ tiêu;Số liệu\n15127;2021;households_total;1.288\n")
    assert figures_of(file) == [("15127", "households_total", "period", "1288", "read")]


def test_a_separator_too_many_at_the_end_of_a_line_says_nothing(read):
    assert figures_of(read(HEAD + "15127,2021,households_total,5,,\n"))[0][3] == "5"


@pytest.fixture
def sheet(tmp_path):
    def read_rows(*rows, change=None):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        if change:
            change(book.active)
        book.save(tmp_path / "so-lieu.xlsx")
        return read_file(tmp_path / "so-lieu.xlsx", "so-lieu.xlsx")

    return read_rows


LONG = ["ref_area", "time_period", "indicator", "obs_value"]


def test_a_sheet_of_records_keeps_the_types_of_its_cells(sheet):
    file = sheet(
        LONG,
        ["15127", 2021, "households_total", 1288],
        [15133, 2021, "households_total", 1.288],
        [15136, "2021", "households_total", "1.288"],
    )
    assert figures_of(file) == [
        ("15127", "households_total", "period", "1288", "read"),
        ("15133", "households_total", "period", None, "held"),
        ("15136", "households_total", "period", "1288", "read"),
    ]
    assert [cell.cell for item in file.submissions for cell in item.cells] == ["D2", "D3", "D4"]
    assert findings_of(file)[0] == ("thousands_dot_was_kept", "D3")


def test_a_hidden_row_of_a_sheet_of_records_is_held(sheet):
    def hide(sheet):
        sheet.row_dimensions[2].hidden = True

    file = sheet(LONG, ["15127", 2021, "households_total", 1288], change=hide)
    assert figures_of(file)[0][3:] == (None, "held")


def test_a_date_is_no_period(sheet):
    file = sheet(LONG, ["15127", date(1905, 7, 13), "households_total", 5])
    assert findings_of(file) == [("period_is_known", "A2")]


def test_rows_below_the_title_of_a_sheet_are_no_records():
    cells = {
        address: WrittenCell("Biểu", address, text, "text", None, False, False, False)
        for address, text in (("A1", "Báo cáo"), ("A2", "ref_area"), ("B2", "time_period"), ("C2", "households_total"))
    }
    assert records_of_sheet(Sheet("Biểu", "visible", cells)) is None


def test_two_sheets_of_records_for_one_area_and_period_are_held(tmp_path):
    book = openpyxl.Workbook()
    for sheet, value in ((book.active, 5), (book.create_sheet("Hai"), 6)):
        sheet.append(LONG)
        sheet.append(["15127", 2021, "households_total", value])
    book.save(tmp_path / "so-lieu.xlsx")
    file = read_file(tmp_path / "so-lieu.xlsx", "so-lieu.xlsx")
    assert [item.is_loadable for item in file.submissions] == [False, False]
    assert {name for name, _ in findings_of(file)} == {"one_sheet_per_area_and_period"}
