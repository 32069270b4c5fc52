"""Reminders: what is due is told once to each mailbox, without a figure; what could not be told stays due."""

import email
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from email import policy

import pytest
from typer.testing import CliRunner

from tuquan import outbox, receipts, reminders, settings, warehouse
from tuquan.cli import app
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.phrases import load_checks, number_vi, phrase
from tuquan.vocabulary.seeds import read_seed

# The year 2021 ends on 14 December and is due here on Friday the 17th. Xã Cẩm Liên (15145) did not send, Xã Cẩm Lương
# (15139) wrote "~50" in a report that came on 2 January.
BEFORE, DUE, AFTER = date(2021, 12, 14), date(2021, 12, 17), date(2021, 12, 20)
LATER = date(2022, 1, 10)
LIEN, LUONG, THUY, TINH = "lien@xa.example", "luong@xa.example", "camthuy@huyen.example", "thong-ke@tinh.example"
BOOK = f"ref_area,address\n15145,{LIEN}\n15139,{LUONG}\n390,{THUY}\n38,{TINH}\n"


@pytest.fixture
def office(judged_home, tmp_path, monkeypatch):
    """Cẩm Thủy 2021, where the form is due three days after the year, and an address book."""
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, seeds)
    duties = seeds / "reporting_duties.csv"
    row = "390,TQ01,year,2021-01-01,2022-01-01,"
    text = duties.read_text(encoding="utf-8")
    assert f"\n{row},," in text
    duties.write_text(text.replace(f"\n{row},,", f"\n{row}3,,"), encoding="utf-8")
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    book = settings.load().contacts
    book.write_text(BOOK, encoding="utf-8")
    return settings.load()


def write(day, *, by_mail=True, by_webhook=False):
    return reminders.write_notices(day, utc(day), by_mail=by_mail, by_webhook=by_webhook)


def utc(day):
    return datetime(day.year, day.month, day.day, 0, 30)  # noqa: DTZ001 - as the warehouse has it


def mails(write_them=None):
    """What waits to be mailed, by address: (subject, text). Nobody has two."""
    found = [reply for reply in outbox.waiting_replies() if reply.channel == outbox.NOTICES]
    read = {}
    for reply in found:
        message = email.message_from_bytes(reply.files[0].read_bytes(), policy=policy.default)
        assert message["To"] == reply.address
        assert message["Auto-Submitted"] == "auto-generated"
        assert message.get_content_type() == "text/plain"
        read[reply.address] = (message["Subject"], message.get_content().replace("\r\n", "\n"))
    assert len(read) == len(found)
    return read


def send(*, but=()):
    """Let everything out as a mail server would that refuses some for good."""
    for reply in outbox.waiting_replies():
        reply.is_out(outbox.REFUSED if reply.address in but else outbox.SENT)


def addressed(day):
    """Write, send and return to whom something went on a day, besides the office."""
    write(day)
    told = set(mails()) - {TINH}
    send()
    return told


def give_back(indicator="households_total", ref_area="15133", on=date(2022, 1, 3), reason="Kỳ trước là 1.288 hộ"):
    """The office gives a figure back to its commune."""
    with warehouse.connect() as connection:
        connection.execute(
            """
            insert into meta.decisions by name
            select (select count(*) + 1 from meta.decisions) as decision_id, ?::timestamp as decided_at,
                'Phó phòng' as decided_by, 'x' as flag_id, 'figure_is_plausible' as check_name, ref_area, time_period,
                indicator, obs_value as expected_value, 'return' as choice, ? as reason
            from raw.cells join raw.submissions using (report_number) where ref_area = ? and indicator = ?
            """,
            [utc(on) + timedelta(hours=2), reason, ref_area, indicator],
        )


