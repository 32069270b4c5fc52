"""Outcomes → receipts: whatever a file is called or claims, it gets one text that its sender can read."""

import io
import zipfile
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import openpyxl
import pytest

from tuquan import outbox, register, warehouse
from tuquan.collect import Delivery, Reply, receive, register_inbox
from tuquan.load import load_registered
from tuquan.receipts import write_receipts
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.duties import last_owed_period
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import in_vietnam, period_vi
from tuquan.workbook.evidence import read_workbook
from tuquan.workbook.reading import read_file
from tuquan.workbook.stamp import stamp_from_properties
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


def paths_of(home, pattern):
    return sorted(str(path.relative_to(home.receipts)) for path in home.receipts.rglob(pattern))


def filled(values, area=COMMUNE, period=PERIOD):
    buffer = io.BytesIO()
    write_form(buffer, area, period, values=values)
    return buffer.getvalue()


def noted(path):
    """Value and note of each cell with a note."""
    (sheet,) = openpyxl.load_workbook(path)
    cells = (cell for row in sheet.iter_rows() for cell in row if cell.comment)
    return {cell.coordinate: (cell.value, cell.comment.text) for cell in cells}


DOUBTFUL = {("security_order_teams", "period"): 7, ("propaganda_sessions", "period"): "1,288"}
CSV = "ref_area,time_period,indicator,obs_value\n" + "".join(
    f'{COMMUNE.ref_area},{PERIOD},{indicator},"{value}"\n'
    for indicator, value in (("security_order_teams", "8"), ("propaganda_sessions", "1,288"), ("mediated_cases", "-3"))
)


def test_a_doubtful_workbook_comes_back_with_notes_beside_its_receipt(receipt_of, home):
    file, text = receipt_of("biểu.xlsx", filled(DOUBTFUL))
    folder = f"2024-Q1/{COMMUNE.ref_area} {COMMUNE.name_vi}"
    assert file["receipt"] == f"{folder}/000001 biểu.xlsx.txt"
    assert file["receipt_workbook"] == f"{folder}/000001 biểu - cần sửa.xlsx"
    assert "tệp “000001 biểu - cần sửa.xlsx”" in text
    ((value, note),) = noted(home.receipts / file["receipt_workbook"]).values()
    assert value == "1,288"
    assert "ghi “1,288”" in note
    assert "ví dụ 1288" in note


@pytest.mark.parametrize(("name", "content"), [("biểu.xlsx", filled(DOUBTFUL)), ("số liệu.csv", CSV.encode())])
def test_what_comes_back_corrected_is_taken(receipt_of, home, name, content):
    file, _ = receipt_of(name, content)
    book = openpyxl.load_workbook(home.receipts / file["receipt_workbook"])
    (sheet,) = book
    for row in sheet.iter_rows():
        for cell in row:
            if cell.comment:
                cell.value = 1288
    corrected = io.BytesIO()
    book.save(corrected)
    again, _ = receipt_of(file["receipt_workbook"].rsplit("/", 1)[-1], corrected.getvalue())
    assert (again["status"], again["version"]) == ("accepted", 2 if file["version"] else 1)


def test_a_good_file_gets_no_workbook(receipt_of, home, form):
    file, text = receipt_of("biểu.xlsx", form)
    assert file["receipt_workbook"] is None
    assert "Kèm theo" not in text
    assert paths_of(home, "*.xlsx") == []


def test_another_format_gets_a_form_with_what_was_read_and_what_is_asked(receipt_of, home):
    file, text = receipt_of("số liệu.csv", CSV.encode())
    assert "số đã đọc được đã điền sẵn" in text
    path = home.receipts / file["receipt_workbook"]
    assert {value for value, _ in noted(path).values()} == {"1,288", "-3"}
    (submission,) = read_file(path, path.name).submissions
    assert (submission.ref_area, submission.time_period) == (COMMUNE.ref_area, "2024-Q1")
    found = {cell.indicator: cell for cell in submission.cells if cell.measure == "period" and cell.raw_text}
    assert found["security_order_teams"].obs_value == "8"
    assert {name for name, cell in found.items() if cell.status != "read"} == {"propaganda_sessions", "mediated_cases"}


