"""One pass through Airflow's own scheduler: a mail comes in and is answered while another channel is down.

Then the engineers have been told of it, and the daily run tells the office and whoever is late.
"""

import email
import email.policy
import os
import shutil
import time
from datetime import datetime

import pytest

from tuquan import handoffs, local_airflow, settings
from tuquan.vocabulary.phrases import VIETNAM

HOST = "127.0.0.1"
IMAP, SMTP, DOWN = "imap://tuquan_imap@/INBOX", "smtp://tuquan_smtp@", "sftp://tuquan_sftp@/inbox"
RUN, DAILY = "collect__channels", "remind__today"
pytestmark = [
    pytest.mark.scheduler,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


def finished(airflow, dag_id, run_id):
    """Wait for a run, and return how it ended."""
    deadline = time.monotonic() + 200
    while True:
        run = next(run for run in airflow.runs(dag_id) if run.run_id == run_id)
        if run.is_over:
            return run
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.fixture
def working_day(tmp_path, monkeypatch):
    """Offices work today, whatever day it is."""
    seeds = shutil.copytree(settings.load().seeds, tmp_path / "seeds")
    with (seeds / "holidays.csv").open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(VIETNAM):%Y-%m-%d},Làm việc,true,test\n")
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))


def mails_of(post_office):
    """What was sent, as (address, message)."""
    taken = post_office.taken
    return [(address, email.message_from_bytes(content, policy=email.policy.default)) for (address,), content in taken]


def test_a_channel_that_is_down_ends_the_run_red_and_stops_nobody(
    office, mailbox, post_office, connect, mail, workbooks, monkeypatch, home, working_day
):
    connect("tuquan_imap", conn_type="imap", host=HOST, port=mailbox.port, extra={"use_ssl": False})
    mine = {"use_ssl": False, "from_email": "thong-ke@tinh.example"}
    connect("tuquan_smtp", conn_type="smtp", host=HOST, port=post_office.port, extra=mine)
    connect("tuquan_sftp", conn_type="sftp", host=HOST, port=1)
    monkeypatch.setenv("TUQUAN_CHANNELS", f"{DOWN} {IMAP} {SMTP}")
    monkeypatch.setenv("TUQUAN_ENGINEERS", "ky-thuat@tinh.example")
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
        run = finished(airflow, handoffs.COLLECT, RUN)
        states = airflow.task_states(handoffs.COLLECT, RUN)
        tasks = f"/api/v2/dags/{handoffs.COLLECT}/dagRuns/{RUN}/taskInstances"
        received = airflow._get(tasks, {"limit": 100})["task_instances"]
        events = airflow._get("/api/v2/assets/events", {"name_pattern": handoffs.RECEIPTS})["asset_events"]
        sent = mails_of(post_office)
        post_office.taken.clear()
        home.contacts.write_text(
            "ref_area,address\nVN,van-phong@tinh.example\n01,ha-noi@tinh.example\n", encoding="utf-8"
        )
        airflow.unpause([handoffs.REMIND])
        airflow.trigger(handoffs.REMIND, DAILY)
        daily = finished(airflow, handoffs.REMIND, DAILY)
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

    assert {address for address, _ in sent} == {"can-bo@xa.example", "ky-thuat@tinh.example"}
    (answer,) = [message for address, message in sent if address == "can-bo@xa.example"]
    assert answer["In-Reply-To"] == written["Message-ID"]
    # Airflow may have begun a run of the schedule as well, which fails like ours.
    (alert,) = [message for address, message in sent if address != "can-bo@xa.example" and RUN in message.get_content()]
    assert alert["Subject"] == "Tác vụ hỏng: collect_submissions / receive_channel[1]"
    assert f"/dags/collect_submissions/runs/{RUN}/tasks/receive_channel/mapped/1?try_number=1" in alert.get_content()

    assert daily.state == "success"
    told = mails_of(post_office)
    (digest,) = [message for address, message in told if address == "van-phong@tinh.example"]
    assert digest["Subject"].startswith("Tổng hợp tình hình báo cáo ngày ")
    assert dict(office.query("select outcome, count(*) > 0 from meta.reminders group by all")) == {"sent": True}

    (event,) = [event for event in events if event["extra"].get("count")]
    assert event["extra"]["count"] == 2
    assert all(os.path.exists(path) for path in event["extra"]["receipts"])  # noqa: PTH110

    logs = {path: path.read_text(errors="replace") for path in (home.home / "airflow").rglob("*.log")}
    assert any("accepted" in text or "held" in text for text in logs.values())
    assert not [path for path, text in logs.items() if "kh0ng-ai-duoc-biet" in text]