def came_again(ref_area, at, **changed):
    """The commune sends a report once more: the newest row, with some columns changed."""
    with warehouse.connect() as connection:
        (row,) = warehouse.rows(connection, "select * from raw.submissions where ref_area = ? limit 1", ["15133"])
        (arrival,) = warehouse.rows(connection, "select * from raw.arrivals where arrival_id = ?", [row["arrival_id"]])
        number = connection.execute("select max(report_number) + 1 from raw.submissions").fetchone()[0]
        area = load_register().at(ref_area, date(2021, 12, 14))
        new = {"report_number": number, "arrival_id": number, "submission_id": f"{number:016x}-1"}
        new |= {"area_key": area.area_key, "ref_area": ref_area, "version": 2, **changed}
        warehouse.append(connection, "raw.submissions", [row | new])
        warehouse.append(connection, "raw.arrivals", [arrival | {"arrival_id": number, "received_at": at}])
        if new.get("is_loaded", True):
            cells = warehouse.rows(
                connection, "select * from raw.cells where report_number = ?", [row["report_number"]]
            )
            moved = {"report_number": number, "submission_id": new["submission_id"]}
            warehouse.append(connection, "raw.cells", [cell | moved for cell in cells])
        return number


def test_a_commune_is_reminded_before_and_after_the_deadline_and_not_in_between(office):
    days = [BEFORE - timedelta(days=1) + timedelta(days=number) for number in range(20)]
    days = [day for day in days if not reminders.is_quiet(day)]
    told = {}
    for day in days:
        write(day)
        told[day] = mails().get(LIEN)
        send()
    # Tuesday, then Monday after the deadline, and each third working day after it.
    assert [day.isoformat() for day, mail in told.items() if mail] == [
        *("2021-12-14", "2021-12-20", "2021-12-23", "2021-12-28", "2021-12-31")
    ]
    subject, text = told[BEFORE]
    assert subject == "Đôn đốc báo cáo: Xã Cẩm Liên (15145)"
    assert "SẮP ĐẾN HẠN GỬI BÁO CÁO\n1. Năm 2021, biểu TQ01: đề nghị gửi chậm nhất hết ngày 17/12/2021.\n" in text
    assert "ĐÃ QUÁ HẠN, CHƯA NHẬN ĐƯỢC BÁO CÁO\n" in told[AFTER][1]
    assert "hạn gửi hết ngày 17/12/2021, đã quá 1 ngày làm việc. Nhắc lần 2.\n" in told[AFTER][1]
    assert "đã quá 4 ngày làm việc. Nhắc lần 3.\n" in told[date(2021, 12, 23)][1]


def test_a_day_that_is_run_again_tells_nothing_twice(office):
    assert addressed(LATER) == {LIEN, LUONG, THUY}
    again = write(LATER, by_webhook=True)
    assert (again.mails, mails()) == (0, {})
    assert again.posts == 1
    send()
    assert write(LATER, by_webhook=True).posts == 0


def test_what_nobody_could_send_is_written_anew_and_not_twice(office):
    assert write(LATER).mails == 4
    first = {path.name for path in (office.outbox / "notices").glob("*.eml")}
    assert write(LATER).mails == 4
    assert {path.name for path in (office.outbox / "notices").glob("*.eml")} == first  # the same Message-IDs
    tomorrow = LATER + timedelta(days=1)
    assert write(tomorrow).mails == 4
    assert len(outbox.waiting_replies()) == 4


def test_who_answered_meanwhile_is_not_reminded_by_a_mail_that_still_waits(office):
    write(LATER)
    assert LIEN in mails()
    came_again("15145", utc(LATER))
    write(LATER)
    assert set(mails()) == {LUONG, THUY, TINH}
    assert "15145" not in mails()[THUY][1]


def test_a_refused_mailbox_stays_due_and_the_office_hears_of_it(office):
    write(LATER)
    send(but={LIEN})
    tomorrow = LATER + timedelta(days=1)
    write(tomorrow)
    assert set(mails()) == {LIEN, TINH}
    assert "Nhắc lần" not in mails()[LIEN][1]
    assert "Máy chủ thư từ chối thư gửi tới: Xã Cẩm Liên (15145)." in mails()[TINH][1]
    with warehouse.connect() as connection:
        kept = connection.execute("select * from meta.reminders").fetchall()
        outcomes = connection.execute("select outcome, count(distinct recipient) from meta.reminders group by all")
        assert dict(outcomes.fetchall()) == {"sent": 3, "refused": 1}
    assert "@" not in str(kept)


