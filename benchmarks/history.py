"""Ten years of a whole country: what a build costs beside the bare minimum, and how that grows.

The minimum is one plain SQL script over the same cells (minimum.sql beside this file), the start-up is the same
`tuquan build` on an empty warehouse. Every step is a process of its own; CPU is user and system time of the step with
all its child processes, memory its largest process, and all of them together where that was highest.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
from bench import Cost, StepFailed, machine, measure
from history_data import LAST_MONTH, ONE_MORE, write_seeds

MILLION = 1_000_000
# What a build may cost; see README.md beside this file.
MOST_TIMES_MINIMUM = 2.5
MOST_CPU_ONE_MORE = 10.0
MOST_MEGABYTES = 4000.0
MOST_GROWTH = 1.25  # CPU per million cells of the longest history, beside that of a tenth of it
DEAREST = 6  # nodes of a build that are shown
LEAST_FREE_BYTES = 6_000_000_000
HERE = Path(__file__).parent
WRITE = """
import sys
sys.path.insert(0, sys.argv[1])
from history_data import write_history
write_history(last=sys.argv[2], months=int(sys.argv[3]))
"""
RUN_MINIMUM = """
import sys, duckdb
from pathlib import Path
warehouse, areas, script, out = sys.argv[1:]
with duckdb.connect(out, config={"threads": 2, "memory_limit": "3GB", "preserve_insertion_order": False}) as connection:
    connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
    connection.execute(f"set variable areas = '{areas}'")
    connection.execute(Path(script).read_text())
"""


@dataclass(frozen=True)
class Measured:
    """One history and what its steps took."""

    months: int
    cells: int
    start_up: Cost
    minimum: Cost
    build: Cost
    one_more: Cost

    @property
    def most_cpu(self) -> float:
        return MOST_TIMES_MINIMUM * self.minimum.cpu_seconds + self.start_up.cpu_seconds

    @property
    def cpu_per_million(self) -> float:
        """Return the CPU seconds of the build per million cells, without its start-up."""
        return (self.build.cpu_seconds - self.start_up.cpu_seconds) / (self.cells / MILLION)


def main() -> int:
    arguments = _arguments()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # also then the folder is removed
    print(f"{machine()}\n")
    print(_row("months", "Mio cells", "step", "wall s", "CPU s", "largest MB", "all MB"))
    histories = []
    for months in arguments.months:
        with tempfile.TemporaryDirectory(prefix="tuquan-bench-") as folder:
            if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
                sys.exit(f"{folder} has less than {LEAST_FREE_BYTES // 10**9} GB free; name another place with TMPDIR")
            histories.append(_measure_history(Path(folder), months, is_first=not histories))
    if arguments.json:
        facts = {"machine": machine(), "histories": [asdict(history) for history in histories]}
        arguments.json.write_text(json.dumps(facts, indent=2) + "\n")
    print()
    verdicts = list(_judge(histories))
    for sentence, is_kept in verdicts:
        print(f"{'kept' if is_kept else 'over'}: {sentence}")
    return 1 if arguments.check and not all(is_kept for _, is_kept in verdicts) else 0


def _measure_history(folder: Path, months: int, is_first: bool) -> Measured:
    """Build an empty warehouse, then one with ``months`` months, then one month more.

    The first time a build goes ahead of it, in which Python compiles its modules.
    """
    seeds, empty, home = folder / "seeds", folder / "empty", folder / "home"
    os.environ.pop("TUQUAN_SEEDS", None)
    write_seeds(seeds)
    os.environ["TUQUAN_SEEDS"] = str(seeds)
    warehouse, minimum = home / "warehouse" / "tuquan.duckdb", folder / "minimum.duckdb"
    tuquan, python = str(Path(sys.executable).with_name("tuquan")), sys.executable
    write = [python, "-c", WRITE, str(HERE)]
    roll_up = [python, "-c", RUN_MINIMUM, str(warehouse), str(seeds / "areas.csv"), str(HERE / "minimum.sql")]
    cells = 0

    def step(name: str, place: Path, command: list[str]) -> Cost:
        os.environ["TUQUAN_HOME"] = str(place)
        cost = measure(name, command, 1)
        print(_described(months, cells, cost), flush=True)
        return cost

    build_nothing = [tuquan, "build", "--period", LAST_MONTH]
    if is_first:
        step("compile", folder / "compiled", build_nothing)
    start_up = step("start-up", empty, build_nothing)
    step("generate", home, [*write, LAST_MONTH, str(months)])
    cells = _cells(warehouse)
    least = step("minimum", home, [*roll_up, str(minimum)])
    build = step("build", home, [tuquan, "build", "--period", LAST_MONTH])
    _show_dearest(warehouse)
    _compare(warehouse, minimum)
    step("generate", home, [*write, ONE_MORE, "1"])
    one_more = step("one more", home, [tuquan, "build", "--period", ONE_MORE])
    _show_dearest(warehouse)
    return Measured(months, cells, start_up, least, build, one_more)


def _cells(warehouse: Path) -> int:
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute("select count(*) from raw.cells").fetchone()[0]


def _show_dearest(warehouse: Path) -> None:
    """Print what took longest in the last build, by the clock."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        nodes = connection.execute(
            """
            select node, execution_seconds
            from meta.dbt_run_results
            where invocation_id = (select arg_max(invocation_id, finished_at) from meta.dbt_run_results)
            order by execution_seconds desc
            limit $nodes
            """,
            {"nodes": DEAREST},
        ).fetchall()
    for node, seconds in nodes:
        print(f"{'':17}  {seconds:6.1f} s  {node.split('.')[2]}", flush=True)


