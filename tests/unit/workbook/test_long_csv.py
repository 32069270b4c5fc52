import pytest

from tuquan.workbook.reading import read_file

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
    assert file.file_format == "long_csv"
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
        ("a,b\n1,2\n", "csv_has_the_required_columns"),
        (HEAD.replace(",", ";") + "15127;2021;households_total;1\n", "file_format_is_supported"),
        (HEAD.replace(",", "\t"), "file_format_is_supported"),
        ((HEAD + "15127,2021,households_total,đã\n").encode("cp1258", "replace"), "file_format_is_supported"),
        ((HEAD + "15127,2021,households_total,1\n").encode("utf-16"), "file_format_is_supported"),
        (HEAD.encode() + b"x" * 5000 + b"\0", "file_format_is_supported"),
        (HEAD + 'a,"' + "x" * 9_000_000, "csv_lines_are_well_formed"),
        (HEAD + "x" * 11_000_000, "file_is_of_a_safe_size"),
        (HEAD + "1,2,3,4\n" * 100_001, "file_is_of_a_safe_size"),
        ("\n\n", "file_format_is_supported"),
        ("Kính gửi ủy ban", "file_format_is_supported"),
        (HEAD + '15127,2021,"households_total"x,1\n', "csv_lines_are_well_formed"),
    ],
)
def test_a_text_that_is_no_long_csv_is_refused_with_its_reason(read, content, check):
    file = read(content)
    assert (file.status, [name for name, _ in findings_of(file)]) == ("refused", [check])


def test_a_head_without_lines_holds_nothing_to_load(read):
    file = read(HEAD)
    assert (file.status, file.submissions, findings_of(file)) == ("held", [], [("form_has_a_figure", None)])
