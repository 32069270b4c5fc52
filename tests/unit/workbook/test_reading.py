"""The content decides what a file is, and every file has an outcome."""

import msgspec
import pytest

from tuquan.workbook import reading
from tuquan.workbook.reading import read_file
from tuquan.workbook.submission import ReadFile

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "check", "reason"),
    [
        (b"", "file_is_not_empty", ""),
        (b"%PDF-1.7\n...", "file_format_is_supported", "PDF"),
        (b"\n<html><table><tr><td>1</td></tr></table></html>", "file_format_is_supported", "trang web"),
        (b'<?xml version="1.0"?><Workbook/>', "file_format_is_supported", "XML"),
        (b"\x89PNG\r\n\x1a\n", "file_format_is_supported", "ảnh"),
        (b"{\\rtf1 x}", "file_format_is_supported", "RTF"),
        (b"PK\x03\x04 and nothing else", "file_is_a_readable_workbook", "nén"),
        (OLE + b"\0" * 600, "file_format_is_supported", ".xls"),
        (b"\0\1\2\3" * 99, "file_format_is_supported", "loại tệp"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_reason(tmp_path, content, check, reason):
    path = tmp_path / "x"
    path.write_bytes(content)
    file = read_file(path, "bao cao.xlsx")
    (finding,) = file.findings
    assert (file.status, file.submissions, finding.check_name) == ("refused", [], check)
    assert "bao cao.xlsx" in finding.message_vi
    assert reason in finding.message_vi


def test_a_workbook_with_a_password_is_held_and_told_apart_from_an_old_workbook(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600)
    file = read_file(path, "bieu.xlsx")
    assert (file.status, file.findings[0].check_name) == ("held", "workbook_is_not_encrypted")


def test_the_name_of_a_file_decides_nothing(form_file, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(form_file().read_bytes())
    assert read_file(path, "{{ ds }}.csv").file_format == "tq01_xlsx"


def test_an_error_of_ours_becomes_a_refusal_and_a_line_in_the_log(form_file, monkeypatch, caplog):
    def broken(*_, **__):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(reading, "read_form", broken)
    file = read_file(form_file(), "bieu.xlsx")
    assert (file.status, file.findings[0].check_name) == ("refused", "file_is_a_readable_workbook")
    assert "ZeroDivisionError" in caplog.text


def test_what_was_read_travels_as_json(form_file):
    file = read_file(form_file({("population_total", "period"): "~500"}), "bieu.xlsx")
    assert msgspec.json.decode(msgspec.json.encode(file), type=ReadFile) == file


def test_a_telephone_number_stops_the_file_and_is_quoted_nowhere(form_file):
    file = read_file(form_file({("population_total", "period"): "gọi 0912 345 678"}), "bieu 0912345678.xlsx")
    assert (file.status, file.storage) == ("refused", "nothing")
    assert "345" not in repr(file)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b'{"nguoi": "Ho va ten", "dien_thoai": "0912 345 678"}'),  # JSON, but no report
        ("a.xls", "<html><table><tr><td>Số CCCD: 038099123456</td></tr></table></html>".encode()),
        ("a.txt", "Liên hệ: nguyen.van.a@example.org".encode("utf-16")),
        ("Báo cáo (TUYỆT MẬT).pdf", b"%PDF-1.7 stream"),
    ],
)
def test_what_no_reader_takes_is_kept_nowhere_when_it_shows_personal_data_or_a_secrecy_stamp(tmp_path, name, content):
    (tmp_path / "file").write_bytes(content)
    file = read_file(tmp_path / "file", name)
    assert (file.status, file.storage) == ("refused", "nothing")
    assert not {"0912", "0380", "example"} & set(repr(file).split())


@pytest.mark.parametrize("content", [b"%PDF-1.7 stream", b"\x89PNG\r\n\x1a\n", b"<html><body>x</body></html>"])
def test_what_no_reader_takes_is_kept_apart(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    file = read_file(tmp_path / "file", "bieu.xlsx")
    assert (file.status, file.storage) == ("refused", "quarantine")


def test_metadata_of_a_survey_is_screened_too(tmp_path):
    text = '{"ref_area": "15127", "time_period": "2021", "households_total": 5, "_submitted_by": "0912345678"}'
    (tmp_path / "file").write_text(text)
    file = read_file(tmp_path / "file", "a.json")
    assert (file.status, file.storage) == ("refused", "nothing")


@pytest.mark.parametrize(
    "beginning", [b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08", b"PK\x05\x06" + bytes(18)]
)
def test_an_archive_of_any_kind_waits_for_its_sender_to_unpack_it(tmp_path, beginning):
    (tmp_path / "x").write_bytes(beginning)
    file = read_file(tmp_path / "x", "các xã.xlsx")
    assert (file.status, file.storage) == ("held", "quarantine")
    assert [finding.check_name for finding in file.findings] == ["archive_is_unpacked"]


def test_figures_beside_a_column_of_unknown_encoding_are_read_and_their_file_is_kept_apart(tmp_path):
    lines = [b"ref_area,time_period,indicator,obs_value,ghi_chu", b"15127,2021,households_total,1288,\x81\x8d\x8f"]
    (tmp_path / "file").write_bytes(b"\n".join(lines))
    file = read_file(tmp_path / "file", "a.csv")
    (submission,) = file.submissions
    assert [cell.obs_value for cell in submission.cells] == ["1288"]
    assert file.storage == "quarantine"
