"""A review workbook through LibreOffice and back: what was locked is still what was issued, and answers are read."""

from datetime import datetime
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from shown_periods import figure, question, show

from tuquan import warehouse
from tuquan.issued_workbooks import issue
from tuquan.returned_workbooks import Sent, judge_return
from tuquan.workbook.reading import read_file

LONGEST = "Thị trấn Nông trường Việt Trung (phần trước ngày 01/7/2025) – Điểm giao dịch số 2"
ODD = '=cmd() +1 @x <script> #read("x")'


@pytest.mark.parametrize("kind", ["xlsx", "ods", "xls"])
def test_a_workbook_that_libreoffice_saved_is_what_was_issued(home, converted, tmp_path, kind):
    figures = [
        figure(2, obs_value=12345678, indicator_name_vi=ODD),
        figure(
            3,
            obs_value=Decimal("12.3"),
            district=None,
            previous=None,
            expected_low=None,
            decimals=1,
            indicator="pct_households_pledged",
        ),
    ]
    several = question(2, area_name_vi=LONGEST, message_vi=ODD, figures=figures)
    seen = show([question(1, severity="critical"), several, *(question(number, is_needed=False) for number in (4, 5))])
    book = openpyxl.load_workbook(BytesIO(issue(seen, "can-bo")))
    sheet = book.worksheets[0]
    columns = {cell.value: cell.column for cell in sheet[1]}
    rows = {row[0].value: row[0].row for row in sheet.iter_rows(max_col=1)}
    answers = {1: ("Sửa", 36, "Gõ thừa"), 2: ("Sửa", 1288, ODD[1:]), 3: (None, 12.5, None)}
    for number, (choice, value, reason) in answers.items():
        for tag, written in (("#choice", choice), ("#value", value), ("#reason", reason)):
            sheet.cell(rows[f"{number:032x}"], columns[tag]).value = written
    book.save(tmp_path / "so-duyet.xlsx")
    path = converted(tmp_path / "so-duyet.xlsx", kind)
    read = read_file(path, path.name)
    assert (read.file_format, read.findings) == ("review_workbook", [])
    with warehouse.connect() as connection:  # in which nothing was built: that is said after all else was found right
        returned = judge_return(connection, Sent(1, path.name, "0" * 64, datetime(2026, 12, 2), read.review))  # noqa: DTZ001
    told = [(one.check_name, one.message_vi.partition(" · ")[2][:5]) for one in returned.findings]
    assert told == [("review_figure_is_as_seen", "câu 1"), ("review_figure_is_as_seen", "câu 2")]
    assert returned.record["undecided"] == 2