def test_after_some_reminders_only_the_office_is_told(office):
    days = [day for day in (DUE + timedelta(days=number) for number in range(45)) if not reminders.is_quiet(day)]
    assert sum(LIEN in addressed(day) for day in days) == 6
    digest = write(days[-1] + timedelta(days=1)).digest.read_text(encoding="utf-8")
    assert "Quá hạn chưa gửi: Xã Cẩm Liên (15145)" in digest


def test_one_mail_tells_all_that_waits_for_a_mailbox_by_its_cause(office):
    give_back(ref_area="15139")
    office.contacts.write_text(f'ref_area;address\r\n15139;"{LIEN}\r\n15145;{LIEN}\r\n', encoding="utf-8-sig")
    write(LATER)
    ((subject, text),) = mails().values()
    assert subject == "Đôn đốc báo cáo: 2 đơn vị thuộc Xã Cẩm Lương (15139); Xã Cẩm Liên (15145)"
    places = [text.index(head) for head in ("ĐÃ QUÁ HẠN, CHƯA", "Ô SỐ LIỆU CHỜ", "CẤP TRÊN ĐỀ NGHỊ KIỂM TRA")]
    assert places == sorted(places)
    assert text.count("Kính gửi") == 1


def test_a_district_gets_its_communes_and_is_told_which_of_them_no_mail_reaches(office):
    office.contacts.write_text(f"ref_area,address\n15139,{LUONG}\n390,{THUY}\n387,quanson@huyen.example\n")
    write(LATER)
    assert set(mails()) == {LUONG, THUY}
    subject, text = mails()[THUY]
    assert subject == "Đôn đốc báo cáo: 2 đơn vị thuộc Huyện Cẩm Thủy (390)"
    assert re.search(r"Xã Cẩm Liên \(15145\), .*\(chưa có địa chỉ thư, đề nghị báo bằng cách khác\)\n", text)
    assert "Xã Cẩm Lương (15139), Năm 2021, biểu TQ01: 1 ô chờ làm rõ.\n" in text


def test_a_file_that_waits_for_the_office_is_not_asked_about(office):
    held = {"is_loaded": False, "status": "held", "figures_read": 0}
    numbers = [came_again("15133", utc(LATER), **held), came_again("15142", utc(LATER), **held)]
    with warehouse.connect() as connection:
        warehouse.append(
            connection,
            "raw.findings",
            [
                {"arrival_id": number, "check_name": check, "severity": "held", "message_vi": "…"}
                for number, check in zip(numbers, ("period_is_open", "stamps_agree"), strict=True)
            ],
        )
    write(LATER + timedelta(days=3))
    text = mails()[THUY][1]
    assert "TỆP ĐANG TẠM GIỮ, CHỜ LÀM RÕ\n1. Xã Cẩm Thạch (15142), Năm 2021, biểu TQ01:" in text
    assert "15133" not in text


def test_a_form_without_a_figure_is_told(office):
    came_again("15133", utc(LATER), figures_read=0, figures_held=0)
    write(LATER + timedelta(days=3))
    assert "BIỂU ĐÃ GỬI CHƯA CÓ SỐ LIỆU NÀO\n1. Xã Cẩm Thành (15133), Năm 2021, biểu TQ01. (" in mails()[THUY][1]


def test_a_figure_that_was_given_back_has_a_deadline_and_then_the_office_hears_of_it(office):
    office.contacts.write_text(BOOK + "15133,thanh@xa.example\n")
    give_back(on=date(2022, 1, 3))  # a day off: the day of the answer is the fifth working day after it
    assert reminders.write_questions(date(2022, 1, 3), utc(date(2022, 1, 3)), by_mail=True) == 2
    subject, text = mails()["thanh@xa.example"]
    assert subject == "Đề nghị kiểm tra lại số đã gửi: Xã Cẩm Thành (15133)"
    assert "đề nghị trả lời chậm nhất hết ngày 10/01/2022. Lý do: Kỳ trước là … hộ\n" in text
    assert "1.288" not in text
    send()
    assert reminders.write_questions(date(2022, 1, 4), utc(date(2022, 1, 4)), by_mail=True) == 0
    write(LATER)
    assert "Đang chờ xã trả lời (1):\n- Xã Cẩm Thành (15133), Năm 2021, " in mails()[TINH][1]
    assert "; đã nhắc 1 lần\n" in mails()[TINH][1]
    assert "thanh@xa.example" not in mails()
    send()
    write(LATER + timedelta(days=1))
    assert "ĐÃ QUÁ HẠN TRẢ LỜI ĐỀ NGHỊ KIỂM TRA LẠI\n1. Năm 2021" in mails()["thanh@xa.example"][1]
    assert "Đã quá hạn trả lời (1):\n" in mails()[TINH][1]
    receipts.write_returned()
    (digest,) = office.receipts.rglob("Tổng hợp.txt")
    assert "Hạn trả lời: hết ngày 10/01/2022. Lý do: Kỳ trước là 1.288 hộ" in digest.read_text(encoding="utf-8")


