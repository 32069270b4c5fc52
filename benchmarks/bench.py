"""A country of commune workbooks through the command line: seconds, CPU and memory of each step.

Every step is a process of its own, as it is for whoever runs `tuquan` by hand. CPU is user and system time of the step
with all its child processes; memory is the largest process, and the sum of the step's processes where it was highest.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

COMMUNES_IN_FORCE = 3321
LOOK_EVERY_SECONDS = 0.1
MEGABYTE = 1_000_000
# What each step may cost; see README.md beside this file.
MOST_CPU_MS_PER_WORKBOOK = {"collect": 6.0}
MOST_MEGABYTES = 1000.0
WRITE_WORKBOOKS = (
    "import sys; from pathlib import Path; from tuquan.simulate import simulate; "
    "simulate(int(sys.argv[1]), [sys.argv[2]], Path(sys.argv[3]))"
)


@dataclass(frozen=True)
class Cost:
    """What one step took. ``exit_code``: 0 done, 1 done with something held, refused or closed."""

    step: str
    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    cpu_ms_per_workbook: float
    largest_process_mb: float
    all_processes_mb: float

    @property
    def is_over(self) -> bool:
        most_cpu = MOST_CPU_MS_PER_WORKBOOK.get(self.step, float("inf"))
        return self.cpu_ms_per_workbook > most_cpu or self.largest_process_mb > MOST_MEGABYTES


class StepFailed(RuntimeError):
    """A step ended with an error of its own."""


def main() -> int:
    arguments = _arguments()
    _compile_modules()
    with tempfile.TemporaryDirectory(prefix="tuquan-bench-") as folder:
        os.environ["TUQUAN_HOME"] = folder
        costs = []
        print(f"{arguments.areas} workbooks of {arguments.period}, {machine()}\n")
        print(_row("step", "exit", "wall s", "CPU s", "CPU ms/workbook", "largest MB", "all MB", "bar"))
        for step, command in _steps(arguments, Path(folder)):
            cost = measure(step, command, arguments.areas)
            print(_described(cost), flush=True)
            costs.append(cost)
    if arguments.json:
        facts = {"areas": arguments.areas, "period": arguments.period, "machine": machine()}
        arguments.json.write_text(json.dumps(facts | {"steps": [asdict(cost) for cost in costs]}, indent=2) + "\n")
    over = [cost.step for cost in costs if cost.is_over]
    if over:
        print(f"\nover the bar: {', '.join(over)}")
    return 1 if over and arguments.check else 0


def _compile_modules() -> None:
    """Let a first small pass compile what is imported: an office pays that once, not with every run."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="tuquan-bench-") as folder:
        os.environ["TUQUAN_HOME"] = folder
        for step, command in _steps(argparse.Namespace(areas=4, period="2026-M01"), Path(folder)):
            measure(step, command, 4)


def measure(step: str, command: list[str], workbooks: int) -> Cost:
    """Run ``command`` to its end.

    Raises:
        StepFailed: it ended with 2 or more, or by a signal.
    """
    with tempfile.TemporaryFile("w+") as said:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        tree, highest = psutil.Process(process.pid), 0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            highest = max(highest, _resident_bytes(tree))
            time.sleep(LOOK_EVERY_SECONDS)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            said.seek(0)
            raise StepFailed(f"{step} ended with {process.returncode}: {' '.join(command)}\n{said.read()[-4000:]}")
    cpu = used.ru_utime + used.ru_stime
    largest = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(
        step=step,
        exit_code=process.returncode,
        wall_seconds=round(wall, 2),
        cpu_seconds=round(cpu, 2),
        cpu_ms_per_workbook=round(1000 * cpu / workbooks, 2),
        largest_process_mb=round(largest / MEGABYTE, 1),
        all_processes_mb=round(max(highest, largest) / MEGABYTE, 1),
    )


def _steps(arguments: argparse.Namespace, home: Path) -> list[tuple[str, list[str]]]:
    tuquan = str(Path(sys.executable).with_name("tuquan"))
    period = ["--period", arguments.period]
    simulated = [str(arguments.areas), arguments.period, str(home / "inbox")]
    return [
        ("simulate", [sys.executable, "-c", WRITE_WORKBOOKS, *simulated]),
        ("collect", [tuquan, "collect"]),
        ("collect again", [tuquan, "collect"]),
        ("build", [tuquan, "build", *period]),
        ("gate", [tuquan, "gate", *period]),
    ]


def _resident_bytes(tree: psutil.Process) -> int:
    total = 0
    try:
        processes = [tree, *tree.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # it ended while we looked
            continue
    return total


def _described(cost: Cost) -> str:
    most_cpu = MOST_CPU_MS_PER_WORKBOOK.get(cost.step)
    bars = ([f"{most_cpu:.0f} ms"] if most_cpu else []) + [f"{MOST_MEGABYTES:.0f} MB"]
    bar = f"{', '.join(bars)}: {'over' if cost.is_over else 'kept'}"
    return _row(
        cost.step,
        str(cost.exit_code),
        f"{cost.wall_seconds:.1f}",
        f"{cost.cpu_seconds:.1f}",
        f"{cost.cpu_ms_per_workbook:.2f}",
        f"{cost.largest_process_mb:.0f}",
        f"{cost.all_processes_mb:.0f}",
        bar,
    )


def _row(*cells: str) -> str:
    return "{:14}{:>5}{:>9}{:>9}{:>17}{:>12}{:>9}  {}".format(*cells)


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, {cores} cores, {platform.system()} {platform.machine()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--areas", type=int, default=COMMUNES_IN_FORCE, help="how many communes report (default: all)")
    parser.add_argument(
        "--period", default="2026-M01", help="a month has few rows on the form, a year (2026) has all of them"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="end with 1 when a step is over its bar")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
