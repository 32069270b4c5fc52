"""Notices through a real mail server and a real web server: reminders, the digest, and what is told of a failure."""

import email
import email.policy
import json
import logging
from datetime import date, datetime
from types import SimpleNamespace

import pytest
from tenacity import wait_none

from tuquan import alerts, outbox, reminders, settings
from tuquan.channels import webhook as webhooks
from tuquan.channels.transport import ServerFailed

HOST = "127.0.0.1"
SMTP, WEBHOOK = "smtp://tuquan_smtp@", "webhook://tuquan_webhook@"
DAY = date(2022, 1, 10)
NOON = datetime(2022, 1, 10, 5)  # noqa: DTZ001 - as the warehouse has it
# All 17 communes of the district are late.
DUTIES = """ref_area,form,frequency,valid_from,valid_to,due_after_days,closes_after_days,note_en
390,TQ01,year,2021-01-01,2022-01-01,3,,one year of one district
"""
BOOK = """ref_area,address
15145,lien@xa.example
15139,luong@xa.example
390,camthuy@huyen.example
38,thong-ke@tinh.example
"""
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture
def due(office, home, tmp_path, monkeypatch):
    """A home in which reports are late and the address book knows whom to tell."""
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    for path in settings.load().seeds.glob("*.csv"):
        (seeds / path.name).symlink_to(path)
    (seeds / "reporting_duties.csv").unlink()
    (seeds / "reporting_duties.csv").write_text(DUTIES, encoding="utf-8")
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    monkeypatch.setenv("TUQUAN_CHANNELS", f"{SMTP} {WEBHOOK}")
    home.home.mkdir(parents=True)
    home.contacts.write_text(BOOK, encoding="utf-8")
    return office


@pytest.fixture
def at_once(monkeypatch):
    """Repeat a request without a pause."""
    monkeypatch.setattr(webhooks, "wait_exponential", lambda _: wait_none())


def write(*, by_webhook=False):
    return reminders.write_notices(DAY, NOON, by_mail=True, by_webhook=by_webhook)


def told(office):
    return dict(office.query("select outcome, count(distinct recipient) from meta.reminders group by all"))


def test_each_mailbox_gets_one_mail_and_a_second_run_none(due, post, webhook):
    write(by_webhook=True)
    due.send(SMTP)
    due.send(WEBHOOK)
    assert sorted(to for (to,), _ in post.taken) == [
        *("camthuy@huyen.example", "lien@xa.example", "luong@xa.example", "thong-ke@tinh.example")
    ]
    message = email.message_from_bytes(post.taken[0][1], policy=email.policy.default)
    assert message["From"] == "thong-ke@tinh.example"
    assert message["Subject"] == "Đôn đốc báo cáo: 17 đơn vị thuộc Huyện Cẩm Thủy (390)"
    assert b"Subject: =?utf-8?" in post.taken[0][1]
    assert message["Auto-Submitted"] == "auto-generated"
    ((kind, content),) = webhook.taken
    assert kind == "application/json"
    assert content["reports_late"] == 17
    assert content["text"].startswith("Tổng hợp ngày 10/01/2022: đã nhận 0/17 báo cáo, 17 báo cáo quá hạn")
    write(by_webhook=True)
    due.send(SMTP)
    due.send(WEBHOOK)
    assert (len(post.taken), len(webhook.taken)) == (4, 1)
    assert told(due) == {"sent": 5}
    assert "@" not in str(due.query("select * from meta.reminders"))
    assert list(settings.load().outbox.rglob("*.eml")) == []


def test_who_is_refused_stops_no_other_and_stays_due(due, post, caplog):
    post.refused = {"lien@xa.example": "550 no such user", "luong@xa.example": "451 later"}
    write()
    due.send(SMTP)
    assert len(post.taken) == 2
    assert [reply.address for reply in outbox.waiting_replies()] == ["luong@xa.example"]
    reminders.note_told()
    assert told(due) == {"sent": 2, "refused": 1}
    post.refused = {}
    assert write().mails == 2
    due.send(SMTP)
    assert {to for (to,), _ in post.taken[2:]} == {"lien@xa.example", "luong@xa.example"}
    own = [record.getMessage() for record in caplog.records if record.name.startswith("tuquan")]
    assert "@xa.example" not in str(own)


