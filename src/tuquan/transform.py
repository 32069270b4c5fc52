"""Raw cells → staging, marts and flags: runs dbt over the whole warehouse.

dbt runs as a subprocess, because in this process it would keep the DuckDB file locked after it returned, and once for
all models, because its start costs more than the models do. The subprocess is this module (``python -m``).
"""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuquan import model_docs, settings, warehouse
from tuquan.inputs import inputs_digest, is_built, rules_digest

_NEW_SUBMISSIONS = """
select distinct submissions.time_period
from raw.submissions
where submissions.time_period is not null
    and not exists (
        select 1 from meta.builds
        where builds.time_period = submissions.time_period and builds.started_at > submissions.loaded_at
    )
"""
_NEW_DECISIONS = """
select distinct decisions.time_period
from meta.decisions
where not exists (
    select 1 from meta.builds
    where builds.time_period = decisions.time_period and builds.started_at > decisions.decided_at
)
"""


RUN_RESULTS = "run_results.json"  # in the target path of dbt


class BuildFailed(RuntimeError):
    """dbt ended with an error; the message names the nodes that failed."""


class NotBuilt(LookupError):
    """The marts do not tell what is known of a period."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test."""

    node: str
    resource_type: str
    status: str
    seconds: float
    message: str | None


def periods_with_news() -> list[str]:
    """Return the periods for which something arrived, or was decided, since they were last built; ordered."""
    with warehouse.connect() as connection:
        news = [connection.execute(query).fetchall() for query in (_NEW_SUBMISSIONS, _NEW_DECISIONS)]
    return sorted({time_period for rows in news for (time_period,) in rows})


def has_news(time_period: str) -> bool:
    """Return whether building and judging ``time_period`` now could give anything other than last time."""
    with warehouse.connect() as connection:
        judged = connection.execute(
            "select period_digest from meta.builds "
            "where time_period = ? and exists (select 1 from meta.candidates "
            "where candidates.time_period = builds.time_period and candidates.judged_at > builds.started_at) "
            "order by started_at desc limit 1",
            [time_period],
        ).fetchone()
        return judged is None or judged[0] != inputs_digest(connection, time_period)


def ensure_built(time_period: str) -> None:
    """Refuse to go on with marts that do not tell what is known of ``time_period``.

    Raises:
        NotBuilt: it was never built, or something changed since.
    """
    with warehouse.connect() as connection:
        if not is_built(connection, time_period):
            raise NotBuilt(
                f"{time_period} is not built, or something changed since; build it first "
                f"(tuquan build --period {time_period})"
            )


def build(time_period: str) -> list[NodeResult]:
    """Bring all marts and flags up to date and note that ``time_period`` is built; return what dbt did.

    The models see to all periods that changed, so a build for one period serves the others: dbt runs only when
    submissions, decisions, seeds or code changed since it last ran, or the figures of ``time_period`` were not judged.
    After a change of seeds or code everything is built from nothing. Without one, what hangs on them alone is what it
    was when its tests passed, so only what hangs on the raw and meta tables is built and tested.

    Raises:
        BuildFailed: dbt could not build a model, or one of its tests failed.
    """
    with warehouse.building():
        return _build(time_period)


