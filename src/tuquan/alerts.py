"""A task that failed for good, to those who mend the machinery: at once, by mail and webhook, and into a file.

Airflow calls this when no retry is left. Where it happened is told and nothing else: no figure, no file name and no
text of an error, which may hold either, or a password. ``logs/failures.jsonl`` keeps each failure, whatever the mail
server does; a notice that cannot be sent now waits in the outbox for the next pass. Where neither can be written,
because a disk is full or belongs to somebody else, the notices are sent from a folder of their own: that is the very
thing to be told.
"""

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tuquan import channels, outbox, settings
from tuquan.outbox import WaitingReply
from tuquan.vocabulary.phrases import VIETNAM, phrase, shown

ALERT = "alert"  # kind of notice
# A channel that is down fails every quarter of an hour: a run of the schedule says the same again after so long only.
SILENT_FOR = timedelta(hours=6)
SCHEDULED = "scheduled__"  # how Airflow names such runs
FILE = "failures.jsonl"

log = logging.getLogger(__name__)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of one failure. ``task`` is empty when only the run is known to have failed.

    ``link`` is the path of the log below the address of Airflow; ``error`` the kind of exception, if there was one.
    ``is_told`` says whether notices were written.
    """

    failed_at: datetime
    dag: str
    run: str
    task: str = ""
    try_number: int | None = None
    error: str = ""
    link: str = ""
    is_told: bool = True


def callbacks(get_connection: Callable[[str], Any]) -> dict[str, Any]:
    """Return the arguments of a DAG that tell the engineers of its failures.

    A task that fails tells itself. One that is killed cannot; then its run does, which Airflow notices.
    ``get_connection`` is Airflow's ``Connection.get``.
    """

    def task_failed(context: Mapping[str, Any]) -> None:
        _tell_safely(_failure(context), get_connection)

    def run_failed(context: Mapping[str, Any]) -> None:
        failure = _failure(context)
        if not any((one.dag, one.run) == (failure.dag, failure.run) for one in _kept()):
            # The last task of the run need not be the one that failed.
            whole = msgspec.structs.replace(failure, task="", try_number=None, error="", link=_run_link(failure))
            _tell_safely(whole, get_connection)

    return {"default_args": {"on_failure_callback": task_failed}, "on_failure_callback": run_failed}


def tell(failure: Failure, get_connection: Callable[[str], Any]) -> None:
    """Keep a failure, write its notices to the outbox and try to send them now.

    What failed in the same way in a run of the schedule not long ago is kept only.
    """
    is_repeated = failure.run.startswith(SCHEDULED) and any(_says_the_same(failure, one) for one in _kept())
    try:
        _keep(failure, is_told=not is_repeated)
    except OSError as error:
        log.warning("%s cannot be written: %s", FILE, type(error).__name__)
    if is_repeated:
        log.warning("the engineers were told of the same failure less than %s ago", SILENT_FOR)
        return
    try:
        channels.send_now(_notices(failure), get_connection)
    except OSError as error:
        log.warning("the outbox cannot be written: %s; what cannot be sent now is lost", type(error).__name__)
        with tempfile.TemporaryDirectory() as folder:
            channels.send_now(_notices(failure, Path(folder)), get_connection)


def _tell_safely(failure: Failure, get_connection: Callable[[str], Any]) -> None:
    try:
        tell(failure, get_connection)
    except Exception as error:  # the task has failed already; what it says is in its log
        log.warning("the engineers could not be told: %s", type(error).__name__)


def _failure(context: Mapping[str, Any]) -> Failure:
    task = context.get("task_instance") or context.get("ti")
    now = datetime.now(UTC).replace(microsecond=0)
    if task is None:
        dag = context.get("dag")
        return Failure(failed_at=now, dag=getattr(dag, "dag_id", ""), run=shown(context.get("run_id") or ""))
    index = task.map_index if task.map_index is not None and task.map_index >= 0 else None
    error = context.get("exception")
    address = urlsplit(task.log_url)
    return Failure(
        failed_at=now,
        dag=task.dag_id,
        run=shown(task.run_id),
        task=task.task_id if index is None else f"{task.task_id}[{index}]",
        try_number=task.try_number,
        error=type(error).__name__ if isinstance(error, BaseException) else "",
        link=f"{address.path}?{address.query}" if address.query else address.path,
    )


def _run_link(failure: Failure) -> str:
    return failure.link.partition("/tasks/")[0]


def _notices(failure: Failure, folder: Path | None = None) -> list[WaitingReply]:
    """Write what is to be told, into the outbox or another ``folder``."""
    facts = msgspec.structs.asdict(failure)
    del facts["is_told"]
    name = "alert.text" if failure.task else "alert.text_run"
    time = failure.failed_at.astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
    text = phrase(name, **facts | {"time": time, "error": failure.error or "–"})
    subject = phrase("alert.subject" if failure.task else "alert.subject_run", dag=failure.dag, task=failure.task)
    day, written_at = failure.failed_at.astimezone(VIETNAM).date(), failure.failed_at.replace(tzinfo=None)
    notices = []
    if channels.can_notify("smtp"):
        for number, address in enumerate(settings.load().engineers, start=1):
            if outbox.can_be_mailed(address):
                body = f"{text}\n\n{phrase('alert.foot')}\n"
                notices.append(outbox.put_notice(ALERT, address, subject, body, (), day, written_at, folder))
            else:
                log.warning("address %d of TUQUAN_ENGINEERS is no plain mail address", number)
    if channels.can_notify("webhook"):
        post = {"kind": "failure", "text": f"{subject}\n{text}", **facts}
        notices.append(outbox.put_post(ALERT, post, (), folder))
    if not notices:
        log.warning("nobody was told of this failure: TUQUAN_ENGINEERS or a channel is not set (docs/operators.md)")
    return notices


def _file() -> Path:
    return settings.load().logs / FILE


def _keep(failure: Failure, *, is_told: bool) -> None:
    _file().parent.mkdir(parents=True, exist_ok=True)
    line = msgspec.json.encode(msgspec.structs.replace(failure, is_told=is_told)) + b"\n"
    handle = os.open(_file(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":  # the last one was cut short
            line = b"\n" + line
        os.write(handle, line)  # at once: several tasks may fail at a time
    finally:
        os.close(handle)


def _kept() -> list[Failure]:
    """Return what the file holds. A line that was cut short, and a file that cannot be read, keep nobody silent."""
    try:
        lines = _file().read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            found.append(msgspec.json.decode(line, type=Failure))
    return found


def _says_the_same(failure: Failure, earlier: Failure) -> bool:
    same = all(getattr(failure, name) == getattr(earlier, name) for name in ("dag", "task", "error"))
    was_told = earlier.is_told and earlier.run.startswith(SCHEDULED)
    return same and was_told and failure.failed_at - earlier.failed_at < SILENT_FOR