def test_a_mail_server_that_is_down_is_an_error_and_everything_stays_due(due, post, connect):
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=1, extra={"use_ssl": False})
    write()
    with pytest.raises(ServerFailed):
        due.send(SMTP)
    reminders.note_told()
    assert told(due) == {}
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=post.port, extra={"use_ssl": False})
    assert write().mails == 4
    due.send(SMTP)
    assert len(post.taken) == 4


def test_a_kill_between_sending_and_noting_is_made_good(due, post):
    write()
    due.send(SMTP)
    assert told(due) == {}
    assert write().mails == 0
    assert told(due) == {"sent": 4}


def test_a_webhook_is_asked_again_while_it_is_in_trouble(due, webhook, at_once):
    webhook.codes = [503, 429]
    write(by_webhook=True)
    due.send(WEBHOOK)
    assert len(webhook.taken) == 1


@pytest.mark.parametrize("code", [404, 302])
def test_a_webhook_that_refuses_is_not_asked_forever_and_its_place_stays_secret(due, webhook, caplog, code):
    webhook.codes = [code]
    write(by_webhook=True)
    due.send(WEBHOOK)
    assert webhook.taken == []
    assert [reply for reply in outbox.waiting_replies() if reply.channel == outbox.POSTS] == []
    assert f"refused {reminders.DAILY}" in caplog.text


def test_a_webhook_that_is_down_loses_nothing(due, webhook, connect, at_once):
    connect("tuquan_webhook", conn_type="http", host=f"http://{HOST}:1/hooks")
    write(by_webhook=True)
    with pytest.raises(ServerFailed, match="ConnectError"):
        due.send(WEBHOOK)
    connect("tuquan_webhook", conn_type="http", host=f"http://{HOST}:{webhook.server_port}/hooks")
    due.send(WEBHOOK)
    assert len(webhook.taken) == 1


def test_a_secret_place_is_not_asked_for_in_the_open(due, connect):
    connect("tuquan_webhook", conn_type="http", host="http://chat.example/hooks")
    write(by_webhook=True)
    with pytest.raises(ServerFailed, match="has to be reached by https"):
        due.send(WEBHOOK)


def task(**changed):
    """What Airflow tells about a task that has failed."""
    facts = {"dag_id": "build_marts", "run_id": "build__2023-S1__20261127T013000", "task_id": "run_gates"}
    facts |= {"map_index": -1, "try_number": 3}
    facts |= changed
    page = f"dags/{facts['dag_id']}/runs/{facts['run_id']}/tasks/{facts['task_id']}?try_number=3"
    return SimpleNamespace(**facts, log_url=f"https://airflow.noi-bo.example:8443/{page}")


@pytest.fixture
def callbacks(due, monkeypatch):
    """What Airflow calls when a task, and when a run, has failed."""
    from airflow.sdk import Connection

    monkeypatch.setenv("TUQUAN_ENGINEERS", "truc@tinh.example ky-thuat@tinh.example Nhầm")
    told_of = alerts.callbacks(Connection.get)
    return told_of["default_args"]["on_failure_callback"], told_of["on_failure_callback"]


def test_a_failure_is_told_at_once_without_a_word_of_what_was_in_hand(callbacks, post, webhook, home):
    task_failed, run_failed = callbacks
    secret = ValueError("biểu xã 15127: 12.345 hộ, postgresql://tuquan:kh0ng-ai-duoc-biet@db")
    task_failed({"ti": task(), "exception": secret})
    assert [to for to, _ in post.taken] == [["truc@tinh.example"], ["ky-thuat@tinh.example"]]
    message = email.message_from_bytes(post.taken[0][1], policy=email.policy.default)
    text = message.get_content()
    assert message["Subject"] == "Tác vụ hỏng: build_marts / run_gates"
    for fact in ("build__2023-S1__20261127T013000", "lần thử thứ 3", "Loại lỗi: ValueError"):
        assert fact in text
    assert "Nhật ký: /dags/build_marts/runs/build__2023-S1__20261127T013000/tasks/run_gates?try_number=3" in text
    ((_, content),) = webhook.taken
    assert (content["kind"], content["dag"], content["task"]) == ("failure", "build_marts", "run_gates")
    for told_text in (text, json.dumps(content), (home.logs / alerts.FILE).read_text()):
        for hidden in ("12.345", "15127", "kh0ng-ai", "noi-bo.example"):
            assert hidden not in told_text
    run_failed({"ti": task(), "reason": "task_failure"})
    assert len(post.taken) == 2  # the task has said it


