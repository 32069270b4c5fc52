"""A real mailbox and a real mail server: attachments in, answers out, and what strangers may write into a mail."""

import base64
import email
import logging
from datetime import UTC, datetime
from email.header import Header

import pytest
from hypothesis import given, settings, strategies as st

from tuquan import outbox
from tuquan.channels.mail import MOST_PARTS, deliveries_in
from tuquan.channels.transport import ServerFailed

HOST = "127.0.0.1"
IMAP, SMTP = "imap://tuquan_imap@/INBOX", "smtp://tuquan_smtp@"
pytestmark = [  # of the mail server of these tests
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
    pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated"),
]
TABLE = b"ref_area,time_period,indicator,obs_value\n15127,2021,households_total,1288\n"


@pytest.fixture
def inbox(mailbox, connect):
    """The mailbox, and the connection to it."""
    connect("tuquan_imap", conn_type="imap", host=HOST, port=mailbox.port, extra={"use_ssl": False})
    return mailbox


def raw(headers, body=TABLE, encoding="utf-8"):
    """One mail with one attachment, as bytes that no library would write."""
    head = "From: xa@xa.example\r\nMessage-ID: <1@xa.example>\r\nMIME-Version: 1.0\r\n" + headers
    return head.encode(encoding) + b"\r\n\r\n" + body


def flags(mailbox):
    with mailbox.open() as opened:
        opened.select("INBOX", readonly=True)
        return opened.uid("fetch", "1:*", "(FLAGS)")[1]


def test_each_attachment_is_a_file_and_the_mail_stays_as_it_was(office, inbox, mail, workbooks):
    inbox.put(mail(*workbooks[:2], ("số liệu.csv", TABLE)))
    before = flags(inbox)
    office.receive(IMAP)
    first = office.outcomes()
    assert {name for name, *_ in first} == {workbooks[0][0], workbooks[1][0], "số liệu.csv"}
    assert all(count for *_, count in first)
    assert flags(inbox) == before
    inbox.put(mail(workbooks[2]))
    office.receive(IMAP)
    office.receive(IMAP)
    assert [name for name, *_ in office.outcomes()][3:] == [workbooks[2][0]]


def test_the_sender_is_kept_as_a_digest_and_says_nothing_about_the_area(office, inbox, mail):
    inbox.put(mail(("a.csv", TABLE), sender="Xã Khác <xa.15133@xa.example>"))
    office.receive(IMAP)
    assert office.query("select ref_area, sender from raw.submissions join raw.arrivals using (arrival_id)") == [
        ("15127", office.query("select sender from raw.arrivals")[0][0])
    ]
    kept = str([office.query(f"select * from raw.{table}") for table in ("arrivals", "submissions", "findings")])
    assert "xa.15133@" not in kept
    assert office.query("select address from meta.replies") == [("xa.15133@xa.example",)]


def test_a_mail_seen_again_is_not_received_again_and_a_forged_message_id_hides_nothing(office, inbox, mail):
    inbox.put(mail(("a.csv", TABLE), message_id="<1@xa.example>"))
    inbox.put(mail(("a.csv", TABLE.replace(b"1288", b"1289")), message_id="<1@xa.example>"))
    office.receive(IMAP)
    assert len(office.outcomes()) == 2
    # As after a move to another server: all mails are new to us, and none is.
    with_new_numbers = "update meta.mailboxes set uid_validity = 1"
    office.query(with_new_numbers)
    office.receive(IMAP)
    assert len(office.outcomes()) == 2


def test_a_mail_without_attachment_is_refused_without_its_text_being_kept(office, inbox, mail):
    inbox.put(mail(subject="Xã báo cáo 2021/2022"))
    office.receive(IMAP)
    ((name, status, _),) = office.outcomes()
    assert (name, status, office.checks()) == ("Xã báo cáo 2021-2022", "refused", ["mail_has_an_attachment"])
    assert "Kính gửi" not in str(office.query("select * from raw.findings"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("filename*=UTF-8''b%C3%A1o%20c%C3%A1o.csv", "báo cáo.csv"),
        ("filename*0*=UTF-8''b%C3%A1o;\r\n filename*1*=%20c%C3%A1o.csv", "báo cáo.csv"),
        (f'filename="{Header("báo cáo.csv", "utf-8").encode()}"', "báo cáo.csv"),
        ('filename="báo cáo.csv"', "báo cáo.csv"),
        ('filename="../../../etc/passwd"', "../../../etc/passwd"),
        ('filename="/etc/cron.d/x"', "/etc/cron.d/x"),
        ('filename="{{ ds }}.csv"', "{{ ds }}.csv"),
        ('filename="a\x1b[31m\tb.csv"', "a\x1b[31m b.csv"),
        (f'filename="{"x" * 10_000}.csv"', "x" * 255),
        ("filename*=no-such-charset''%C3%A1.csv", None),
        ('filename="=?no-such-charset?b?w6E=?="', None),
        ("", "1"),
    ],
)
def test_a_name_is_data_however_it_is_written(written, meant):
    content = raw(f"Content-Type: text/csv\r\nContent-Disposition: attachment; {written}")
    (found,) = deliveries_in(content, "1/1", "mail x")
    assert found.read(10_000) == TABLE
    assert meant is None or found.declared_name == meant
    found.declared_name.encode()
    found.key  # noqa: B018


