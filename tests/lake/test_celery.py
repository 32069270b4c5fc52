"""The whole country at once: 34 provinces send, two workers load, and one of them loses its power half way."""

import time
from collections.abc import Iterator

import pytest
from several_workers import WORKERS, celery_airflow, reads, send_at_once, servers, write_workbooks

from tuquan import collect, handoffs, load, settings, transform, warehouse
from tuquan.vocabulary.periods import parse_period

PROVINCES, PER_PROVINCE = 34, 20
MONTH = "2026-M06"
RUN = "collect__country"
REPORTS = """
select count(*), count(distinct area_key), count(distinct report_number), max(version) from raw.submissions
"""
CELLS = """
select count(*), count(distinct (report_number, indicator, measure)), count(*) filter (stands) from raw.cells
"""
MARTS = """
select count(distinct ref_area), sum(areas_included) from marts.province_observations
where time_period = ? and indicator = 'households_total' and obs_value is not null
"""
pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(300)]


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


def until(seconds: float, what: str) -> Iterator[None]:
    """Go round until ``seconds`` are over, which fails."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {seconds} s")


def query(question, *parameters):
    with warehouse.look() as connection:
        return connection.execute(question, parameters).fetchall()


def outcomes():
    return dict(query("select status, count(*) from raw.arrivals group by all"))


def is_half_way(lake):
    return any(lake.raw.glob("??/*")) and any(lake.incoming.iterdir())


def test_34_provinces_send_at_once_and_a_worker_is_killed_half_way(lake, running, tmp_path):
    written = write_workbooks(tmp_path, parse_period(MONTH), PER_PROVINCE)
    assert len(written) == PROVINCES
    files = send_at_once(written, lake.inbox)
    with celery_airflow(running) as airflow:
        airflow.unpause([handoffs.COLLECT])
        airflow.trigger(handoffs.COLLECT, RUN)
        for _ in until(100, "a load on both workers"):
            if all(reads(airflow, worker) for worker in WORKERS) and is_half_way(lake):
                break
        airflow.kill(WORKERS[0])
        killed_at = time.monotonic()
        waiting = outcomes().get("registered", 0)
        for _ in until(150, "the end of the pass"):
            if all(run.is_over for run in airflow.runs(handoffs.COLLECT)):
                break
        print(f"{files} files, {waiting} not loaded at the kill, over {time.monotonic() - killed_at:.1f} s later")
        tasks = airflow.tasks(handoffs.COLLECT, RUN)
        assert {run.state for run in airflow.runs(handoffs.COLLECT)} == {"success"}
        airflow.kill()  # nothing is left to do
    assert 0 < waiting < files
    # The other worker took up the killed task, too.
    assert sorted(task["try_number"] for task in tasks if task["task_id"] == "load_registered") == [1, 2]

    # Nothing is lost or double: one outcome, one version and one receipt per file, and every cell once.
    assert outcomes() == {"accepted": files}
    assert query(REPORTS) == [(files, files, files, 1)]
    ((cells, figures, standing),) = query(CELLS)
    assert cells == figures == standing > 30 * files
    assert query("select count(distinct receipt_path) from raw.arrivals") == [(files,)]
    assert len(list(lake.raw.glob("??/*"))) == files
    assert not any(lake.incoming.iterdir())
    # The same inbox again brings nothing.
    assert collect.register_inbox().registered == 0
    assert load.load_registered().files.total() == 0

    transform.build(MONTH)
    assert query(MARTS, MONTH) == [(PROVINCES, files)]
