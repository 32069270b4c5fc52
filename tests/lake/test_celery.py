"""The whole country at once: 34 provinces send, two workers load, and one of them loses its power half way."""

import time
from collections.abc import Iterator

import pytest
from several_workers import WORKERS, celery_airflow, is_up, reads, send_at_once, servers, write_workbooks

from tuquan import collect, handoffs, load, settings, transform, warehouse
from tuquan.vocabulary.periods import parse_period

PROVINCES, PER_PROVINCE = 34, 15
MONTH = "2026-M06"
REPORTS = """
select count(*), count(distinct area_key), count(distinct report_number), max(version) from raw.submissions
"""
CELLS = """
select count(*), count(distinct (report_number, indicator, measure)), count(*) filter (stands) from raw.cells
"""
MARTS = """
select count(distinct ref_area) from marts.province_observations
where time_period = ? and areas_included = ? and obs_value is not null
"""
# Of the marts what this asks for, and what the SQL macros of the marts read; test_lake builds them all.
MODELS = ("province_observations", "commune_observations", "dim_areas", "dim_area_changes")
MODELS += ("dim_area_ancestors", "dim_indicators")
pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def running():
    """PostgreSQL and the broker; without them this file fails, wherever it runs."""
    with servers() as used:
        yield used


@pytest.fixture
def lake(home, running, monkeypatch):
    """A home whose tables lie in a lake, which every worker loads."""
    monkeypatch.setenv("TUQUAN_LAKE", running.catalogue)
    monkeypatch.setenv("TUQUAN_LOADERS", str(len(WORKERS)))
    return settings.load()


def until(seconds: float, what: str, pause: float = 0.5) -> Iterator[None]:
    """Go round until ``seconds`` are over, which fails."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
    pytest.fail(f"{what} did not happen within {seconds} s")


def query(question, *parameters):
    with warehouse.look() as connection:
        return connection.execute(question, parameters).fetchall()


def outcomes():
    return dict(query("select status, count(*) from raw.arrivals group by all"))


def waiting():
    return outcomes().get("registered", 0)


def is_load(task):
    return task["task_id"] == "load_registered"


def is_half_way(lake, files):
    return any(lake.raw.glob("??/*")) and 0 < waiting() < files


def test_34_provinces_send_at_once_and_a_worker_is_killed_half_way(lake, running, tmp_path):
    written = write_workbooks(tmp_path, parse_period(MONTH), PER_PROVINCE)
    assert len(written) == PROVINCES
    files = send_at_once(written, lake.inbox)
    with celery_airflow(running) as airflow:
        airflow.kill("dag-processor")  # its work is done, and it would read the same files again and again
        for _ in until(60, "two workers"):
            if all(is_up(airflow, worker) for worker in WORKERS):
                break
        airflow.unpause([handoffs.COLLECT])  # which starts a pass at once
        for _ in until(100, "a load on both workers", pause=0.1):
            if is_half_way(lake, files) and all(reads(airflow, worker) for worker in WORKERS):
                break
        airflow.kill(WORKERS[0])
        killed_at = time.monotonic()
        left = waiting()
        for _ in until(150, "the end of the pass"):
            if all(run.is_over for run in airflow.runs(handoffs.COLLECT)):
                break
        print(f"{files} files, {left} not loaded at the kill, over {time.monotonic() - killed_at:.1f} s later")
        runs = airflow.runs(handoffs.COLLECT)
        tries = [task["try_number"] for task in airflow.tasks(handoffs.COLLECT, runs[0].run_id) if is_load(task)]
        airflow.kill()  # nothing is left to do
    assert {run.state for run in runs} == {"success"}
    assert 0 < left < files
    assert max(tries) > 1  # the other worker took up the killed task, too

    # Nothing is lost or double: one outcome, one version and one receipt per file, and every cell once.
    assert outcomes() == {"accepted": files}
    assert query(REPORTS) == [(files, files, files, 1)]
    ((cells, figures, standing),) = query(CELLS)
    assert cells == figures == standing > 10 * files
    assert query("select count(distinct receipt_path) from raw.arrivals") == [(files,)]
    assert len(list(lake.raw.glob("??/*"))) == files
    assert not any(lake.incoming.iterdir())
    # The same inbox again brings nothing.
    assert collect.register_inbox().registered == 0
    assert load.load_registered().files.total() == 0

    models = [f"+{model}" for model in MODELS]
    transform.run_dbt("build", "--select", *models, *("--exclude-resource-type", "test", "unit_test"))
    assert query(MARTS, MONTH, PER_PROVINCE) == [(PROVINCES,)]