@pytest.mark.parametrize("name", ["{code} quý 1 năm 2024.pdf", "2024-Q1/{code}.pdf"])
def test_a_picture_of_a_report_is_answered_with_the_form_that_its_name_asks_for(receipt_of, home, name):
    name = name.format(code=COMMUNE.ref_area)
    (home.inbox / name).parent.mkdir(exist_ok=True)
    file, text = receipt_of(name, b"%PDF-1.4\n%%EOF\n")
    assert file["status"] == "refused"
    assert f"Kèm theo là biểu TQ01 của {COMMUNE.name_vi}, Quý 1 năm 2024" in text
    path = home.receipts / file["receipt_workbook"]
    assert stamp_from_properties(read_workbook(path).properties).area_key == COMMUNE.area_key


def test_a_name_without_a_period_gets_the_form_of_the_period_that_is_owed(receipt_of, home):
    today = in_vietnam(datetime.now(UTC).replace(tzinfo=None)).date()
    owing = next(area for area in load_register().communes("VN", today) if area.ref_area == "00004")
    _, text = receipt_of("00004.pdf", b"%PDF-1.4\n%%EOF\n")
    period = last_owed_period(owing, "TQ01", "administrative", today, load_register())
    assert period.end < today
    assert f"biểu TQ01 của {owing.name_vi}, {period_vi(period)}" in text
    assert "được lập cho kỳ gần nhất" in text


def test_where_nothing_is_known_a_receipt_says_where_a_form_comes_from(receipt_of, home):
    file, text = receipt_of("báo cáo.pdf", b"%PDF-1.4\n%%EOF\n")
    assert file["receipt_workbook"] is None
    assert "đề nghị liên hệ cơ quan cấp trên trực tiếp để nhận biểu TQ01" in text


def test_what_must_not_be_stored_is_answered_by_text_alone(receipt_of, home):
    content = filled({("security_order_teams", "period"): "0900 000 000"})
    file, text = receipt_of(f"{COMMUNE.ref_area} quý 1 năm 2024.xlsx", content)
    assert (file["status"], file["receipt_workbook"]) == ("refused", None)
    assert "0900" not in text


def test_a_workbook_that_only_waits_for_the_office_does_not_come_back(receipt_of, home):
    receipt_of("một.xlsx", filled({("security_order_teams", "period"): 7, ("mediated_cases", "period"): 2}))
    file, _ = receipt_of("hai.xlsx", filled({("security_order_teams", "period"): 7}))
    assert [finding["code"] for finding in file["findings"]] == ["no_figure_is_erased"]
    assert file["receipt_workbook"] is None


def test_a_digest_says_what_came_what_counts_what_is_asked_and_what_waits(receipt_of, home):
    receipt_of("một.xlsx", filled({("security_order_teams", "period"): 7}))
    digest = home.receipts / f"2024-Q1/{COMMUNE.ref_area} {COMMUNE.name_vi}" / "Tổng hợp.txt"
    assert not digest.exists()  # of one report, its receipt says it all
    receipt_of("không đổi.xlsx", filled({("security_order_teams", "period"): 8}))
    assert "không có điểm nào cần làm rõ" in digest.read_text(encoding="utf-8")
    receipt_of("hai.xlsx", filled(DOUBTFUL))
    receipt_of("ba.xlsx", filled({("mediated_cases", "period"): 1}))
    receipt_of("bốn.xlsx", filled(DOUBTFUL))
    text = digest.read_text(encoding="utf-8")
    before, _, after = text.partition("Bản đang dùng: ")
    assert [line.split("“")[1].split("”")[0] for line in before.splitlines() if "“" in line] == [
        *("một.xlsx", "không đổi.xlsx", "hai.xlsx", "ba.xlsx", "bốn.xlsx")
    ]
    assert "trùng với tệp nhận lúc" in before
    current, _, waiting = after.partition("Tệp mới hơn đang chờ")
    assert current.startswith("lần gửi thứ 3, tệp “hai.xlsx”")
    assert "ghi “1,288”" in current
    assert "Tệp: ba.xlsx" in waiting
    assert paths_of(home, "000005*") == [f"2024-Q1/{COMMUNE.ref_area} {COMMUNE.name_vi}/000005 bốn.xlsx.txt"]


