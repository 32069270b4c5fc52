import csv
import io
import time

import openpyxl
import pytest

from tuquan.workbook.container import UnreadableFile
from tuquan.workbook.delimited import read_delimited
from tuquan.workbook.reading import read_file
from tuquan.workbook.written import Records, Workbook

HEAD = "ref_area{0}time_period{0}indicator{0}obs_value\n"
LINE = "15127{0}2021{0}households_total{0}1288\n"


@pytest.fixture
def opened(tmp_path):
    def open_text(text, encoding="utf-8"):
        path = tmp_path / "tep.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_delimited(path)

    return open_text


@pytest.fixture
def saved_as_text(form_file, tmp_path):
    """Writes a form and saves it as a spreadsheet program saves a sheet as text: shown values, hidden cells too."""

    def save(separator, encode, values=None):
        sheet = openpyxl.load_workbook(form_file(values)).active
        lines = io.StringIO(newline="")
        writer = csv.writer(lines, delimiter=separator, lineterminator="\r\n")
        for row in sheet.iter_rows():
            writer.writerow(["" if cell.value is None else shown(cell) for cell in row])
        path = tmp_path / "bieu.csv"
        path.write_bytes(encode(lines.getvalue()))
        return read_file(path, path.name)

    return save


def shown(cell):
    is_grouped = isinstance(cell.value, int) and "#,##0" in cell.number_format
    return f"{cell.value:,}".replace(",", ".") if is_grouped else str(cell.value)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_records_are_read_with_any_separator_in_any_unicode(opened, separator, encoding):
    records = opened((HEAD + LINE).format(separator), encoding)
    assert isinstance(records, Records)
    assert records.rows == [("dòng 2", ["15127", "2021", "households_total", "1288"])]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_first_line_of_a_spreadsheet_program_may_name_the_separator(opened, separator):
    records = opened((f"sep={separator}\n" + HEAD + LINE).format(separator))
    assert records.rows[0][0] == "dòng 3"


def test_old_line_ends_and_lines_within_quotes_are_counted_as_they_are_shown(opened):
    text = "ghi_chu," + HEAD.format(",") + '"hai\ndòng",' + LINE.format(",") + "x," + LINE.format(",")
    assert [place for place, _ in opened(text).rows] == ["dòng 3", "dòng 4"]
    assert len(opened(text.replace("\n", "\r")).rows) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1258", "tcvn3", "vni"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_form_saved_as_text_is_read_like_the_form(saved_as_text, encode, separator, encoding):
    file = saved_as_text(separator, lambda text: encode(text, encoding), {("propaganda_sessions", "year_to_date"): 12})
    (submission,) = file.submissions
    assert (file.file_format, submission.ref_area, submission.time_period) == ("csv", "15127", "2021")
    read = {(cell.indicator, cell.measure): cell.obs_value for cell in submission.cells if cell.status == "read"}
    assert read == {("households_total", "period"): "1288", ("propaganda_sessions", "year_to_date"): "12"}
    assert file.status == "accepted"


def test_a_figure_of_a_form_saved_as_text_is_named_by_its_cell(saved_as_text):
    file = saved_as_text(";", str.encode, {("population_total", "period"): "~5"})
    (finding,) = [item for item in file.submissions[0].findings if item.check_name == "value_is_a_number"]
    assert finding.message_vi.startswith(f"Biểu CSV, ô {finding.cell}")


def test_a_comma_between_semicolons_marks_decimals(saved_as_text):
    file = saved_as_text(";", str.encode, {("population_total", "period"): "58,1"})
    (cell,) = [cell for cell in file.submissions[0].cells if cell.raw_text == "58,1"]
    assert (cell.status, cell.reading_rule) == ("held", "decimals_in_a_count")


def test_what_looks_like_a_formula_is_text(opened):
    workbook = opened("Chỉ tiêu;Kỳ này\nTổng số hộ;=1+1\n")
    assert isinstance(workbook, Workbook)
    cell = workbook.sheets[0].cells["B2"]
    assert (cell.raw_text, cell.raw_type, cell.is_formula) == ("=1+1", "text", False)


def test_blank_fields_are_no_cells(opened):
    workbook = opened("\n;;Chỉ tiêu;Kỳ này\n;; ;5\n")
    assert list(workbook.sheets[0].cells) == ["C2", "D2", "D3"]


def test_a_column_of_other_text_in_an_unknown_encoding_is_not_read_and_named(tmp_path):
    path = tmp_path / "so-lieu.csv"
    path.write_bytes(b"ref_area,time_period,indicator,obs_value,ghi_chu\n15127,2021,households_total,1288,caf\xe9\n")
    file = read_file(path, path.name)
    assert file.submissions[0].cells[0].obs_value == "1288"
    assert [finding.as_written for finding in file.findings] == ["ghi_chu"]


@pytest.mark.parametrize(
    "line", [b"15127,2021,households_total,caf\xe9\n", b"\xe9,2021,households_total,5\n", b"15127,2021,\xe9,5\n"]
)
def test_an_unknown_encoding_in_a_column_that_is_read_is_not_guessed(opened, line):
    with pytest.raises(UnreadableFile) as error:
        opened(b"ref_area,time_period,indicator,obs_value\n15127,2021,households_total,1\n" + line)
    assert error.value.check == "text_encoding_is_known"


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("Kính gửi ủy ban nhân dân\nXin báo cáo\n", "file_format_is_supported"),
        ("\n\n \n", "file_format_is_supported"),
        ('Chỉ tiêu;Kỳ này\nTổng số hộ;"5\n', "csv_lines_are_well_formed"),
        ("Chỉ tiêu;Kỳ này\n" + "a;5\n" * 20_001, "file_is_of_a_safe_size"),
        ("Chỉ tiêu;Kỳ này\n" + "a;" * 500 + "\n", "file_is_of_a_safe_size"),
        (HEAD.format(";") + "a;" * 500 + "\n", "file_is_of_a_safe_size"),
        ("Chỉ tiêu;Kỳ này\n" + "a" * 40_000 + ";5\n", "file_is_of_a_safe_size"),
        ("Chỉ tiêu;Kỳ này\n" + (";".join("x" * 390) + "\n") * 300, "file_is_of_a_safe_size"),
    ],
)
def test_a_text_without_a_table_is_refused_with_its_reason(opened, text, check):
    with pytest.raises(UnreadableFile) as error:
        opened(text)
    assert error.value.check == check


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "Gửi ủy ban, kính mong\nxem, giúp\n"])
def test_a_table_that_is_not_ours_becomes_a_sheet_and_no_figures(tmp_path, text):
    path = tmp_path / "tep.csv"
    path.write_text(text)
    file = read_file(path, path.name)
    assert (file.status, file.submissions) == ("refused", [])


def test_wrongly_decoded_text_is_held_or_refused_and_never_guessed(saved_as_text):
    file = saved_as_text(",", lambda text: text.encode().decode("latin-1").encode())
    assert not any(item.is_loadable for item in file.submissions)


def test_many_lines_are_refused_without_reading_them_all(opened):
    begin = time.monotonic()
    for text in ("a;b\n" * 2_000_000, HEAD.format(",") + "," * 9_000_000, "\n" * 9_000_000 + "a;b"):
        with pytest.raises(UnreadableFile):
            opened(text)
    assert time.monotonic() - begin < 3
