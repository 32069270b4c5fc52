"""The main job through Airflow's own scheduler, and what a power cut in the middle of it leaves behind."""

import shutil
import time

import pytest

from tuquan import handoffs, publish, register, warehouse
from tuquan.local_airflow import LocalAirflow
from tuquan.sample import lay_out_sample
from tuquan.simulate import simulate

NOTHING_TO_JUDGE = {"scheduler": "import duckdb, xlsxwriter"}  # spares it Great Expectations, 5 s of CPU
WAITING = "select count(*) from raw.arrivals where status = 'registered'"
pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(420)]


def wait_for(condition, what, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.3)


def ended(airflow, dag_id, at_least=1):
    runs = airflow.runs(dag_id)
    return len(runs) >= at_least and all(run.is_over for run in runs)


def test_from_workbooks_to_an_approved_release(home):
    for path in lay_out_sample(home.inbox, 1):
        if "Quý 1 năm 2024" not in str(path):
            path.unlink()
    shutil.copy(next(home.inbox.rglob("*.xlsx")), home.inbox / "hỏng.xlsx")
    (home.inbox / "hỏng.xlsx").write_bytes((home.inbox / "hỏng.xlsx").read_bytes()[:3000])
    with LocalAirflow() as airflow:
        airflow.unpause([handoffs.COLLECT, handoffs.BUILD, handoffs.PUBLISH])
        airflow.trigger(handoffs.COLLECT, "collect__journey")
        wait_for(lambda: ended(airflow, handoffs.COLLECT) and ended(airflow, handoffs.BUILD), "collect and build")
        # A broken workbook is a row, not a red task.
        assert "failed" not in {run.state for run in airflow.runs()}
        (build,) = airflow.runs(handoffs.BUILD)
        assert build.run_id.startswith("build__2024-Q1__")
        wait_for(airflow.open_approvals, "the question")
        (question,) = airflow.open_approvals()
        airflow.answer(question, approved=True, note="đã xem")
        wait_for(lambda: ended(airflow, handoffs.PUBLISH), "the publication")
        assert airflow.runs(handoffs.PUBLISH)[0].state == "success"

        # The same inbox again: a pass that finds nothing new starts no build.
        airflow.trigger(handoffs.COLLECT, "collect__again")
        wait_for(lambda: ended(airflow, handoffs.COLLECT, at_least=2), "the second pass")
        assert len(airflow.runs(handoffs.BUILD)) == 1
    names, (row,) = publish.query(
        "select obs_value from marts.district_observations where ref_area = '387' and indicator = 'models_total'"
    )
    assert (names, row[0]) == (["obs_value"], 16)  # Quan Sơn 2024: 16 mô hình
    assert {file["status"] for file in register.received_files()} == {"accepted", "refused"}


def test_a_scheduler_killed_in_the_middle_of_a_load_loses_and_doubles_nothing(home):
    communes = 1100  # the load writes 500 files at once
    simulate(communes, 1, home.inbox)
    with LocalAirflow(preloaded=NOTHING_TO_JUDGE) as airflow:
        airflow.unpause([handoffs.COLLECT])
        airflow.trigger(handoffs.COLLECT, "collect__killed")
        wait_for(lambda: any(home.raw.glob("??/*")), "the first half of the load")
        airflow.kill()
    with warehouse.connect() as connection:
        assert connection.execute(WAITING).fetchone() > (0,), "the load was over before the kill"
    with LocalAirflow(preloaded=NOTHING_TO_JUDGE) as airflow:
        airflow.unpause([handoffs.COLLECT])
        airflow.trigger(handoffs.COLLECT, "collect__after")
        wait_for(lambda: all(run.is_over for run in airflow.runs(handoffs.COLLECT)), "the repeated pass")
    with warehouse.connect() as connection:
        loaded = connection.execute(
            "select count(*), count(distinct area_key), max(version) from raw.submissions where is_loaded"
        ).fetchone()
        cells = connection.execute(
            "select count(*) = count(distinct (submission_id, indicator, measure)) from raw.cells"
        ).fetchone()
        waiting = connection.execute(WAITING).fetchone()
    assert loaded == (communes, communes, 1)
    assert cells == (True,)
    assert waiting == (0,)