@pytest.mark.parametrize("with_other_bytes", [True, False])
def test_who_sends_the_same_figure_again_is_left_in_peace_and_the_office_has_to_decide(office, with_other_bytes):
    office.contacts.write_text(BOOK + "15133,thanh@xa.example\n")
    give_back()
    sent = utc(date(2022, 1, 5))
    if with_other_bytes:
        came_again("15133", sent)
    else:
        with warehouse.connect() as connection:
            (row,) = warehouse.rows(
                connection,
                "select arrivals.* from raw.arrivals join raw.submissions using (arrival_id) where ref_area = '15133'",
            )
            again = {"arrival_id": 99, "repeats_arrival_id": row["arrival_id"], "status": "duplicate"}
            warehouse.append(connection, "raw.arrivals", [row | again | {"received_at": sent}])
    write(LATER + timedelta(days=7))
    assert "thanh@xa.example" not in mails()
    assert "Xã đã gửi lại, giữ nguyên số – chờ văn phòng quyết định (1):\n- Xã Cẩm Thành" in mails()[TINH][1]


def test_who_writes_in_the_name_of_a_commune_is_not_asked_about_its_figures(office):
    """Anybody may mail a report of Xã Cẩm Thành; what is asked of it later is the office's and the commune's matter."""
    with warehouse.connect() as connection:
        (number,) = connection.execute("select arrival_id from raw.submissions where ref_area = '15133'").fetchone()
        connection.execute(
            "update raw.arrivals set channel = 'mail x', receipt_path = null where arrival_id = ?", [number]
        )
        reply = {"arrival_id": number, "channel": "mail x", "address": "la@la.example"}
        about = {"subject": "Re:", "in_reply_to": "<7@la.example>", "reference_ids": ""}
        warehouse.append(connection, "meta.replies", [reply | about])
    receipts.write_receipts()
    assert [reply.address for reply in outbox.waiting_replies()] == ["la@la.example"]
    send()
    give_back()
    day = date(2022, 1, 4)
    assert reminders.write_questions(day, utc(day), by_mail=True) == 1
    assert set(mails()) == {THUY}
    write(day)
    assert "la@la.example" not in mails()
    assert re.search("chưa có địa chỉ thư, .*Xã Cẩm Thành", mails()[TINH][1])
    assert not any(b"la.example" in path.read_bytes() for path in office.outbox.rglob("*") if path.is_file())


def test_the_office_is_told_the_same_state_every_few_days_only(office):
    days = [day for day in (LATER + timedelta(days=number) for number in range(60, 75)) if not reminders.is_quiet(day)]
    told = []
    for day in days[:8]:
        write(day)
        told.append(TINH in mails())
        send()
    assert told == [True, False, False, True, False, False, True, False]


def test_without_an_office_the_digest_is_about_the_provinces_that_report(office):
    """Thanh Hóa (38), Vĩnh Phúc (26) and Gia Bình (263) owe a report; of Thanh Hóa some were ever sent."""
    with (office.seeds / "reporting_duties.csv").open("a", encoding="utf-8") as file:
        file.write("38,TQ01,month,2022-01-01,2022-02-01,3,,all\n26,TQ01,month,2022-01-01,2022-02-01,3,,all\n")
    owing = {code: len(load_register().communes(code, date(2022, 1, 14))) for code in ("38", "26", "263")}
    for book, owed in (("", owing["38"]), (f"VN,{TINH}\n", sum(owing.values()))):
        office.contacts.write_text(f"ref_area,address\n{book}", encoding="utf-8")
        text = write(date(2022, 1, 18), by_mail=False).digest.read_text(encoding="utf-8")
        assert f"phải gửi {number_vi(owed)}, " in text
        assert ("chỉ nêu tỉnh, huyện cũ của các xã đã từng gửi báo cáo" in text) == (not book)