def test_a_name_in_another_encoding_does_not_stop_anything():
    content = raw(
        'Content-Type: text/csv\r\nContent-Disposition: attachment; filename="b\xe1o.csv"', encoding="latin-1"
    )
    (found,) = deliveries_in(content, "1/1", "mail x")
    assert found.declared_name == "b�o.csv"


def test_forwarded_mails_are_opened_and_emblems_of_signatures_are_not(mail):
    inner = mail(("trong.csv", TABLE))
    outer = mail(("ngoài.csv", TABLE))
    outer.add_attachment(inner)
    outer.add_attachment(b"\x89PNG" + b"x" * 500, maintype="image", subtype="png", disposition="inline", cid="<logo>")
    outer.add_attachment(
        b"\xff\xd8" + b"x" * 200_000, maintype="image", subtype="jpeg", disposition="inline", filename="IMG_1.jpg"
    )
    outer.add_attachment(b"x", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    names = [found.declared_name for found in deliveries_in(outer.as_bytes(), "1/1", "mail x")]
    assert names == ["ngoài.csv", "trong.csv", "IMG_1.jpg", "winmail.dat"]


@pytest.mark.parametrize(
    "header",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"Precedence": "list"},
        {"Return_Path": "<>"},
        {"List_Id": "<xa.example>"},
        {"sender": "thong-ke@tinh.example"},
        {"sender": "không phải địa chỉ"},
    ],
    ids=str,
)
def test_machines_and_nobody_get_no_answer(mail, header):
    written = mail(("a.csv", TABLE), **header)
    (found,) = deliveries_in(written.as_bytes(), "1/1", "mail x", own="thong-ke@tinh.example")
    assert found.reply is None
    assert found.refusal is None


def test_an_address_that_breaks_parsers_is_no_address():
    content = raw("Content-Type: text/csv; name=a.csv").replace(b"xa@xa.example", b"(" * 12_000)
    (found,) = deliveries_in(content, "1/1", "mail x")
    assert (found.sender, found.reply, found.refusal) == (None, None, None)


def test_what_comes_back_as_undeliverable_is_no_report():
    bounce = raw(
        'Content-Type: multipart/report; boundary="b"',
        b'--b\r\nContent-Type: text/csv; name="a.csv"\r\n\r\n' + TABLE + b"\r\n--b--",
    )
    (found,) = deliveries_in(bounce, "1/1", "mail x")
    assert (found.refusal, found.reply) == ("mail_has_an_attachment", None)


def test_the_answer_knows_what_it_answers(mail):
    written = mail(
        ("a.csv", TABLE),
        subject="Báo cáo  quý",
        message_id="<2@xa.example>",
        Reply_To="Văn phòng <van-phong@xa.example>",
        References="<0@xa.example> <1@xa.example>",
    )
    (found,) = deliveries_in(written.as_bytes(), "1/1", "mail x")
    assert found.reply.address == "van-phong@xa.example"
    assert found.reply.subject == "Re: Báo cáo quý"
    assert found.reply.in_reply_to == "<2@xa.example>"
    assert found.reply.reference_ids == "<0@xa.example> <1@xa.example> <2@xa.example>"


def nested(levels):
    head = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(levels)
    )
    return raw(head + "Content-Type: text/csv")


@pytest.mark.parametrize(
    ("content", "check"),
    [
        (nested(5000), "mail_can_be_taken_apart"),
        (raw("Content-Type: message/rfc822\r\n\r\n" * 5000), "mail_can_be_taken_apart"),
        (
            raw(
                'Content-Type: multipart/mixed; boundary="b"',
                b"--b\r\nContent-Type: x/y\r\n\r\nx\r\n" * (MOST_PARTS + 1) + b"--b--",
            ),
            "mail_can_be_taken_apart",
        ),
        (b"", "mail_has_an_attachment"),
        (b"\x00\xff" * 1000, "mail_has_an_attachment"),
        (raw('Content-Type: multipart/mixed; boundary=""'), "mail_can_be_taken_apart"),
    ],
    ids=["deep", "mails in mails", "many parts", "nothing", "no mail", "no boundary"],
)
def test_a_hostile_mail_is_one_refused_file(content, check):
    (found,) = deliveries_in(content, "1/1", "mail x")
    assert found.refusal == check


@settings(max_examples=100, deadline=None, print_blob=True)
@given(data=st.data())
def test_a_mail_with_any_bytes_changed_is_taken_apart_or_refused(data):
    head = 'Subject: =?utf-8?q?B=C3=A1o_c=C3=A1o?=\r\nContent-Type: multipart/mixed; boundary="b"'
    part = b"--b\r\nContent-Type: text/csv; name*=utf-8''a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    content = bytearray(raw(head, part + base64.encodebytes(TABLE) + b"--b--"))
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.integers(0, 30))
        content[start:end] = data.draw(
            st.binary(max_size=30) | st.sampled_from([b"\r\n", b"--b", b"=?", b"\x00", b"(" * 2000])
        )
    for found in deliveries_in(bytes(content), "1/1", "mail x"):
        assert found.refusal or isinstance(found.read(1000), bytes)
        for text in (found.declared_name, found.identity, found.reply.subject if found.reply else ""):
            text.encode()


