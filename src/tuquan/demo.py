"""The main job on the sample submissions, end to end through Airflow's own scheduler: what `make demo` runs.

Loads three years of one district and asks about what is implausible in them. Then lays out an inbox with a few
mistakes, lets Airflow collect, build and judge it, lays out the corrected workbooks, lets a named demo approver sign
what the gates let through, and prints what came of it.
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tuquan import (
    collect,
    handoffs,
    load,
    publish,
    receipts,
    register,
    review,
    sample,
    sample_history,
    settings,
    transform,
)
from tuquan.local_airflow import AirflowFailed, LocalAirflow
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
OUTCOMES = ("accepted", "held", "refused", "duplicate", "ignored")


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
    past = _load_history(out)
    files = sample.lay_out_sample(paths.inbox, 1)
    out.print(phrase("demo.inbox", files=number_vi(len(files))))
    out.print(phrase("sample.notice"))
    out.print(phrase("demo.starting"))
    with LocalAirflow() as airflow:
        out.print(phrase("demo.started", url=airflow.url, seconds=f"{time.monotonic() - started:.0f}"))
        airflow.unpause()
        _pass(airflow, "wave-1", out)
        _print_questions(out, past)
        corrected = sample.lay_out_sample(paths.inbox, 2)
        out.print(phrase("demo.corrected", files=len(corrected)))
        _pass(airflow, "wave-2", out)
        _publish(airflow, out)
        out.print(phrase("demo.stopping"))
    _insist_on_releases(past)
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


def _load_history(out: Console) -> set[str]:
    """Load three years of one district by hand, as a province does when it begins; return the periods.

    They were published long ago, so they go through no gate. What is implausible in them is asked about all the same.
    """
    files = sample_history.lay_out_history(settings.load().inbox)
    collect.register_inbox()
    load.load_registered()
    receipts.write_receipts()
    periods = transform.periods_with_news()
    for time_period in periods:  # the first build sees to all of them, the others only note it
        transform.build(time_period)
    out.print(
        phrase(
            "demo.history",
            files=number_vi(len(files)),
            district=sample_history.district()[0].name_vi,
            periods=number_vi(len(periods)),
        )
    )
    for question in review.open_questions():
        if question["time_period"] in periods:
            out.print(f"  · {question['message_vi']}")
    flags = [(flag["ref_area"], flag["time_period"], flag["indicator"]) for flag in review.open_flags()]
    for kind, is_event in (("mistakes", False), ("events", True)):
        incidents = [one for one in sample_history.load_incidents() if one.is_event is is_event]
        asked = {one.incident for one in incidents if any(one.is_about(*flag) for flag in flags)}
        out.print(phrase(f"demo.history_{kind}", found=len(asked), all=len({one.incident for one in incidents})))
    return set(periods)


def _pass(airflow: LocalAirflow, name: str, out: Console) -> None:
    """Let Airflow collect the inbox and build every period that received something."""
    airflow.trigger(handoffs.COLLECT, f"collect__{name}")
    _follow(airflow, (handoffs.COLLECT, handoffs.BUILD), out)
    counts = Counter(file["status"] for file in register.received_files())
    out.print(phrase("demo.received", **{status: number_vi(counts[status]) for status in OUTCOMES}))


def _publish(airflow: LocalAirflow, out: Console) -> None:
    """Answer every open question as the demo approver: yes to what is current, no to what a correction overtook."""

    def answer_open_approvals() -> None:
        for approval in airflow.open_approvals():
            run = next(run for run in airflow.runs(handoffs.PUBLISH) if run.run_id == approval.run_id)
            period = run.conf["time_period"]
            is_current = review.candidate(period) == run.conf["digest"]
            out.print(phrase("demo.approved" if is_current else "demo.overtaken", period=period))
            airflow.answer(approval, is_current, note=phrase("demo.note" if is_current else "demo.note_overtaken"))

    _follow(airflow, (handoffs.PUBLISH,), out, answer_open_approvals)


def _follow(
    airflow: LocalAirflow, dag_ids: tuple[str, ...], out: Console, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Wait until all runs of these DAGs are over, and say when each one is.

    Raises:
        AirflowFailed: a run failed, a component died, or it took too long.
    """
    deadline = time.monotonic() + GIVE_UP_SECONDS
    said: set[str] = set()
    over = {run.run_id for dag_id in dag_ids for run in airflow.runs(dag_id) if run.is_over}
    while True:
        meanwhile()
        airflow.check_alive()
        runs = [run for dag_id in dag_ids for run in airflow.runs(dag_id)]
        for run in runs:
            if run.is_over and run.run_id not in over:
                over.add(run.run_id)
                if run.state == "failed":
                    raise AirflowFailed(f"run {run.run_id} of {run.dag_id} failed; see {airflow.log_folder}")
                line = phrase(f"demo.over.{run.dag_id}", period=run.conf.get("time_period", ""))
                if line not in said:  # a pass while a build waits asks for it again, and that one has nothing to do
                    said.add(line)
                    out.print(line)
        if all(run.is_over for run in runs):
            return
        if time.monotonic() > deadline:
            raise AirflowFailed(
                f"{', '.join(dag_ids)} did not end within {GIVE_UP_SECONDS} s; see {airflow.log_folder}"
            )
        time.sleep(0.5)


def _insist_on_releases(past: set[str]) -> None:
    """Raise AirflowFailed when a period that received something, and is not ``past``, has no release."""
    received = {file["time_period"] for file in register.received_files() if file["version"]} - past
    released = {period for (period,) in publish.query("select distinct time_period from marts.releases")[1]}
    if missing := received - released:
        raise AirflowFailed(
            f"no release of {', '.join(sorted(missing))}; see tuquan flags, and the runs of build_marts"
        )


def _print_questions(out: Console, past: set[str]) -> None:
    """Show what was held, file by file, and what the checks ask about."""
    for file in register.received_files():
        for finding in file["findings"]:
            if finding["severity"] in ("held", "refused"):
                out.print(f"  · {finding['message_vi']}")
    for one in review.open_questions():
        if one["time_period"] not in past:
            out.print(f"  · {phrase('severity.' + one['severity'])}: {one['message_vi']}")


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
        out.print(phrase("demo.package", path=release.parent))
    out.print(phrase("demo.receipts", path=paths.receipts))
