"""What can be said about our local Airflow without starting one; tests/journeys starts it."""

import json
import socket
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tuquan import handoffs, local_airflow
from tuquan.local_airflow import AirflowFailed, Approval, LocalAirflow


@pytest.fixture
def airflow(home):
    """An Airflow that has a home but was not started; what it starts is ended."""
    airflow = LocalAirflow(port=1)
    airflow.home.mkdir(parents=True)
    airflow.log_folder.mkdir()
    yield airflow
    airflow.kill()
    airflow.stop()


def start(airflow, name, code):
    """Let ``airflow`` own a small process instead of a component."""
    airflow.components[name] = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def test_it_listens_on_loopback_only(home):
    settings = local_airflow.environment(home.home, home.project, 8123, "secret")
    assert settings["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert settings["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8123/execution/"
    assert "--skip-serve-logs" in local_airflow.COMPONENTS["scheduler"]


def test_all_that_it_keeps_lies_under_its_home(home):
    settings = local_airflow.environment(home.home, home.project, 8123, "secret")
    kept = [settings[name] for name in settings if name.endswith(("HOME", "_FILE", "_CONN", "LOG_FOLDER"))]
    assert len(kept) == 4
    assert all(str(home.home) in path for path in kept)


def test_a_taken_port_is_refused_with_the_name_of_the_setting():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AirflowFailed, match="TUQUAN_AIRFLOW_PORT"):
            local_airflow.choose_port(str(taken.getsockname()[1]))


def test_without_a_wish_any_free_port_is_taken():
    assert local_airflow.choose_port(None) > 1023


def test_passwords_are_random_kept_and_readable_by_nobody_else(airflow):
    airflow._make_passwords()
    first = json.loads(airflow.passwords_file.read_text())
    airflow._make_passwords()
    assert json.loads(airflow.passwords_file.read_text()) == first
    assert set(first) == set(local_airflow.USERS)
    assert len(set(first.values())) == len(first)
    assert stat.S_IMODE(airflow.passwords_file.stat().st_mode) == 0o600


def test_one_home_holds_one_airflow(airflow):
    airflow._take_lock()
    other = LocalAirflow(port=2)
    with pytest.raises(AirflowFailed, match="still running"):
        other._take_lock()
    airflow.stop()
    other._take_lock()
    other.stop()


def test_stopping_leaves_no_process_behind_not_even_one_that_ignores_signals(airflow, monkeypatch):
    monkeypatch.setattr(local_airflow, "STOP_SECONDS", 1)
    monkeypatch.setattr(local_airflow, "API_STOP_SECONDS", 1)
    grandchild = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    start(airflow, "scheduler", f"{grandchild}; sys.exit()")
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    start(airflow, "api-server", deaf)
    while airflow.components["scheduler"].poll() is None:
        time.sleep(0.05)
    left = airflow.processes()
    assert len(left) == 2  # the orphan of the scheduler, and the API server
    airflow.stop()
    assert not any(process.is_running() and process.status() != "zombie" for process in left)


def test_a_component_that_ends_by_itself_is_named_with_its_log(airflow):
    start(airflow, "scheduler", "raise SystemExit(1)")
    airflow.components["scheduler"].wait()
    with pytest.raises(AirflowFailed, match=r"scheduler ended.*scheduler\.log"):
        airflow.check_alive()


class Server:
    """Answers like Airflow's API: the first answer of a question is lost, the second is kept."""

    def __init__(self, losses):
        self.losses = losses
        self.answers = []
        self.cleared = 0

    def __call__(self, request):
        if request.method == "PATCH":
            self.answers.append(json.loads(request.content))
            return httpx.Response(200, json={})
        if request.url.path.endswith("/clear"):
            self.cleared += 1
            return httpx.Response(200, json={})
        if request.url.path.endswith("/hitlDetails"):
            return httpx.Response(200, json={"hitl_details": [question()]})
        is_lost = len(self.answers) <= self.losses
        states = (
            {"approve": "failed", handoffs.DECISION: "upstream_failed"} if is_lost else {handoffs.DECISION: "success"}
        )
        found = [{"task_id": task, "map_index": -1, "state": state} for task, state in states.items()]
        return httpx.Response(200, json={"task_instances": found})


def question():
    run = {"dag_id": "publish_release", "dag_run_id": "publish__2021__9f86d081", "task_id": "approve"}
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    return {"task_instance": run, "subject": "?", "body": None, "created_at": long_ago.isoformat()}


def ask(airflow, losses):
    server = Server(losses)
    client = httpx.Client(transport=httpx.MockTransport(server), base_url=airflow.url)
    airflow._clients = {local_airflow.ADMIN: client, local_airflow.DEMO_APPROVER: client}
    return server, airflow.open_approvals()[0]


def test_an_answer_that_airflow_lost_is_given_again(airflow):
    server, approval = ask(airflow, losses=1)
    airflow.answer(approval, approved=True, note="đã xem")
    assert server.cleared == 1
    assert server.answers == [{"chosen_options": ["Approve"], "params_input": {"note": "đã xem"}}] * 2


def test_an_answer_that_is_lost_every_time_is_an_error(airflow):
    server, approval = ask(airflow, losses=9)
    with pytest.raises(AirflowFailed, match="three times"):
        airflow.answer(approval, approved=False)
    assert len(server.answers) == 3


def test_nobody_answers_before_the_scheduler_listens(airflow, monkeypatch):
    monkeypatch.setattr(local_airflow, "SETTLE_SECONDS", 0.5)
    _, approval = ask(airflow, losses=0)
    fresh = Approval(approval.dag_id, approval.run_id, approval.task_id, "?", "", datetime.now(UTC))
    started = time.monotonic()
    airflow.answer(fresh, approved=True)
    assert time.monotonic() - started >= 0.4


def serve(airflow, statuses):
    """Let the API answer each request with the next status."""
    left = iter(statuses)
    client = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(next(left), json={"hitl_details": []})),
        base_url=airflow.url,
    )
    airflow._clients = {local_airflow.ADMIN: client}
    return left


def test_a_busy_database_is_asked_again(airflow, monkeypatch):
    monkeypatch.setattr(LocalAirflow._send.retry, "sleep", lambda _: None)
    left = serve(airflow, [500, 500, 200, 418])
    assert airflow.open_approvals() == []
    assert next(left) == 418


def test_a_refusal_is_not_asked_again(airflow):
    left = serve(airflow, [409, 418])
    with pytest.raises(AirflowFailed, match="409"):
        airflow.open_approvals()
    assert next(left) == 418
