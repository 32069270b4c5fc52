"""The main job on the sample submissions, end to end through Airflow's own scheduler: what `make demo` runs.

Lays out an inbox with a few mistakes, lets Airflow collect, build and judge it, lays out the corrected workbooks, lets
a named demo approver sign what the gates let through, and prints what came of it.
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tuquan import collect, handoffs, publish, register, review, sample, settings
from tuquan.local_airflow import AirflowFailed, Approval, LocalAirflow
from tuquan.vocabulary.phrases import number_vi, phrase

MARK = ".tuquan-demo"
GIVE_UP_SECONDS = 900
_TOTALS = """
select place_as_named, time_period, indicator_name_vi, value_as_printed, communes_value, status, reason
from marts.statement_reconciliation
where time_period is not null and breakdown_of is null
order by time_period, ref_area, statement
"""


_QUESTIONS = "select message_vi from quality.flags where is_open order by time_period, flag_id"


class NotADemoHome(ValueError):
    """The folder holds something that no demo made, so it is not ours to empty."""


def run(out: Console) -> None:
    """Run the demo in ``TUQUAN_HOME`` (default ``var/demo``), which it empties first if an earlier demo made it.

    Raises:
        NotADemoHome: the folder is not empty and no demo made it.
        AirflowFailed: a run failed or did not end in time.
    """
    started = time.monotonic()
    os.environ.setdefault("TUQUAN_HOME", str(settings.load().project / "var" / "demo"))
    paths = settings.load()
    prepare_home(paths.home)
    out.print(phrase("demo.title"), style="bold")
    files = sample.lay_out_sample(paths.inbox, 1)
    out.print(phrase("demo.inbox", files=number_vi(len(files))))
    out.print(phrase("sample.notice"))
    out.print(phrase("demo.starting"))
    with LocalAirflow() as airflow:
        out.print(phrase("demo.started", url=airflow.url, seconds=f"{time.monotonic() - started:.0f}"))
        airflow.unpause()
        _pass(airflow, "wave-1", out)
        _print_questions(out)
        corrected = sample.lay_out_sample(paths.inbox, 2)
        out.print(phrase("demo.corrected", files=len(corrected)))
        _pass(airflow, "wave-2", out)
        _publish(airflow, out)
        out.print(phrase("demo.stopping"))
    _print_result(out)
    out.print(phrase("demo.finished", seconds=f"{time.monotonic() - started:.0f}"))


def prepare_home(home: Path) -> None:
    """Empty a home that an earlier demo made, and mark it as one."""
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise NotADemoHome(f"{home} is not empty and no demo made it; choose another folder: TUQUAN_HOME")
    if home.exists():
        for entry in home.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch()


def _pass(airflow: LocalAirflow, name: str, out: Console) -> None:
    """Let Airflow collect the inbox and build every period that received something."""
    airflow.trigger(handoffs.COLLECT, f"collect__{name}")
    seen: set[tuple[str, str]] = set()

    def is_over() -> bool:
        runs = [*airflow.runs(handoffs.COLLECT), *airflow.runs(handoffs.BUILD)]
        for ended in (run for run in runs if run.is_over and (run.dag_id, run.run_id) not in seen):
            seen.add((ended.dag_id, ended.run_id))
            if ended.state == "failed":
                raise AirflowFailed(f"run {ended.run_id} of {ended.dag_id} failed; see {airflow.log_folder}")
        return all(run.is_over for run in runs)

    _wait(is_over, f"the runs of {name}")
    received = register.received_files()
    counts = Counter(file["status"] for file in received)
    out.print(phrase("demo.received", **{status: number_vi(counts[status]) for status in _STATUSES}))


_STATUSES = ("accepted", "held", "refused", "duplicate", "ignored")


def _publish(airflow: LocalAirflow, out: Console) -> None:
    """Answer every open question as the demo approver: yes to what is current, no to what a correction overtook."""

    def is_over() -> bool:
        for approval in airflow.open_approvals():
            _answer(airflow, approval, out)
        runs = airflow.runs(handoffs.PUBLISH)
        for run in runs:
            if run.state == "failed":
                raise AirflowFailed(f"run {run.run_id} of {run.dag_id} failed; see {airflow.log_folder}")
        return all(run.is_over for run in runs)

    _wait(is_over, "the publications")


def _answer(airflow: LocalAirflow, approval: Approval, out: Console) -> None:
    run = next(run for run in airflow.runs(handoffs.PUBLISH) if run.run_id == approval.run_id)
    period = run.conf["time_period"]
    is_current = review.candidate(period) == run.conf["digest"]
    airflow.answer(approval, approved=is_current, note=phrase("demo.note" if is_current else "demo.note_overtaken"))
    out.print(phrase("demo.approved" if is_current else "demo.overtaken", period=period))


def _wait(is_over: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not is_over():
        if time.monotonic() > deadline:
            raise AirflowFailed(f"{what} did not end within {GIVE_UP_SECONDS} s")
        time.sleep(0.5)


def _print_questions(out: Console) -> None:
    """Show what was held, file by file, and what the checks ask about."""
    for file in register.received_files():
        for finding in file["findings"]:
            if finding["severity"] in ("held", "refused"):
                out.print(f"  · {finding['message_vi']}")
    for flag in review.open_flags():
        out.print(f"  · {phrase('severity.' + flag['severity'])}: {flag['message_vi']}")


def _print_result(out: Console) -> None:
    paths = settings.load()
    _, rows = publish.query(_TOTALS)
    table = Table(title=phrase("demo.compare_heading"), title_justify="left")
    for name in ("stated_place", "period", "indicator", "stated_value", "computed_value", "outcome"):
        table.add_column(phrase(f"release.column.{name}"))
    for place, period, indicator, stated, computed, status, reason in rows:
        is_reason = reason is not None and status == "not_comparable"
        outcome = phrase(f"statement_reason.{reason}" if is_reason else f"statement_status.{status}")
        decimals = 0 if computed is None or computed == computed.to_integral_value() else 1
        table.add_row(place, period, indicator, stated, number_vi(computed, decimals), outcome)
    out.print(table)
    for (message,) in publish.query(_QUESTIONS)[1]:
        out.print(phrase("demo.published_with", message=message))
    again = collect.register_inbox()
    out.print(phrase("demo.again", unchanged=number_vi(again.unchanged), registered=again.registered))
    for release in sorted(paths.releases.glob("*/r*/manifest.json")):
        out.print(phrase("demo.release", path=release.parent))
    out.print(phrase("demo.receipts", path=paths.receipts))
