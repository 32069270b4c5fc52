"""One pass through Airflow's own scheduler: a mail comes in and is answered while another channel is down."""

import email
import email.policy
import os
import time

import pytest

from tuquan import handoffs, local_airflow

HOST = "127.0.0.1"
IMAP, SMTP, DOWN = "imap://tuquan_imap@/INBOX", "smtp://tuquan_smtp@", "sftp://tuquan_sftp@/inbox"
RUN = "collect__channels"
pytestmark = [
    pytest.mark.scheduler,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


def this_run(airflow):
    return next(run for run in airflow.runs(handoffs.COLLECT) if run.run_id == RUN)


def test_a_channel_that_is_down_ends_the_run_red_and_stops_nobody(
    office, mailbox, post_office, connect, mail, workbooks, monkeypatch, home
):
    connect("tuquan_imap", conn_type="imap", host=HOST, port=mailbox.port, extra={"use_ssl": False})
    mine = {"use_ssl": False, "from_email": "thong-ke@tinh.example"}
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=post_office.port, extra=mine)
    connect("tuquan_sftp", conn_type="sftp", host=HOST, port=1)
    monkeypatch.setenv("TUQUAN_CHANNELS", f"{DOWN} {IMAP} {SMTP}")
    usual = local_airflow.environment
    once = {"AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "0"}
    monkeypatch.setattr(local_airflow, "environment", lambda *args, **facts: {**usual(*args, **facts), **once})
    home.inbox.mkdir(parents=True)
    (home.inbox / workbooks[0][0]).write_bytes(workbooks[0][1])
    written = mail(workbooks[1])
    mailbox.put(written)

    with local_airflow.LocalAirflow() as airflow:
        airflow.unpause([handoffs.COLLECT])
        airflow.trigger(handoffs.COLLECT, RUN)
        deadline = time.monotonic() + 200
        while not this_run(airflow).is_over:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        run = this_run(airflow)
        states = airflow.task_states(handoffs.COLLECT, RUN)
        tasks = f"/api/v2/dags/{handoffs.COLLECT}/dagRuns/{RUN}/taskInstances"
        received = airflow._get(tasks, {"limit": 100})["task_instances"]
        events = airflow._get("/api/v2/assets/events", {"name_pattern": handoffs.RECEIPTS})["asset_events"]
    # The folder, SFTP, mail.
    assert [states[f"receive_channel[{number}]"] for number in range(3)] == ["success", "failed", "success"]
    assert {name: state for name, state in states.items() if state != "success"} == {
        "receive_channel[1]": "failed",
        "all_channels_answered": "upstream_failed",
    }
    labels = {task["rendered_map_index"] for task in received if task["task_id"] == "receive_channel"}
    assert labels == {"folder", DOWN, IMAP}
    assert run.state == "failed"
    assert len(office.outcomes()) == 2
    assert all(count > 10 for *_, count in office.outcomes())

    ((recipients, content),) = post_office.taken
    answer = email.message_from_bytes(content, policy=email.policy.default)
    assert recipients == ["can-bo@xa.example"]
    assert answer["In-Reply-To"] == written["Message-ID"]

    (event,) = [event for event in events if event["extra"].get("count")]
    assert event["extra"]["count"] == 2
    assert all(os.path.exists(path) for path in event["extra"]["receipts"])  # noqa: PTH110

    logs = {path: path.read_text(errors="replace") for path in (home.home / "airflow").rglob("*.log")}
    assert any("accepted" in text or "held" in text for text in logs.values())
    assert not [path for path, text in logs.items() if "kh0ng-ai-duoc-biet" in text]
