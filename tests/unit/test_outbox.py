"""Answers lie complete in the outbox until a channel has taken them; nothing in a name or header breaks out of it."""

import email
import stat
from datetime import datetime
from email import policy

import pytest

from tuquan import outbox

WHEN = datetime(2024, 3, 20, 1, 12)  # noqa: DTZ001 - as the warehouse has it
TEXT = "KẾT QUẢ TIẾP NHẬN SỐ LIỆU\n\nTrân trọng cảm ơn.\n"


def put(**changed):
    told = {
        "number": 7,
        "channel": "mail hop_thu",
        "address": "xa@example.org",
        "subject": "Kết quả tiếp nhận: Xã Trung Xuân (14995), Quý 1 năm 2024",
        "text": TEXT,
        "attachments": {"000007 biểu - cần sửa.xlsx": b"PK content"},
        "answers": [("<a@example.org>", "<0@example.org>"), ("<b@example.org>", "<a@example.org>")],
        "written_at": WHEN,
    } | changed
    outbox.put_mail(**told)
    (reply,) = outbox.waiting_replies("mail hop_thu")
    return reply, email.message_from_bytes(reply.files[0].read_bytes(), policy=policy.default)


def test_a_mail_answers_the_mails_that_brought_the_files(home):
    reply, message = put()
    assert (reply.channel, reply.address, message["To"]) == ("mail hop_thu", "xa@example.org", "xa@example.org")
    assert message["Subject"] == "Kết quả tiếp nhận: Xã Trung Xuân (14995), Quý 1 năm 2024"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == "<b@example.org>"
    assert message["References"] == "<0@example.org> <a@example.org> <b@example.org>"
    assert message["Date"].datetime.isoformat() == "2024-03-20T01:12:00+00:00"
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "000007 biểu - cần sửa.xlsx"
    assert attachment.get_content() == b"PK content"
    assert message.get_body().get_content().replace("\r\n", "\n").startswith(TEXT)
    assert max(map(len, reply.files[0].read_bytes().split(b"\r\n"))) < 998
    assert reply.files[0].read_bytes().isascii()


def test_the_same_answer_is_the_same_message(home):
    first = put()[0].files[0].read_bytes()
    assert put()[0].files[0].read_bytes() == first


def test_a_subject_is_one_header(home):
    _, message = put(subject="a\r\nBcc: other@example.org\n\nbody")
    assert message["Subject"] == "a Bcc: other@example.org body"
    assert message["Bcc"] is None


@pytest.mark.parametrize("odd", ["", "x", "<a@b>\r\nBcc: c@d", "<a b@c>", "<>", "<ậ@b>"])
def test_a_message_id_that_is_none_is_not_repeated(home, odd):
    _, message = put(answers=[(odd, f"{odd} <ok@example.org>")])
    assert message["In-Reply-To"] is None
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    ("address", "is_good"),
    [
        ("xa.trungxuan@example.org", True),
        ("a@localhost", True),
        ("MAILER-DAEMON@example.org", False),
        ("no-reply@example.org", False),
        ("noreply+1@example.org", False),
        ("a@b, c@d", False),
        ("a@b\r\nBcc: c@d", False),
        ("<a@b>", False),
        ("a b@c", False),
        ("@c", False),
        ("a@", False),
        ("", False),
    ],
)
def test_only_a_plain_address_is_answered(address, is_good):
    assert outbox.can_be_mailed(address) == is_good


def test_a_workbook_that_no_mail_can_carry_is_named_instead(home, monkeypatch):
    monkeypatch.setattr(outbox, "MOST_ATTACHED_BYTES", 10)
    _, message = put(attachments={"nhỏ.xlsx": b"12345", "lớn.xlsx": b"123456", "vừa.xlsx": b"12345"})
    assert [part.get_filename() for part in message.iter_attachments()] == ["nhỏ.xlsx", "vừa.xlsx"]
    assert "“lớn.xlsx” quá lớn" in message.get_body().get_content()


def test_only_the_account_of_the_system_reads_what_holds_addresses(home):
    reply, _ = put()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (*reply.files, reply.note)] == [0o600, 0o600]
    assert stat.S_IMODE(reply.note.parent.stat().st_mode) == 0o700


def test_an_answer_that_is_out_is_forgotten(home):
    reply, _ = put()
    reply.is_out()
    assert outbox.waiting_replies() == []
    assert list((home.outbox / "mail").iterdir()) == []


def test_an_answer_that_is_not_complete_does_not_wait_yet(home):
    reply, _ = put()
    reply.note.unlink()  # a kill before the note
    assert outbox.waiting_replies() == []


def test_what_goes_into_a_storage_waits_by_channel(home):
    outbox.put_files(1, "sftp may_chu", "xã/a.xlsx", {"000001 a.xlsx.txt": b"x", "000001 a - cần sửa.xlsx": b"y"})
    outbox.put_files(2, "s3 thung", "b.xlsx", {"000002 b.xlsx.txt": b"z"})
    (reply,) = outbox.waiting_replies("sftp may_chu")
    assert reply.address == "xã/a.xlsx"
    assert {path.name: path.read_bytes() for path in reply.files} == {
        "000001 a.xlsx.txt": b"x",
        "000001 a - cần sửa.xlsx": b"y",
    }
    assert [reply.channel for reply in outbox.waiting_replies()] == ["sftp may_chu", "s3 thung"]
