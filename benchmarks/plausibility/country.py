"""One month of a country judged against three years: CPU and memory of a build that judges, beside one that does not.

All 3,321 communes of today report 70 indicators a month, one report in three with a figure that is ten times too large.
Their cells are laid straight into two working warehouses with the same seeds; in one of them no period is judged. The
history is built in steps, as it would have come; then one more month arrives in both. What judging it costs is the
difference. Every build is a process of its own; CPU is user and system time of it with all its child processes.

    python benchmarks/plausibility/country.py                    # about half an hour
    python benchmarks/plausibility/country.py --months 12 --check
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent))
import history_data
from bench import Cost, machine, measure

from tuquan.vocabulary.periods import Period, parse_period

LAST_MONTH = "2029-M08"  # all of them on the map of today
INDICATORS = 70
WRONG_PER_100 = 33
STEP = 6  # months of the history that arrive at once
MOST_CPU_SECONDS, MOST_MEGABYTES = 30.0, 2000.0


def main() -> int:
    arguments = _arguments()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.pop("TUQUAN_SEEDS", None)
    periods = [parse_period(LAST_MONTH)]
    while len(periods) <= arguments.months:
        periods.insert(0, periods[0].previous)
    print(f"{machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="tuquan-bench-") as folder:
        place = Path(folder)
        judging = _one_more_month(place / "judging", periods, is_judged=True)
        alone = _one_more_month(place / "alone", periods, is_judged=False)
    seconds, megabytes = judging.cpu_seconds - alone.cpu_seconds, judging.largest_process_mb
    print(f"\njudging one month against {arguments.months}: {seconds:.1f} CPU s; at most {MOST_CPU_SECONDS:.0f}")
    print(f"memory of the build that judges: {megabytes:.0f} MB; at most {MOST_MEGABYTES:.0f}")
    is_over = seconds > MOST_CPU_SECONDS or megabytes > MOST_MEGABYTES
    return 1 if is_over and arguments.check else 0


def _one_more_month(folder: Path, periods: list[Period], *, is_judged: bool) -> Cost:
    """Build a warehouse of all periods but the last, then the last one; return what that cost."""
    history_data.write_seeds_of_today(folder / "seeds", periods[0].start, INDICATORS, is_judged=is_judged)
    os.environ |= {"TUQUAN_HOME": str(folder / "home"), "TUQUAN_SEEDS": str(folder / "seeds")}
    step = STEP if is_judged else len(periods)
    *history, last = periods
    for begin in range(0, len(history), step):
        arrived = history[begin : begin + step]
        _write(arrived)
        _build(arrived[-1])
    _write([last])
    cost = _build(last)
    os.environ.pop("TUQUAN_SEEDS")
    with duckdb.connect(folder / "home" / "warehouse" / "tuquan.duckdb", read_only=True) as connection:
        figures, flags = connection.execute(
            "select (select count(*) from plausibility.plausibility_cells), "
            "(select count(*) from quality.flags where time_period = $period and suspected_cause is not null)",
            {"period": last.code},
        ).fetchone()
    print(f"{'':12}{figures:,} figures judged, {flags:,} of them asked about", flush=True)
    return cost


def _write(periods: list[Period]) -> None:
    history_data.write_history(periods[-1].code, len(periods), WRONG_PER_100)


def _build(period: Period) -> Cost:
    tuquan = Path(sys.executable).with_name("tuquan")
    cost = measure("build", [str(tuquan), "build", "--period", period.code], 1)
    print(
        f"{period.code:12}{cost.wall_seconds:7.1f} s {cost.cpu_seconds:7.1f} CPU s {cost.largest_process_mb:7.0f} MB",
        flush=True,
    )
    return cost


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=36, help="length of the history")
    parser.add_argument("--check", action="store_true", help="end with 1 when a bar is missed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