def _build(time_period: str) -> list[NodeResult]:
    started_at = datetime.now(UTC).replace(tzinfo=None)
    rules = rules_digest()
    with warehouse.connect() as connection:
        digest = inputs_digest(connection)
        period_digest = inputs_digest(connection, time_period)
        built = connection.execute("select inputs_digest from meta.builds order by finished_at desc limit 1").fetchone()
        judged = connection.execute(
            "select 1 from meta.built_periods where time_period = ? and is_judged", [time_period]
        ).fetchone()
        rules_built = connection.execute("select max(rules_digest) from meta.built_periods").fetchone()[0]
        is_anew = rules_built != rules or not warehouse.has_table(connection, "intermediate.int_changed_periods")
    results: list[NodeResult] = []
    if built is None or built[0] != digest or judged is None:
        with warehouse.connect() as connection, warehouse.transaction(connection):
            # Until dbt has ended well the marts are of no inputs at all, whatever becomes of seeds and code meanwhile.
            connection.execute("update meta.builds set inputs_digest = ''")
            connection.execute("delete from meta.build_requests")
            # A confirmation changes no figure, so its period is told with it only when that is asked for.
            answered = {row[0] for row in connection.execute(_NEW_DECISIONS).fetchall()}
            connection.executemany(
                "insert into meta.build_requests values (?, ?)",
                [(period, rules) for period in sorted({time_period, *answered})],
            )
            if is_anew:  # and until it has ended well, so will be the next one
                connection.execute("update meta.built_periods set rules_digest = ''")
        # Its picture of the project in JSON costs a second, so it is drawn only when the models are others.
        results = run_dbt(
            *("build", "--exclude-resource-type", "unit_test"),
            *(["--full-refresh"] if is_anew else ["--select", "source:*+", "--no-write-json"]),
        )
        while waiting := _periods_to_compare():  # more figures than memory holds at a time
            results += run_dbt(
                *("build", "--exclude-resource-type", "unit_test", "--no-write-json"),
                *("--select", "judged_periods+", "--exclude", "judged_periods"),
            )
            if _periods_to_compare() >= waiting:
                raise BuildFailed("dbt ended well and compared no figures; see plausibility_cells and judged_periods")
        drawn = settings.load().home / "warehouse" / "dbt" / "manifest.json"
        if is_anew and drawn.exists():
            model_docs.write_model_docs(drawn)
        with warehouse.connect() as connection, warehouse.transaction(connection):
            _note_built_periods(connection)
    with warehouse.connect() as connection:
        connection.execute(
            "insert into meta.builds values ($time_period, $inputs, $period, $started_at, $finished_at)",
            {
                "time_period": time_period,
                "inputs": digest,
                "period": period_digest,
                "started_at": started_at,
                "finished_at": datetime.now(UTC).replace(tzinfo=None),
            },
        )
    return results


def _periods_to_compare() -> int:
    """Return the number of periods whose figures are still to be compared with others."""
    with warehouse.connect() as connection:
        return connection.execute("select count(*) from quality.judged_periods where is_fresh").fetchone()[0]


def _note_built_periods(connection: warehouse.Connection) -> None:
    """Keep what the periods were made of, now that all models and tests have ended well."""
    connection.execute("delete from meta.built_periods")
    connection.execute(
        "insert into meta.built_periods "
        "select time_period, inputs_digest, rules_digest, is_to_judge or is_judged "
        "from intermediate.int_changed_periods"
    )


def run_dbt(*arguments: str) -> list[NodeResult]:
    """Run one dbt command on the warehouse; its log goes to standard output, its results to ``meta.dbt_run_results``.

    Raises:
        BuildFailed: dbt ended with an error.
    """
    paths = settings.load()
    target = paths.home / "warehouse" / "dbt"
    target.mkdir(parents=True, exist_ok=True)
    run_results = target / RUN_RESULTS
    run_results.unlink(missing_ok=True)
    with warehouse.connect():
        pass  # the raw and meta tables must be there before dbt reads them
    with warehouse.lend() as where:
        returncode = _start_dbt(arguments, where, target, paths.logs / "dbt")
    results = _read_results(run_results)
    _record(run_results, results)
    _refuse_failure(arguments, returncode, results)
    return results


def run_dbt_apart(database: Path, *arguments: str) -> None:
    """Run one dbt command on a DuckDB file that is not the warehouse; its log and results lie beside that file.

    Raises:
        BuildFailed: dbt ended with an error.
    """
    target = database.parent / "dbt"
    target.mkdir()
    where = {"DBT_TARGET": "file", "TUQUAN_WAREHOUSE": str(database), "TUQUAN_QUIET": "1"}
    returncode = _start_dbt(arguments, where, target, database.parent / "logs")
    _refuse_failure(arguments, returncode, _read_results(target / RUN_RESULTS))


