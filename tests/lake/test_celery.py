"""The whole country at once: 34 provinces send, two workers load, and one of them loses its power half way."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest
from celery_airflow import WORKERS, celery_airflow, servers

from tuquan import collect, handoffs, load, settings, warehouse
from tuquan.local_airflow import LocalAirflow
from tuquan.simulate import form_values, illustrate
from tuquan.vocabulary.areas import COUNTRY, Area, load_register
from tuquan.vocabulary.periods import Period, parse_period
from tuquan.workbook.template import write_form

READER = "tuquan.workbook.sandbox"
PROVINCES, PER_PROVINCE = 34, 30
MONTH = "2026-M06"
RUN = "collect__country"
pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster_servers():
    """PostgreSQL and the broker; without them this file fails, wherever it runs."""
    with servers() as running:
        yield running


@pytest.fixture
def lake(home, cluster_servers, monkeypatch):
    """A home whose tables lie in a DuckLake, loaded in two shares."""
    monkeypatch.setenv("TUQUAN_LAKE", cluster_servers.catalogue)
    monkeypatch.setenv("TUQUAN_LOADERS", str(len(WORKERS)))
    return settings.load()


def provinces_of(period: Period) -> dict[str, list[Area]]:
    """A few communes of every province."""
    register = load_register()
    return {
        province.ref_area: list(islice(register.communes(province.ref_area, period.end), PER_PROVINCE))
        for province in register.children(COUNTRY, period.end)
    }


def write_workbooks(folder: Path, period: Period) -> dict[str, list[Path]]:
    """Write one report per commune, as its province would collect them; return them by province."""
    written = {}
    for province, communes in provinces_of(period).items():
        figures = illustrate(communes, period)
        written[province] = [folder / f"{area.ref_area}.xlsx" for area in communes]
        for area, path in zip(communes, written[province], strict=True):
            write_form(path, area, period, values=form_values(figures[area.area_key], period))
    return written


def deliver(paths: list[Path], folder: Path) -> None:
    """Send the files of one province one after another, each whole from the moment it has its name."""
    folder.mkdir(parents=True)
    for path in paths:
        arriving = folder / f"{path.name}.part"
        shutil.copyfile(path, arriving)
        arriving.rename(folder / path.name)


def until(seconds: float, what: str) -> Iterator[None]:
    """Go round until ``seconds`` are over, which fails."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {seconds} s")


def reads(airflow: LocalAirflow, worker: str) -> bool:
    return any(READER in process.cmdline() for process in airflow.processes([worker]))


def outcomes() -> dict[str, int]:
    with warehouse.look() as connection:
        return dict(connection.execute("select status, count(*) from raw.arrivals group by all").fetchall())


def is_half_way(found: dict[str, int]) -> bool:
    return found.keys() > {"registered"}


def test_34_provinces_arrive_at_once_and_a_worker_is_killed_half_way(lake, cluster_servers, tmp_path):
    sent = write_workbooks(tmp_path, parse_period(MONTH))
    files = sum(map(len, sent.values()))
    with celery_airflow(cluster_servers) as airflow:
        with ThreadPoolExecutor(max_workers=PROVINCES) as senders:
            list(senders.map(deliver, sent.values(), [lake.inbox / province for province in sent]))
        airflow.unpause([handoffs.COLLECT])
        airflow.trigger(handoffs.COLLECT, RUN)
        started = time.monotonic()
        for _ in until(60, "a load on both workers"):
            if all(reads(airflow, worker) for worker in WORKERS) and is_half_way(outcomes()):
                break
        airflow.kill(WORKERS[0])
        killed = time.monotonic()
        assert is_half_way(outcomes()), "the load was over before the kill"
        for _ in until(120, "the end of the pass"):
            if all(run.is_over for run in airflow.runs(handoffs.COLLECT)):
                break
        ended = time.monotonic()
        assert {run.state for run in airflow.runs(handoffs.COLLECT)} == {"success"}
        airflow.kill()  # without a word: nothing is left to do
    print(f"{files} files, {killed - started:.1f} s until the kill, {ended - killed:.1f} s afterwards")

    # Nothing is lost or double: one outcome, one version and one receipt per file, and every cell once.
    assert outcomes() == {"accepted": files}
    with warehouse.look() as connection:
        reports = connection.execute(
            "select count(*), count(distinct area_key), count(distinct report_number), max(version) "
            "from raw.submissions"
        ).fetchone()
        cells = connection.execute(
            "select count(*), count(distinct (report_number, indicator, measure)), count(*) filter (stands), "
            "count(distinct report_number) from raw.cells"
        ).fetchone()
        receipts = connection.execute("select count(distinct receipt_path) from raw.arrivals").fetchone()
    assert reports == (files, files, files, 1)
    assert cells[0] == cells[1] == cells[2]
    assert cells[3] == files
    assert receipts == (files,)
    # The same inbox again brings nothing.
    assert collect.register_inbox().registered == 0
    assert load.load_registered().files.total() == 0
