"""A real Airflow on this machine, for `make demo` and `make up`: scheduler, DAG processor and API server on loopback.

Everything it keeps lies in ``TUQUAN_HOME/airflow`` (SQLite, logs, passwords). Nothing here imports Airflow: its
components are child processes, each in a session of its own, and we talk to them over REST like anybody else.

Why not ``airflow standalone``: it starts a triggerer that nothing here needs, serves logs on all interfaces (ports 8793
and 8794), and its children outlive a parent that is killed.
"""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from tuquan import handoffs, settings
from tuquan.vocabulary.phrases import phrase

HOST = "127.0.0.1"
ADMIN = "admin"
DEMO_REVIEWER = "can-bo-demo"
DEMO_APPROVER = "lanh-dao-demo"
DEMO_VIEWER = "nguoi-xem-demo"
USERS = {ADMIN: "admin", DEMO_REVIEWER: "user", DEMO_APPROVER: "op", DEMO_VIEWER: "viewer"}

START_SECONDS = 180
STOP_SECONDS = 30  # for tasks that are still running
API_STOP_SECONDS = 5
# Airflow 3.3 fails a task whose question is answered before the scheduler has seen its first half end: usually half a
# second after the question opened, 1.4 s at most in 24 trials. A person is never that fast; a program waits.
SETTLE_SECONDS = 3.0
ANSWER_SECONDS = 120
NO_LOCK = -1


COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
}
# Tasks are forks of the scheduler, so what it has imported costs them nothing. This import takes 7 s of CPU.
PRELOADED = {"scheduler": "import duckdb, great_expectations, xlsxwriter"}


SQLITE = {"timeout": 60}  # seconds to wait for the one writer; the default of 5 is short while tasks start


class AirflowFailed(RuntimeError):
    """Airflow did not start, did not answer or did not do what was asked; the message says where its logs are."""


class _ServerFault(AirflowFailed):
    """The API server could not do what was asked of it just now."""


@dataclass(frozen=True)
class Run:
    """One run of a DAG as the API reports it."""

    dag_id: str
    run_id: str
    state: str  # queued, running, success, failed
    conf: Mapping[str, Any]

    @property
    def is_over(self) -> bool:
        return self.state in {"success", "failed"}


@dataclass(frozen=True)
class Approval:
    """One open question of a run."""

    dag_id: str
    run_id: str
    task_id: str
    subject: str
    body: str
    asked_at: datetime


def environment(home: Path, project: Path, port: int, jwt_secret: str) -> dict[str, str]:
    """Return the settings of an Airflow whose files lie in ``home`` and which listens on ``port`` of loopback."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        # Retries are for machinery (a killed process, a full disk), and the same for every task.
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "2",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": f"{__name__}.SQLITE",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": f"{__name__}.SQLITE",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": jwt_secret,
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        # A killed scheduler's tasks are taken up again within seconds, not after five minutes.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }


def choose_port(wanted: str | None) -> int:
    """Return the wanted port if it is free, or any free one when none is wanted.

    Raises:
        AirflowFailed: the wanted port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(wanted or 0)))
        except OSError as taken:
            raise AirflowFailed(f"port {wanted} of {HOST} is taken; choose another: TUQUAN_AIRFLOW_PORT") from taken
        return probe.getsockname()[1]