def _start_dbt(arguments: tuple[str, ...], where: dict[str, str], target: Path, logs: Path) -> int:
    paths = settings.load()
    environment = {
        **os.environ,
        **where,
        "TUQUAN_SEEDS": str(paths.seeds),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(logs),
        "DBT_LOG_LEVEL": "none",  # _tell does it
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    folders = ["--project-dir", str(paths.dbt_project), "--profiles-dir", str(paths.dbt_project)]
    return _in_a_process([*arguments, *folders], environment)


def _in_a_process(arguments: list[str], environment: dict[str, str]) -> int:
    """Let dbt run in a process of its own, with this environment, and return its exit code."""
    command = [sys.executable, "-m", "tuquan.transform", *arguments]
    return subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL).returncode


def _refuse_failure(arguments: tuple[str, ...], returncode: int, results: list[NodeResult]) -> None:
    failed = [result for result in results if result.status in ("error", "fail", "runtime error")]
    if returncode:
        named = "; ".join(f"{result.node}: {(result.message or '').strip()}" for result in failed)
        raise BuildFailed(f"dbt {arguments[0]} failed ({named or f'exit code {returncode}; see its log above'})")


def _read_results(path: Path) -> list[NodeResult]:
    if not path.exists():
        return []
    return [
        NodeResult(
            node=result["unique_id"],
            resource_type=result["unique_id"].split(".")[0],
            status=result["status"],
            seconds=result["execution_time"],
            message=result["message"],
        )
        for result in json.loads(path.read_text(encoding="utf-8"))["results"]
    ]


def _record(path: Path, results: Iterable[NodeResult]) -> None:
    if not path.exists():
        return
    invocation = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    with warehouse.connect() as connection:
        warehouse.append(
            connection,
            "meta.dbt_run_results",
            (
                {
                    "invocation_id": invocation["invocation_id"],
                    "node": result.node,
                    "resource_type": result.resource_type,
                    "status": result.status,
                    "execution_seconds": result.seconds,
                    "message": result.message,
                    "finished_at": invocation["generated_at"].rstrip("Z"),
                }
                for result in results
            ),
        )


def _be_dbt(arguments: list[str]) -> int:
    """Run one dbt command in this process and return its exit code; its results are left in the target path."""
    from dbt.cli.main import dbtRunner  # a second of CPU, which nobody else has to pay

    # What dbt has imported stays until it ends, and so does most of what it reads: looking through all of it for
    # garbage over and over costs 6 % of a build, and finds next to nothing.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    _listen_to_what_is_told()
    ended = dbtRunner(callbacks=[_tell]).invoke(arguments)
    if hasattr(ended.result, "results"):  # not a picture of the models
        ended.result.write(str(Path(os.environ["DBT_TARGET_PATH"]) / RUN_RESULTS))
    if ended.exception is not None:
        sys.stderr.write(f"{ended.exception}\n")
    return 0 if ended.success else 1


def _listen_to_what_is_told() -> None:
    """Have dbt word no event that neither _tell nor a log hears: in a build 4,600, a quarter of a second of CPU."""
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

    class Listener(EventManager):
        def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *told: Any, **facts: Any) -> None:
            if self.loggers or (level or e.level_tag()) != EventLevel.DEBUG:
                super().fire_event(e, level, *told, **facts)

    listener = Listener()
    listener.loggers = get_event_manager().loggers
    ctx_set_event_manager(listener)


def _tell(event: Any) -> None:
    """Print what people are told; dbt's own way would first write out, and search for secrets, every debug line too."""
    told = ("error",) if os.environ.get("TUQUAN_QUIET") else ("info", "warn", "error")
    if event.info.level in told:
        sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S}  {event.info.msg}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_be_dbt(sys.argv[1:]))
