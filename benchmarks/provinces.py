"""34 provinces send at once: seconds of a pass with one Celery worker, with two, and with one of the two killed.

Through Airflow's own scheduler, a broker, and a lake whose catalogue is a PostgreSQL, all on this machine: more workers
than cores gain nothing here. `--per-province` says how many communes of each province send a workbook.
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fixtures"))

from several_workers import WORKERS, celery_airflow, is_up, reads, send_at_once, servers, write_workbooks

from tuquan import handoffs, settings, warehouse
from tuquan.vocabulary.periods import parse_period

MONTH = parse_period("2026-M06")
LOOK_EVERY_SECONDS = 0.3
WAITING = "select count(*) filter (status = 'registered'), count(*) from raw.arrivals"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-province", type=int, default=30, metavar="N")
    per_province = parser.parse_args().per_province
    print(f"{'workers':>22}{'files':>8}{'load':>10}{'pass':>10}{'tries':>10}")
    for workers, is_killed in ((1, False), (2, False), (2, True)):
        with tempfile.TemporaryDirectory(prefix="tuquan-provinces-") as folder:
            os.environ |= {"TUQUAN_HOME": f"{folder}/home", "TUQUAN_SETTLE_SECONDS": "0"}
            os.environ["TUQUAN_LOADERS"] = str(workers)
            measure(Path(folder) / "written", per_province, WORKERS[:workers], is_killed)


def measure(folder: Path, per_province: int, workers: tuple[str, ...], is_killed: bool) -> None:
    """Print seconds from the first to the last moment of the loading tasks, and of the pass."""
    folder.mkdir()
    with servers() as used:
        os.environ["TUQUAN_LAKE"] = used.catalogue
        files = send_at_once(write_workbooks(folder, MONTH, per_province), settings.load().inbox)
        with celery_airflow(used, workers) as airflow:
            while not all(is_up(airflow, worker) for worker in workers):
                time.sleep(LOOK_EVERY_SECONDS)
            airflow.unpause([handoffs.COLLECT])
            if is_killed:
                while not (is_half_way() and all(reads(airflow, worker) for worker in workers)):
                    time.sleep(LOOK_EVERY_SECONDS)
                airflow.kill(workers[0])
            while not (runs := airflow.runs(handoffs.COLLECT)) or not runs[0].is_over:
                time.sleep(LOOK_EVERY_SECONDS)
            tasks = airflow.tasks(handoffs.COLLECT, runs[0].run_id)
            airflow.kill()
    loads = [task for task in tasks if task["task_id"] == "load_registered"]
    began = [task for task in tasks if task["start_date"]]
    tries = "+".join(str(task["try_number"]) for task in loads)
    name = f"{len(workers)}{', one killed' if is_killed else ''}"
    print(f"{name:>22}{files:>8}{seconds(loads):>8.1f} s{seconds(began):>8.1f} s{tries:>10}", flush=True)


def is_half_way() -> bool:
    with warehouse.look() as connection:
        waiting, files = connection.execute(WAITING).fetchone()
    return 0 < waiting < files


def seconds(tasks: list[dict]) -> float:
    """Return the seconds from the first start to the last end; of a task that was tried again only the last try."""
    started = min(datetime.fromisoformat(task["start_date"]) for task in tasks)
    return (max(datetime.fromisoformat(task["end_date"]) for task in tasks) - started).total_seconds()


if __name__ == "__main__":
    main()
