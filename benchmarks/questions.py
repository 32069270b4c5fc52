"""The twenty questions of docs/questions on three years of a whole country: how long an analyst waits for each.

The 3,321 communes of today report 60 indicators in each of 36 months. Their cells are laid straight into a working
warehouse, dbt builds the marts, and each month becomes a release of the real layout: the code that publishes writes its
database. Gates, signatures and the workbooks of releases are left out; no question reads them. The last month gets a
second revision, so that there is something to ask about it.

The questions are those of the files with other periods in them, since the sample's are not these.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import history_data

from tuquan import publish, releases, review, settings, transform, vintages, warehouse
from tuquan.vocabulary.periods import Period, parse_period

LAST_MONTH, MONTHS = "2029-M08", 36  # all of them on the map of today
MOST_MS = 50
RUNS = 20
# What the questions ask of the sample, and the like of it here.
HERE = {
    "'2023-S1'": "'2029-M06'",
    "'2023-Q3'": "'2029-M06'",
    "'2023-Q4'": "'2029-M06'",
    "'2024-Q1'": "'2029-M06'",
    "'2019'": "'2029-M06'",
    "'2021'": f"'{LAST_MONTH}'",
    "year = 2023": "year = 2028",
    "'quarter'": "'month'",
}
CORRECTED = "hash(ref_area) % 30 = 0"  # who sends the last month again


@dataclass(frozen=True)
class Timing:
    """What one question took: milliseconds of wall clock, and of both cores together (median)."""

    question: str
    rows: int
    median_ms: float
    worst_ms: float
    cpu_ms: float

    @property
    def is_over(self) -> bool:
        return self.median_ms > MOST_MS


def main() -> int:
    arguments = _arguments()
    with _home(arguments.home) as home:
        if not (home / "releases" / releases.DATABASE).exists():
            _say("laying out cells")
            history_data.write_history(LAST_MONTH, arguments.months)
            _build_and_release(arguments.months)
        size = (home / "releases" / releases.DATABASE).stat().st_size
        timings = list(_ask(home / "releases" / releases.DATABASE))
    print(f"\n{arguments.months} months, {size / 1e6:.0f} MB\n")
    print("| question | rows | median ms | worst ms | CPU ms |\n|---|---|---|---|---|")
    for one in timings:
        print(f"| {one.question} | {one.rows:,} | {one.median_ms:.1f} | {one.worst_ms:.1f} | {one.cpu_ms:.1f} |")
    over = [one.question for one in timings if one.is_over]
    print(f"\nover {MOST_MS} ms: {', '.join(over) or 'none'}")
    return 1 if over and arguments.check else 0


@contextmanager
def _home(kept: Path | None) -> Iterator[Path]:
    """Point the settings to a home with seeds of its own: that of ``kept``, or one that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="tuquan-bench-") as temporary:
        home = (kept or Path(temporary)).resolve()
        if not (home / "seeds").exists():
            history_data.write_seeds_of_today(home / "seeds", _months(MONTHS)[0].start)
        os.environ |= {"TUQUAN_HOME": str(home), "TUQUAN_SEEDS": str(home / "seeds")}
        yield home


def _build_and_release(months: int) -> None:
    _say("building")
    transform.build(LAST_MONTH)
    _say(f"writing {months} releases")
    for period in _months(months):
        _release(period.code, 1)
    _say("a second revision of the last month")
    _correct()
    transform.build(LAST_MONTH)
    _release(LAST_MONTH, 2)
    _say("collecting the releases")
    vintages.bring_up_to_date()


def _months(count: int) -> list[Period]:
    periods = [parse_period(LAST_MONTH)]
    while len(periods) < count:
        periods.insert(0, periods[0].previous)
    return periods


def _release(time_period: str, revision: int) -> None:
    """Write the database of a release and its manifest, as publishing does, into the folder of the revision."""
    folder = settings.load().releases / time_period
    parent = releases.newest_revision(time_period)
    draft = folder / f"r{revision}"
    draft.mkdir(parents=True)
    released_at = datetime.combine(parse_period(time_period).end, datetime.min.time()) + timedelta(days=9 + revision)
    manifest = {
        "time_period": time_period,
        "revision": revision,
        "parent": {"revision": parent.revision, "content_digest": parent.content_digest} if parent else None,
        "released_at": released_at.isoformat(),
        "digest": f"{time_period} r{revision}",
        "content_digest": None,
        "approval": {"approver": "benchmark"},
        "code_version": "",
        "seeds": {},
        "decisions": [],
    }
    with warehouse.connect() as connection:
        publish._write_database(connection, draft / releases.DATABASE, manifest, parent)
    (draft / releases.MANIFEST).write_text(json.dumps(manifest, default=str), encoding="utf-8")


def _correct() -> None:
    """Let some communes send the last month again with one more of everything, and answer a few questions."""
    for number, flag in enumerate(review.open_flags()[:200]):
        if number % 2 and flag["area_level"] == "commune":
            review.decide(flag["flag_id"], "confirm", "benchmark", "benchmark", None)
    with warehouse.connect() as connection:
        where = f"time_period = '{LAST_MONTH}' and {CORRECTED}"
        connection.execute(
            "update raw.cells set obs_value = obs_value + 1 where obs_value > 0 "
            f"and submission_id in (select submission_id from raw.submissions where {where})"
        )
        connection.execute(
            "update raw.submissions set version = 2, figures_digest = figures_digest || ' again', "
            f"loaded_at = now()::timestamp where {where}"
        )


def _ask(path: Path) -> Iterator[Timing]:
    """Ask each question as ``tuquan sql`` does, on a connection that stays open, as in an analyst's tool."""
    connection = duckdb.connect(path, read_only=True)
    connection.execute("set search_path = 'marts,quality'")
    connection.execute("set threads = 2")
    for file in sorted((settings.load().project / "docs" / "questions").glob("*.sql")):
        sql = file.read_text(encoding="utf-8")
        for theirs, ours in HERE.items():
            sql = sql.replace(theirs, ours)
        spent, computed = [], []
        for _ in range(RUNS):
            started, busy = time.perf_counter(), time.process_time()
            rows = connection.execute(sql).fetchall()
            spent.append(1000 * (time.perf_counter() - started))
            computed.append(1000 * (time.process_time() - busy))
        yield Timing(file.stem, len(rows), statistics.median(spent), max(spent), statistics.median(computed))


def _say(step: str) -> None:
    print(f"{time.monotonic():8.0f} s  {step}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=MONTHS)
    parser.add_argument("--home", type=Path, help="keep everything in this folder, and ask again what lies there")
    parser.add_argument("--check", action="store_true", help=f"end with 1 when a median is over {MOST_MS} ms")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