def deliveries(channel, files, address):
    """What a channel that can be answered brings: name → content."""
    return [
        Delivery(
            channel=channel,
            identity=name,
            version="1",
            declared_name=name,
            read=lambda most, content=content: content[: most + 1],
            size_bytes=len(content),
            modified_ns=number,
            reply=Reply(address, "Báo cáo\r\nBcc: x@example.org", f"<{number}@example.org>", ""),
        )
        for number, (name, content) in enumerate(files.items(), start=1)
    ]


def test_a_sender_gets_one_mail_per_commune_and_period_and_pass(home):
    other = load_register().communes("387", PERIOD.end)[1]
    files = {
        "một.xlsx": filled({("security_order_teams", "period"): 6}),
        "hai.xlsx": filled(DOUBTFUL),
        "ba.xlsx": filled({("security_order_teams", "period"): 7}, area=other),
    }
    receive(deliveries("mail hop_thu", files, "xa@example.org"))
    receive(deliveries("mail hop_thu", {"bốn.xlsx": files["một.xlsx"] + b" "}, "khac@example.org"))
    receive(deliveries("mail hop_thu", {"năm.xlsx": b"x"}, "mailer-daemon@example.org"))
    load_registered()
    assert write_receipts() == 5
    replies = outbox.waiting_replies()
    assert sorted(reply.address for reply in replies) == ["khac@example.org", "xa@example.org", "xa@example.org"]
    messages = [message_from_bytes(reply.files[0].read_bytes(), policy=default) for reply in replies]
    (mail,) = [message for message in messages if COMMUNE.name_vi in message["Subject"]]
    assert mail["Subject"] == f"Kết quả tiếp nhận: {COMMUNE.name_vi} ({COMMUNE.ref_area}), Quý 1 năm 2024"
    assert (mail["In-Reply-To"], mail["References"]) == ("<2@example.org>", "<1@example.org> <2@example.org>")
    assert [part.get_filename() for part in mail.iter_attachments()] == ["000002 hai - cần sửa.xlsx"]
    body = mail.get_body().get_content()
    assert "Tệp: một.xlsx" in body
    assert "Tệp: hai.xlsx" in body
    assert "Tệp: ba.xlsx" not in body
    assert write_receipts() == 0
    with warehouse.connect() as connection:
        assert connection.execute("select count(*) from meta.replies").fetchone() == (0,)


@pytest.mark.parametrize("channel", ["sftp may_chu", "s3 thung"])
def test_a_storage_gets_receipt_and_workbook(home, channel):
    receive(deliveries(channel, {"xã/hai.xlsx": filled(DOUBTFUL)}, "tra-loi"))
    load_registered()
    write_receipts()
    (reply,) = outbox.waiting_replies(channel)
    assert reply.address == "tra-loi"
    assert sorted(path.name for path in reply.files) == ["000001 hai - cần sửa.xlsx", "000001 hai.xlsx.txt"]


def test_a_receipt_that_asks_for_something_says_until_when_the_report_is_due(receipt_of):
    period = parse_period("2026-Q2")  # ends on 14 June, a Sunday; the country asks for it within three days
    area = load_register().at("15127", period.end)
    due = "Hạn gửi: hết ngày 17/06/2026."
    _, asking = receipt_of("một.xlsx", filled(DOUBTFUL, area, period))
    assert asking.count(due) == 1
    other = load_register().at("15148", period.end)
    _, complete = receipt_of("hai.xlsx", filled({("models_total", "period"): 1}, other, period))
    assert "Hạn gửi" not in complete
    _, picture = receipt_of("15127 quý 2 năm 2026.pdf", b"%PDF-1.4\n%%EOF\n")
    assert picture.count(due) == 1
    _, without_deadline = receipt_of("ba.xlsx", filled(DOUBTFUL))
    assert "Hạn gửi" not in without_deadline