def test_nothing_due_nobody_told(office):
    with warehouse.connect() as connection:
        for table in ("open_questions", "flags"):
            connection.execute(f"delete from quality.{table}")
        connection.execute("update raw.submissions set figures_held = 0")
    came_again("15145", utc(LATER))
    written = write(LATER, by_webhook=True)
    assert (written.mails, written.posts, written.digest) == (0, 0, None)
    assert outbox.waiting_replies() == []


def test_without_any_channel_the_digest_is_a_file_and_says_why_nobody_was_told(office):
    office.contacts.unlink()
    written = write(LATER, by_mail=False)
    assert (written.mails, outbox.waiting_replies()) == (0, [])
    assert len(written.remarks) == 3
    text = written.digest.read_text(encoding="utf-8")
    assert written.digest == office.outbox / "tong-hop-2022-01-10.txt"
    assert "phải gửi 17, đã nhận 16, tạm giữ 0, chưa gửi 1." in text
    assert "chưa có địa chỉ thư, đề nghị báo bằng cách khác: Xã Cẩm Liên (15145); Xã Cẩm Lương (15139)" in text


def test_a_home_without_a_warehouse_is_no_error(home):
    assert write(date(2019, 3, 4)).mails == 0


def test_no_figure_of_the_warehouse_is_in_any_mail(office):
    """Every figure of the marts from 100 on, plain and as people write it, against every text that leaves."""
    for indicator in ("households_total", "propaganda_attendances"):
        give_back(indicator, reason="Kỳ này 12.345, kỳ trước 1288; chênh 1 288 hộ")
    reminders.write_questions(date(2022, 1, 4), utc(date(2022, 1, 4)), by_mail=True)
    texts = [f"{subject}\n{text}" for subject, text in mails().values()]
    written = write(date(2022, 1, 12), by_webhook=True)
    texts += [f"{subject}\n{text}" for subject, text in mails().values()]
    texts += [reply.files[0].read_text() for reply in outbox.waiting_replies() if reply.channel == outbox.POSTS]
    texts.append(written.digest.read_text(encoding="utf-8"))
    assert len(texts) >= 6
    with warehouse.connect() as connection:
        tables = [
            *(f"marts.{level}_observations" for level in ("commune", "district", "province", "national")),
            *("raw.cells", "quality.flags"),
        ]
        values = {
            value
            for table in tables
            for (value,) in connection.execute(
                f"select distinct obs_value from {table} where obs_value >= 100"
            ).fetchall()
        }
    assert len(values) > 100
    known = {row["ref_area"] for row in read_seed("areas")} | {"2021", "2022"}
    named = [row["text_vi"] for row in read_seed("phrases") if row["phrase"].startswith("cause.")]
    for text in texts:
        for name in named:
            text = text.replace(name, "")
        told = set(re.findall(r"(?<![\w/.,-])\d+(?:\.\d{3})*(?![\w/-])", text)) - known
        figures = {f"{value.to_integral_value():f}" for value in values} | {number_vi(value) for value in values}
        assert not told & figures
        assert "12.345" not in text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("99999,a@xa.example", "không có đơn vị nào mang mã “99999”"),
        ("15145,Nguyễn Văn A <a@xa.example>", "địa chỉ thư không dùng được"),
        ("15145,a@xa.example\tBcc: b@xa.example", "địa chỉ thư không dùng được"),
        ("15145,", "địa chỉ thư không dùng được"),
        (",a@xa.example", "không có đơn vị nào mang mã “”"),
        (f"15145,{LIEN.upper()}", "đơn vị và địa chỉ này đã có ở dòng trên"),
        ("10597,a@xa.example", "Xã Kênh Giang (10597) không còn từ ngày 10/01/2019, hộp thư này"),
    ],
)
def test_a_row_of_the_address_book_that_is_wrong_is_named_and_no_address_is_repeated(office, line, reason):
    office.contacts.write_text(f"ref_area,address\n15145,{LIEN}\n{line}\n", encoding="utf-8")
    (problem,) = write(LATER).remarks[1:]
    assert problem.startswith(f"Danh bạ contacts.csv, dòng 3: {reason}")
    assert "@" not in problem
    assert set(mails()) == {LIEN}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe\x00", "không đọc được; đề nghị lưu ở dạng CSV, bảng mã UTF-8."),
        (b"ma,thu\n15145,a@xa.example\n", "dòng 1: thiếu cột ref_area, address."),
        (b"", "dòng 1: thiếu cột ref_area, address."),
        (None, "không đọc được; đề nghị lưu ở dạng CSV, bảng mã UTF-8."),  # a folder
        ("ref_area,address,họ tên\n".encode(), "dòng 1: không đọc cột họ tên; danh bạ chỉ ghi hộp thư của cơ quan"),
    ],
)
def test_an_address_book_that_cannot_be_used_stops_nothing(office, content, problem):
    office.contacts.unlink()
    office.contacts.write_bytes(content) if content is not None else office.contacts.mkdir()
    written = write(LATER, by_mail=False)
    assert any(problem in remark for remark in written.remarks)
    assert written.digest is not None
    assert problem in written.digest.read_text(encoding="utf-8")