@pytest.mark.parametrize("encoding", ["base64", "uuencode", "quoted-printable", "x-unknown"])
def test_a_broken_encoding_of_an_attachment_is_a_file_with_odd_bytes(encoding):
    content = raw(
        f"Content-Type: x/y; name=a.xlsx\r\nContent-Transfer-Encoding: {encoding}", b"=Z!\xff\r\nbegin 666\r\n"
    )
    (found,) = deliveries_in(content, "1/1", "mail x")
    assert isinstance(found.read(100), bytes)


def test_a_mail_that_is_too_large_is_not_fetched(office, inbox, mail, monkeypatch):
    monkeypatch.setattr("tuquan.channels.mail.MAX_MAIL_BYTES", 20_000)
    inbox.put(mail(("lớn.csv", TABLE * 1000), subject="Tệp lớn"))
    inbox.put(mail(("nhỏ.csv", TABLE)))
    office.receive(IMAP)
    assert [(name, status) for name, status, _ in office.outcomes()] == [
        ("Tệp lớn", "refused"),
        ("nhỏ.csv", "accepted"),
    ]
    assert "file_is_of_a_safe_size" in office.checks()


@pytest.mark.parametrize("wrong", [{"password": "sai"}, {"port": 1}, {"extra": {}}], ids=["password", "down", "no TLS"])
def test_a_mailbox_that_cannot_be_opened_is_an_error(office, inbox, connect, wrong):
    facts = {"host": HOST, "port": inbox.port, "extra": {"use_ssl": False}, **wrong}
    connect("tuquan_imap", conn_type="imap", **facts)
    with pytest.raises(ServerFailed):
        office.receive(IMAP)


def test_a_folder_that_is_not_there_is_an_error(office, inbox):
    with pytest.raises(ServerFailed):
        office.receive("imap://tuquan_imap@/Khong-co")


def put_answer(number, address):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    outbox.put_mail(number, "mail tuquan_imap", address, "Re: Báo cáo", "Đã nhận.", {}, [("<1@xa.example>", "")], now)


def test_answers_go_out_once_and_their_addresses_are_forgotten(office, post, home):
    put_answer(1, "xa@xa.example")
    put_answer(2, "phuong@xa.example")
    office.send(SMTP)
    office.send(SMTP)
    assert [to for to, _ in post.taken] == [["xa@xa.example"], ["phuong@xa.example"]]
    message = email.message_from_bytes(post.taken[0][1], policy=email.policy.default)
    assert (message["From"], message["In-Reply-To"]) == ("thong-ke@tinh.example", "<1@xa.example>")
    assert not [path for path in home.outbox.rglob("*") if path.is_file()]


def test_a_refused_recipient_stops_no_other_and_is_not_named_in_the_log(office, post, home, caplog):
    post.refused = {"khong-co@xa.example": "550 no such user", "ban@xa.example": "451 later"}
    for number, name in enumerate(("khong-co", "ban", "xa"), start=1):
        put_answer(number, f"{name}@xa.example")
    caplog.set_level(logging.INFO)
    office.send(SMTP)
    assert [to for to, _ in post.taken] == [["xa@xa.example"]]
    assert [path.name for path in (home.outbox / "failed").iterdir()] == ["000001.eml"]
    assert [reply.address for reply in outbox.waiting_replies()] == ["ban@xa.example"]
    own = [record.getMessage() for record in caplog.records if record.name.startswith("tuquan")]
    assert len(own) == 2
    assert "@xa.example" not in str(own)


@pytest.mark.parametrize("wrong", [{"password": "sai"}, {"port": 1}], ids=["password", "down"])
def test_a_mail_server_that_is_down_loses_no_answer(office, post, connect, wrong):
    facts = {"host": HOST, "port": post.port, "extra": {"use_ssl": False}, **wrong}
    connect("tuquan_smtp", conn_type="smtp", **facts)
    put_answer(1, "xa@xa.example")
    with pytest.raises(ServerFailed):
        office.send(SMTP)
    assert len(outbox.waiting_replies()) == 1


@pytest.mark.parametrize("post_office", ["tls"], indirect=True)
def test_a_password_goes_only_to_a_server_whose_certificate_is_trusted(
    office, post_office, connect, certificate, monkeypatch
):
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=post_office.port)
    connect("tuquan_imap", conn_type="imap", host=HOST, port=post_office.port)
    put_answer(1, "xa@xa.example")
    with pytest.raises(ServerFailed):
        office.send(SMTP)
    with pytest.raises(ServerFailed, match="CERTIFICATE_VERIFY_FAILED"):
        office.receive(IMAP)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    office.send(SMTP)
    assert len(post_office.taken) == 1