class LocalAirflow:
    """Start Airflow, talk to it, stop it. Use it as a context manager; leaving it stops all that it started."""

    def __init__(
        self,
        port: int | None = None,
        components: Mapping[str, list[str]] = COMPONENTS,
        preloaded: Mapping[str, str] = PRELOADED,
        overrides: Mapping[str, str | None] | None = None,
    ) -> None:
        """Describe an Airflow of these components. ``overrides`` are settings of its own; None drops one of ours."""
        where = settings.load()
        self.home = where.home / "airflow"
        self.project = where.project
        self.port = port or choose_port(os.environ.get("TUQUAN_AIRFLOW_PORT"))
        self.url = f"http://{HOST}:{self.port}"
        self.commands = components
        self.preloaded = preloaded
        self.overrides = overrides or {}
        self.components: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = NO_LOCK
        self._clients: dict[str, httpx.Client] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that we stop it then, too
        try:
            self.launch()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Starting

    @property
    def passwords_file(self) -> Path:
        return self.home / "passwords.json"

    @property
    def log_folder(self) -> Path:
        return self.home / "logs"

    def launch(self) -> None:
        """Make the database and start the components, without waiting until they answer."""
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._make_passwords()
        usual = environment(self.home, self.project, self.port, jwt_secret=secrets.token_urlsafe(32))
        wanted = {**usual, **self.overrides}
        self.environment = {
            **os.environ,
            **{name: value for name, value in wanted.items() if value is not None},
            "TUQUAN_HOME": str(self.home.parent),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        }
        self._run("db", "migrate")
        for name in self.commands:
            self.start_component(name)

    def start_component(self, name: str) -> None:
        """Start one component in a session of its own, so that a Ctrl-C reaches us and not it."""
        with (self.log_folder / f"{name}.log").open("ab") as log:
            self.components[name] = subprocess.Popen(
                self._command(*self.commands[name], preload=self.preloaded.get(name, "")),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._lock],
            )

    def _command(self, *words: str, preload: str = "") -> list[str]:
        argv = ["airflow", *words]
        return [
            sys.executable,
            "-c",
            f"{preload}\nimport runpy, sys\nsys.argv = {argv}\nrunpy.run_module('airflow', run_name='__main__')",
        ]

    def _run(self, *words: str) -> None:
        log_file = self.log_folder / "setup.log"
        with log_file.open("ab") as log:
            done = subprocess.run(
                self._command(*words), env=self.environment, stdout=log, stderr=subprocess.STDOUT, check=False
            )
        if done.returncode:
            raise AirflowFailed(f"airflow {' '.join(words)} failed; see {log_file}")

    def _take_lock(self) -> None:
        """Hold ``home`` for this Airflow; its components inherit the lock, so it is free when the last one is gone."""
        self._lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._free_lock()
            raise AirflowFailed(f"an Airflow with the files of {self.home} is still running; stop it first") from None

    def _free_lock(self) -> None:
        if self._lock != NO_LOCK:
            os.close(self._lock)
            self._lock = NO_LOCK

    def _make_passwords(self) -> None:
        """Give each user a random password before Airflow would make one and print it into a log."""
        known = json.loads(self.passwords_file.read_text()) if self.passwords_file.exists() else {}
        passwords = {user: known.get(user) or secrets.token_urlsafe(18) for user in USERS}
        self.passwords_file.touch(mode=0o600)
        self.passwords_file.write_text(json.dumps(passwords) + "\n")

    def wait_until_ready(self) -> None:
        """Wait until the API answers, scheduler and DAG processor are healthy, and the DAGs and the pool are there."""
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            self.check_alive()
            if time.monotonic() > deadline:
                raise AirflowFailed(f"Airflow was not ready after {START_SECONDS} s; see {self.log_folder}")
            time.sleep(0.3)
        pool = {
            "name": handoffs.WAREHOUSE_WRITER,
            "slots": len(handoffs.loaders()),
            "description": "Whoever opens the warehouse",
        }
        bulk = {"actions": [{"action": "create", "entities": [pool], "action_on_existence": "overwrite"}]}
        if errors := self._send("PATCH", "/api/v2/pools", json=bulk)["create"]["errors"]:
            raise AirflowFailed(f"the pool {handoffs.WAREHOUSE_WRITER} could not be made: {errors}")

    def check_alive(self) -> None:
        """Raise AirflowFailed when a component has ended by itself."""
        for name, process in self.components.items():
            if process.poll() is not None:
                raise AirflowFailed(f"airflow {name} ended by itself; see {self.log_folder / name}.log")

    def _is_ready(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
            if any(health[part]["status"] != "healthy" for part in ("metadatabase", "scheduler", "dag_processor")):
                return False
            known = {dag["dag_id"] for dag in self._get("/api/v2/dags", {"limit": 100})["dags"]}
        except (httpx.TransportError, json.JSONDecodeError, KeyError):
            return False
        return set(handoffs.DAGS) <= known

    # Talking

    def client(self, user: str) -> httpx.Client:
        """Return a client that is logged in as ``user``."""
        if user not in self._clients:
            password = json.loads(self.passwords_file.read_text())[user]
            answer = httpx.post(f"{self.url}/auth/token", json={"username": user, "password": password}, timeout=30)
            answer.raise_for_status()
            token = answer.json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            self._clients[user] = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        return self._clients[user]

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._send("GET", path, params=query)

    # SQLite has one writer, so a busy Airflow now and then answers 500 "Database error"; that request did nothing.
    @retry(
        retry=retry_if_exception_type((_ServerFault, httpx.TransportError)),
        wait=wait_fixed(1),
        stop=stop_after_attempt(10),
        reraise=True,
    )
    def _send(self, method: str, path: str, user: str = ADMIN, **options: Any) -> Any:
        answer = self.client(user).request(method, path, **options)
        if answer.is_error:
            fault = _ServerFault if answer.is_server_error else AirflowFailed
            raise fault(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def unpause(self, dag_ids: Iterable[str] = handoffs.DAGS) -> None:
        """Let the scheduler run these DAGs; the last of the flow first, so that nothing waits for its successor."""
        for dag_id in reversed(list(dag_ids)):
            self._send("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, run_id: str | None = None, conf: Mapping[str, Any] | None = None) -> Run:
        """Start one run now."""
        asked = {"dag_run_id": run_id, "conf": dict(conf or {}), "logical_date": None}
        return _run_of(self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=asked))

    def runs(self, dag_id: str = "~") -> list[Run]:
        """Return the runs of one DAG, or of all of them, oldest first."""
        query = {"limit": 1000, "order_by": "run_after"}
        return [_run_of(run) for run in self._get(f"/api/v2/dags/{dag_id}/dagRuns", query)["dag_runs"]]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return what the API tells about each task of a run."""
        return self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", {"limit": 1000})["task_instances"]

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return the state of each task of a run; a mapped task is named ``task[0]``, ``task[1]``, ..."""
        return {
            task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else ""): task["state"]
            for task in self.tasks(dag_id, run_id)
        }

    def open_approvals(self) -> list[Approval]:
        """Return the questions that wait for an answer, oldest first."""
        query = {"response_received": False, "state": "awaiting_input", "limit": 1000}
        found = self._get("/api/v2/dags/~/dagRuns/~/hitlDetails", query)["hitl_details"]
        return sorted(map(_approval_of, found), key=lambda approval: approval.asked_at)

    def answer(self, approval: Approval, approved: bool, note: str = "", user: str = DEMO_APPROVER) -> None:
        """Answer one question as ``user`` and see that the decision was kept; ask again where Airflow lost it.

        Raises:
            AirflowFailed: the answer was refused, or lost three times.
        """
        for _ in range(3):
            age = (datetime.now(UTC) - approval.asked_at).total_seconds()
            time.sleep(max(0.0, SETTLE_SECONDS - age))
            chosen = {"chosen_options": ["Approve" if approved else "Reject"], "params_input": {"note": note}}
            self._send("PATCH", f"{_path_of(approval)}/-1/hitlDetails", user, json=chosen)
            if self._was_taken(approval):
                return
            run = f"/api/v2/dags/{approval.dag_id}/dagRuns/{approval.run_id}"
            self._send("POST", f"{run}/clear", json={"dry_run": False, "only_failed": True})
            approval = self._asked_again(approval)
        raise AirflowFailed(f"Airflow lost the answer to {approval.run_id} three times; see {self.log_folder}")

    def _was_taken(self, approval: Approval) -> bool:
        for _ in _until(ANSWER_SECONDS):
            states = self.task_states(approval.dag_id, approval.run_id)
            if states[handoffs.DECISION] == "success":
                return True
            if {"failed", "upstream_failed"} & set(states.values()):
                return False
        raise AirflowFailed(f"the answer to {approval.run_id} changed nothing for {ANSWER_SECONDS} s")

    def _asked_again(self, approval: Approval) -> Approval:
        for _ in _until(ANSWER_SECONDS):
            for question in self.open_approvals():
                if _path_of(question) == _path_of(approval):
                    return question
        raise AirflowFailed(f"{approval.run_id} was cleared but did not ask again within {ANSWER_SECONDS} s")

    # Stopping

    def processes(self, names: Iterable[str] | None = None) -> list[psutil.Process]:
        """Return the living processes of these components (default: all), also those whose parent is gone."""
        wanted = set(self.components if names is None else names)
        for process in self.components.values():
            process.poll()  # reaps it, so that it is no zombie
        sessions = {process.pid for name, process in self.components.items() if name in wanted}
        return [process for process in psutil.process_iter() if _session_of(process) in sessions and _lives(process)]

    def stop(self) -> None:
        """Ask the components to end, wait, end what is left by force, and make sure that nothing is left."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        # Tasks that still run tell the API server how they ended, so it goes last.
        self._end([name for name in self.components if name != "api-server"], STOP_SECONDS)
        self._end(list(self.components), API_STOP_SECONDS)
        self.kill()
        self._free_lock()

    def _end(self, names: list[str], seconds: float) -> None:
        for name in names:
            if self.components[name].poll() is None:
                self.components[name].send_signal(signal.SIGINT)
        deadline = time.monotonic() + seconds
        while self.processes(names) and time.monotonic() < deadline:
            time.sleep(0.1)

    def kill(self, name: str | None = None) -> None:
        """End every process of one component, or of all, at once and without a word, as a power cut would."""
        names = list(self.components) if name is None else [name]
        while left := self.processes(names):
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.1)
        for gone in names:
            del self.components[gone]


def up() -> None:
    """Start Airflow with the project's DAGs switched on and keep it up until Ctrl-C (or until a component fails)."""
    print(phrase("demo.starting"), flush=True)
    with contextlib.suppress(KeyboardInterrupt), LocalAirflow() as airflow:
        airflow.unpause()
        print(phrase("up.started", url=airflow.url, user=ADMIN, path=airflow.passwords_file), flush=True)
        try:
            while True:
                airflow.check_alive()
                time.sleep(1)
        finally:
            print(phrase("demo.stopping"), flush=True)


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except (ProcessLookupError, PermissionError):
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(seconds: float) -> Iterator[None]:
    """Go round twice a second until ``seconds`` are over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.5)


def _path_of(approval: Approval) -> str:
    return f"/api/v2/dags/{approval.dag_id}/dagRuns/{approval.run_id}/taskInstances/{approval.task_id}"


def _run_of(found: Mapping[str, Any]) -> Run:
    return Run(found["dag_id"], found["dag_run_id"], found["state"], found["conf"] or {})


def _approval_of(found: Mapping[str, Any]) -> Approval:
    task = found["task_instance"]
    asked_at = datetime.fromisoformat(found["created_at"])
    return Approval(
        task["dag_id"], task["dag_run_id"], task["task_id"], found["subject"], found["body"] or "", asked_at
    )