def _compare(warehouse: Path, minimum: Path) -> None:
    """Make sure that both did the same work.

    Raises:
        StepFailed: a sum of a province is another one, or there is one in only one of them.
    """
    with duckdb.connect(minimum, read_only=True) as connection:
        # Views name the database by which they were made.
        connection.execute(f"attach '{warehouse}' as tuquan (read_only)")
        sums, differences = connection.execute(
            """
            with
                marts as (
                    select province_observations.*
                    from tuquan.marts.province_observations
                    inner join tuquan.marts.dim_indicators using (indicator)
                    where rollup_areas = 'sum'
                ),
                least as (
                    select provinces.*
                    from provinces
                    inner join tuquan.marts.dim_indicators using (indicator)
                    where rollup_areas = 'sum'
                )
            select count(least.obs_value), count(*) filter (marts.obs_value is distinct from least.obs_value)
            from marts
            full join
                least
                on marts.ref_area = least.province_area
                and marts.time_period = least.time_period
                and marts.indicator = least.indicator
            """
        ).fetchone()
    if differences or not sums:
        raise StepFailed(f"{differences} of {sums} sums of provinces differ from those of the minimum")


def _judge(histories: list[Measured]) -> Iterator[tuple[str, bool]]:
    """Yield what must hold, with its numbers, and whether it does."""
    longest = histories[-1]
    build, one_more = longest.build, longest.one_more
    yield (
        (
            f"{longest.months} months in {build.cpu_seconds:.1f} CPU s; at most {MOST_TIMES_MINIMUM} × "
            f"{longest.minimum.cpu_seconds:.1f} of the minimum + {longest.start_up.cpu_seconds:.1f} of the start-up "
            f"= {longest.most_cpu:.1f}"
        ),
        build.cpu_seconds <= longest.most_cpu,
    )
    most = MOST_CPU_ONE_MORE + longest.start_up.cpu_seconds
    yield (
        (
            f"one more month in {one_more.cpu_seconds:.1f} CPU s; at most {MOST_CPU_ONE_MORE:.0f} + "
            f"{longest.start_up.cpu_seconds:.1f} of the start-up = {most:.1f}"
        ),
        one_more.cpu_seconds <= most,
    )
    highest = max(build.all_processes_mb, one_more.all_processes_mb)
    yield (f"{highest:.0f} MB of memory in all processes; at most {MOST_MEGABYTES:.0f}", highest <= MOST_MEGABYTES)
    for history in histories:
        print(
            f"      {history.months:3} months: {history.cpu_per_million:.2f} CPU s per million cells without start-up"
        )
    for shorter, longer in itertools.pairwise(histories[-2:]):
        growth = longer.cpu_per_million / shorter.cpu_per_million
        yield (
            (
                f"a million cells of {longer.months} months cost {growth:.2f} times what they cost in "
                f"{shorter.months}; linear is up to {MOST_GROWTH}"
            ),
            growth <= MOST_GROWTH,
        )


def _described(months: int, cells: int, cost: Cost) -> str:
    return _row(
        str(months),
        f"{cells / MILLION:.1f}",
        cost.step,
        f"{cost.wall_seconds:.1f}",
        f"{cost.cpu_seconds:.1f}",
        f"{cost.largest_process_mb:.0f}",
        f"{cost.all_processes_mb:.0f}",
    )


def _row(*cells: str) -> str:
    return "{:>6}{:>11}  {:10}{:>9}{:>9}{:>12}{:>9}".format(*cells)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--months", type=int, nargs="+", default=[1, 12, 120], help="lengths of the histories, the longest last"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="end with 1 when a bar is missed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
