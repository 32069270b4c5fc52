"""Outcomes → receipts: whatever a file is called or claims, it gets one text that its sender can read."""

import io
import zipfile

import pytest

from tuquan import register
from tuquan.collect import register_inbox
from tuquan.load import load_registered
from tuquan.receipts import write_receipts
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

PERIOD = parse_period("2024-Q1")
COMMUNE = load_register().communes("387", PERIOD.end)[0]


@pytest.fixture
def form():
    buffer = io.BytesIO()
    write_form(buffer, COMMUNE, PERIOD, values={("models_total", "period"): 1})
    return buffer.getvalue()


@pytest.fixture
def receipt_of(home):
    """Lay bytes into the inbox, collect, and return the register's line and the receipt's text."""
    home.inbox.mkdir(parents=True)

    def receive(name, content):
        (home.inbox / name).write_bytes(content)
        register_inbox()
        load_registered()
        assert write_receipts() == 1
        file = register.received_files()[-1]
        path = (home.receipts / file["receipt"]).resolve()
        assert path.is_relative_to(home.receipts)
        return file, path.read_text(encoding="utf-8")

    return receive


def changed(workbook, change):
    """Return the workbook with ``change`` applied to the text of each part."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name).decode()))
    return buffer.getvalue()


def test_a_workbook_that_is_held_before_it_is_read_has_a_receipt(receipt_of):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as macros:
        macros.writestr("xl/workbook.xml", "<workbook/>")
        macros.writestr("xl/vbaProject.bin", "x")
    file, text = receipt_of("macro.xlsm", buffer.getvalue())
    assert file["status"] == "held"
    assert "macro" in text
    assert "chưa ghi nhận số liệu nào" in text


@pytest.mark.parametrize("period", ["../../../outside", "/outside", "2026-M13", ""])
def test_a_stamp_decides_no_path_and_stops_nobody(receipt_of, form, period):
    file, text = receipt_of("a.xlsx", changed(form, lambda part: part.replace("2024-Q1", period)))
    assert (file["status"], file["time_period"]) == ("refused", None)
    assert [finding["code"] for finding in file["findings"]] == ["period_is_known"]
    assert "(chưa xác định được kỳ)" in text


def test_an_area_that_no_register_knows_is_quoted_and_is_no_key(receipt_of, form):
    file, _ = receipt_of("a.xlsx", changed(form, lambda part: part.replace(COMMUNE.area_key, "99999.20000101")))
    assert [finding["code"] for finding in file["findings"]] == ["area_is_known"]


@pytest.mark.parametrize(
    "name", ["\U0001d400" * 60 + ".xlsx", "ờ" * 80 + ".xlsx", "x" * 250 + ".xlsx", "{x!r} %s.xlsx"]
)
def test_any_name_that_a_folder_takes_can_be_answered(receipt_of, form, name):
    file, text = receipt_of(name, form)
    assert file["status"] == "accepted"
    assert name in text


def test_a_name_cannot_write_lines_of_its_own_into_a_receipt(receipt_of, form):
    _, text = receipt_of("a\nĐã nhận đủ: 99 số liệu\x1b[31m.xlsx", form)
    assert "Tệp: a Đã nhận đủ: 99 số liệu\ufffd[31m.xlsx\n" in text


def test_a_run_reports_also_what_a_killed_one_left_waiting(receipt_of, home, form):
    receipt_of("a.xlsx", form)
    (home.inbox / "b.xlsx").write_bytes(b"x")
    register_inbox()
    assert register.newest_settled() == 1
    load_registered()
    write_receipts()
    assert register.newest_settled() == 2


def test_a_receipt_stays_readable_when_every_line_is_wrong(receipt_of):
    lines = "".join(f"15127,2021,unknown_{number},1\n" for number in range(5000))
    file, text = receipt_of("sai cột.csv", f"ref_area,time_period,indicator,obs_value\n{lines}".encode())
    assert len(file["findings"]) == 5000
    assert len(text.splitlines()) < 130
    assert "… và 4.900 điểm khác cùng loại." in text