def test_a_group_that_a_province_made_has_a_mailbox(office, tmp_path):
    groups = settings.load().seeds / "area_groups.csv"
    with groups.open("a", encoding="utf-8") as file:
        file.write("police_cluster,C1,Cụm số 1,15145,15145.20180101,2018-01-01,,,true,own\n")
    from tuquan import contacts

    contacts._members.cache_clear()
    contacts._group_names.cache_clear()
    office.contacts.write_text("ref_area,group_kind,address\nC1,police_cluster,cum1@tinh.example\n")
    write(LATER)
    assert mails()["cum1@tinh.example"][0] == "Đôn đốc báo cáo: 1 đơn vị thuộc Cụm số 1 (police_cluster:C1)"


def test_the_digest_names_the_cause_of_each_question_that_a_check_may_ask(office):
    write(LATER)
    assert ", “Tổ an ninh xã hội”: Số đã nêu khác tổng của các xã (câu hỏi " in mails()[TINH][1]
    asking = [check.check for check in load_checks().values() if check.stage == "plausibility"]
    assert asking
    assert all(phrase(f"office.check.{name}") for name in asking)


def test_offices_are_quiet_on_days_off_and_work_on_exchanged_saturdays():
    assert reminders.is_quiet(date(2022, 1, 3))  # off instead of Saturday the 1st
    assert reminders.is_quiet(date(2022, 1, 8))
    assert not reminders.is_quiet(date(2022, 1, 4))


def test_today_is_the_day_in_viet_nam(office):
    written = reminders.write_today(datetime(2022, 1, 9, 20, tzinfo=UTC), True, False)
    assert written.digest.name == "tong-hop-2022-01-10.txt"


def test_a_former_district_still_sees_to_its_communes(home):
    home.home.mkdir(parents=True)
    home.contacts.write_text(f"ref_area,address\n390,{THUY}\n")
    day = date(2026, 11, 18)  # the day after November was due, from five communes of what was the district
    ((subject, text), _) = reminders.preview(day)
    assert subject == "Đôn đốc báo cáo: 5 đơn vị thuộc Huyện Cẩm Thủy (390)"
    assert "Xã Cẩm Thủy (15127), Tháng 11 năm 2026" in text
    assert outbox.waiting_replies() == []


def test_the_command_line_shows_what_is_due_and_sends_nothing(office):
    shown = CliRunner().invoke(app, ["remind", "--day", LATER.isoformat()])
    assert shown.exit_code == 0
    assert "Đôn đốc báo cáo: Xã Cẩm Liên (15145)" in shown.output
    assert "@" not in shown.output
    assert outbox.waiting_replies() == []
    assert "không phải ngày làm việc" in CliRunner().invoke(app, ["remind", "--day", "2022-01-08"]).output