def test_a_run_whose_task_was_killed_is_told_of_by_the_run(callbacks, post, webhook):
    callbacks[1]({"ti": task(), "reason": "task_failure"})
    message = email.message_from_bytes(post.taken[0][1], policy=email.policy.default)
    text = message.get_content()
    assert message["Subject"] == "Lần chạy hỏng: build_marts"
    assert "bị dừng đột ngột" in text
    assert "run_gates" not in text
    assert "/dags/build_marts/runs/build__2023-S1__20261127T013000" in text


def test_an_alert_that_cannot_be_sent_hides_no_failure_and_goes_with_the_next_pass(
    callbacks, due, post, webhook, connect, home, caplog, at_once
):
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=1, extra={"use_ssl": False})
    connect("tuquan_webhook", conn_type="http", host=f"http://{HOST}:1/hooks")
    caplog.set_level(logging.WARNING)
    callbacks[0]({"ti": task(map_index=2), "exception": KeyError("x")})
    assert "waits in the outbox" in caplog.text
    assert json.loads((home.logs / alerts.FILE).read_text())["task"] == "run_gates[2]"
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=post.port, extra={"use_ssl": False})
    due.send(SMTP)
    assert len(post.taken) == 2


@pytest.mark.parametrize("taken_away", ["logs", "outbox"])
def test_where_nothing_can_be_written_the_engineers_hear_of_it_all_the_same(
    callbacks, post, webhook, home, taken_away, caplog
):
    """As on a full disk, or in a process to which the folder of the system is closed."""
    (home.home / taken_away).write_text("no folder")
    callbacks[0]({"ti": task(), "exception": OSError("No space left on device")})
    assert (len(post.taken), len(webhook.taken)) == (2, 1)
    assert "cannot be written: " in caplog.text
    callbacks[1]({"ti": task(), "reason": "task_failure"})


def test_a_line_that_was_cut_short_keeps_nobody_silent(callbacks, post, webhook, home):
    home.logs.mkdir()
    (home.logs / alerts.FILE).write_text('{"failed_at":"2026-11-27T01:')
    callbacks[1]({"ti": task(), "reason": "task_failure"})
    assert len(post.taken) == 2
    callbacks[1]({"ti": task(), "reason": "task_failure"})
    assert len(post.taken) == 2


def test_a_channel_that_is_down_all_morning_is_told_of_once(callbacks, post, webhook, home):
    for hour in ("0100", "0115", "0130"):
        callbacks[0]({"ti": task(run_id=f"scheduled__{hour}"), "exception": ConnectionError()})
        callbacks[1]({"ti": task(run_id=f"scheduled__{hour}"), "reason": "task_failure"})
    assert len(post.taken) == 2
    assert len((home.logs / alerts.FILE).read_text().splitlines()) == 3
    callbacks[0]({"ti": task(run_id="scheduled__0145"), "exception": ValueError()})
    assert len(post.taken) == 4
    callbacks[0]({"ti": task(), "exception": ConnectionError()})
    assert len(post.taken) == 6


def test_with_nobody_to_tell_a_failure_is_still_kept(callbacks, home, monkeypatch, caplog):
    monkeypatch.setenv("TUQUAN_CHANNELS", "")
    callbacks[0]({"ti": task(), "exception": KeyError("x")})
    assert "nobody was told of this failure" in caplog.text
    assert (home.logs / alerts.FILE).exists()
    assert outbox.waiting_replies() == []
