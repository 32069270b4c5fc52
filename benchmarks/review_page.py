"""A review page with many questions through Airflow's own API server: milliseconds of each answer.

    python benchmarks/review_page.py [--questions 500] [--times 20]

Questions as the steps write them, each with a chart of eleven periods; the server, its sign-in and the page are the
real ones, in one process, over an empty metadata database. The first answer makes the page and reads the snapshot.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "tests" / "fixtures"))


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--questions", type=int, default=500)
    asked.add_argument("--times", type=int, default=20)
    wanted = asked.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "TUQUAN_HOME": home,
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "can-bo:user",
            "AIRFLOW__API__BASE_URL": "http://testserver",
            "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-this-measurement-and-long-enough-" * 2,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        }
        measure(wanted.questions, wanted.times)


def measure(count: int, times: int) -> None:
    """Print the milliseconds that the pages of a period with ``count`` questions take."""
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils.db import initdb
    from shown_periods import PERIOD, question, report, show
    from starlette.testclient import TestClient

    show(
        [question(number, priority=Decimal(count - number) / 100) for number in range(1, count + 1)],
        reports=[report(area_key=f"{number:05}.20250701") for number in range(3321)],
    )
    initdb()
    client = TestClient(create_app(apps="core"))
    user = SimpleAuthManagerUser(username="can-bo", role="user")
    client.cookies.set("_token", get_auth_manager().generate_jwt(user))
    print(f"{count} questions, 3321 reports; {times} answers each, on {os.cpu_count()} cores")
    for name, path in (("questions", ""), ("collection", "/tiep-nhan"), ("approval", "/phe-duyet")):
        taken, cpu = [], []
        for _ in range(times + 1):
            started, busy = time.perf_counter(), time.process_time()
            answer = client.get(f"/duyet/ky/{PERIOD}{path}").raise_for_status()
            taken.append(1000 * (time.perf_counter() - started))
            cpu.append(1000 * (time.process_time() - busy))
        first, *others = taken
        print(
            f"{name:>10}: median {statistics.median(others):.0f} ms ({statistics.median(cpu[1:]):.0f} ms of CPU), "
            f"worst {max(others):.0f} ms, first {first:.0f} ms; {len(answer.content) / 1000:.0f} kB"
        )


if __name__ == "__main__":
    main()
