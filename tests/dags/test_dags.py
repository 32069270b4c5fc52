"""The table of contents: five DAGs that Airflow can read, in Vietnamese, each writer in the one-slot pool."""

import itertools
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tuquan import handoffs

DAG_IDS = handoffs.DAGS
WITHOUT_WAREHOUSE = {
    *("send_replies", "all_channels_answered", "start_builds"),
    *("start_publication", "approve", "announce_release"),
    *("is_due", "send_notices", "all_sent"),
}
VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ]", re.IGNORECASE)


def task_ids(dag):
    return {task.task_id for task in dag.tasks}


def upstream(bag, dag_id, task_id):
    return bag.dags[dag_id].get_task(task_id).upstream_task_ids


def test_the_bag_holds_our_five_dags_and_no_import_error(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == set(DAG_IDS)


READING = """
import sys, time
from airflow.dag_processing.dagbag import DagBag
started = time.perf_counter()
bag = DagBag(sys.argv[1])
print(f"reading dags/: {time.perf_counter() - started:.2f} s")
sys.exit("great_expectations" in sys.modules or len(bag.dags) != 5)
"""


def test_reading_the_dags_never_imports_great_expectations(bag, capsys):
    # Seven seconds that each task would pay. In a process of its own, because other tests import it.
    read = subprocess.run([sys.executable, "-c", READING, bag.dag_folder], capture_output=True, text=True, check=False)
    with capsys.disabled():
        print(f"\n{read.stdout.splitlines()[-1]}")
    assert read.returncode == 0, read.stderr


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_every_task_that_opens_the_warehouse_waits_for_the_one_slot(bag, dag_id):
    pools = {task.task_id: task.pool for task in bag.dags[dag_id].tasks}
    assert {task for task, pool in pools.items() if pool != handoffs.WAREHOUSE_WRITER} <= WITHOUT_WAREHOUSE
    assert set(pools.values()) <= {handoffs.WAREHOUSE_WRITER, "default_pool"}


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_people_read_vietnamese_and_a_document(bag, dag_id):
    dag = bag.dags[dag_id]
    assert VIETNAMESE.search(dag.dag_display_name)
    assert dag.doc_md.startswith("### ")
    assert dag.tags
    for task in dag.tasks:
        assert VIETNAMESE.search(task.task_display_name), task.task_id


@pytest.mark.parametrize("dag_id", [handoffs.BUILD, handoffs.PUBLISH])
def test_a_run_for_something_that_is_no_period_is_refused(bag, dag_id):
    from airflow.sdk.exceptions import ParamValidationError

    period = bag.dags[dag_id].params.get_param("time_period")
    assert period.resolve("2026-M11") == "2026-M11"
    for code in ("2026-M13", "11/2026", ""):
        with pytest.raises(ParamValidationError):
            period.resolve(code)


def test_writing_runs_wait_for_each_other_and_waiting_ones_do_not(bag):
    assert [bag.dags[dag_id].max_active_runs for dag_id in DAG_IDS] == [1, 1, 1, 16, 1]
    assert not any(bag.dags[dag_id].catchup for dag_id in DAG_IDS)


def test_only_the_approval_overrides_the_retries_of_the_deployment(bag):
    from airflow.configuration import conf

    usual = conf.getint("core", "default_task_retries")
    retries = {task.task_id: task.retries for dag in bag.dags.values() for task in dag.tasks}
    assert retries.pop("approve") == 0
    assert set(retries.values()) == {usual}


@pytest.mark.parametrize(("lake", "loaders"), [("", [1]), ("dbname=lake", [1, 2, 3])])
def test_one_file_is_loaded_by_one_task_and_a_lake_by_as_many_as_are_wanted(bag, monkeypatch, lake, loaders):
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("TUQUAN_LAKE", lake)
    monkeypatch.setenv("TUQUAN_LOADERS", "3")
    read_anew = DagBag(bag.dag_folder)
    load_registered = read_anew.dags[handoffs.COLLECT].get_task("load_registered")
    assert load_registered.op_kwargs_expand_input.value == {"loader": loaders}
    assert load_registered.max_active_tis_per_dag is None


def test_each_dag_starts_the_next_one(bag):
    collect, build = bag.dags[handoffs.COLLECT], bag.dags[handoffs.BUILD]
    assert collect.get_task("start_builds").partial_kwargs["trigger_dag_id"] == handoffs.BUILD
    assert bag.dags[handoffs.APPLY].get_task("start_builds").partial_kwargs["trigger_dag_id"] == handoffs.BUILD
    assert build.get_task("start_publication").partial_kwargs["trigger_dag_id"] == handoffs.PUBLISH
    assert bag.dags[handoffs.PUBLISH].schedule is None


def test_what_came_is_loaded_and_built_also_when_a_channel_is_down_and_the_run_still_ends_red(bag):
    collect = bag.dags[handoffs.COLLECT]
    assert collect.get_task("load_registered").trigger_rule == "all_done"
    leaves = {task.task_id: task for task in collect.leaves}
    assert set(leaves) == {"start_builds", "all_channels_answered"}
    assert leaves["all_channels_answered"].upstream_task_ids == {"receive_channel", "send_replies"}
    assert leaves["all_channels_answered"].trigger_rule == "none_failed"


def test_the_answer_is_kept_before_anything_is_released(bag):
    flow = ["approve", handoffs.DECISION, "is_current", "write_release", "announce_release"]
    for before, after in itertools.pairwise(flow):
        assert upstream(bag, handoffs.PUBLISH, after) == {before}


@pytest.mark.parametrize("chosen", ["Approve", "Reject"])
def test_an_answer_is_handed_on_whatever_it_is(bag, chosen):
    # Airflow's own ApprovalOperator raises a skip on a no, and the answer is lost with it.
    approve = bag.dags[handoffs.PUBLISH].get_task("approve")
    user = {"id": "7", "name": "lanh-dao"}
    event = {
        "chosen_options": [chosen],
        "params_input": {"note": "đã xem"},
        "responded_at": datetime.now(UTC),
        "responded_by_user": user,
    }
    answer = approve.execute_complete({"task": approve, "ti": None}, event)
    assert (answer["chosen_options"], answer["responded_by_user"]) == ([chosen], user)


def test_the_question_shows_the_summary_without_carrying_figures_between_tasks(bag):
    approve = bag.dags[handoffs.PUBLISH].get_task("approve")
    assert "summary_of" in approve.body
    assert approve.upstream_task_ids == set()


def test_assets_draw_the_lineage(bag):
    outlets = {asset.name for dag in bag.dags.values() for task in dag.tasks for asset in task.outlets}
    assert outlets == {handoffs.SUBMISSIONS, handoffs.RECEIPTS, handoffs.MARTS, handoffs.RELEASE}


def test_a_pass_logs_a_table_of_outcomes_and_counts_them_as_metrics(bag, home, monkeypatch, caplog):
    counted = {}
    monkeypatch.setattr(
        "airflow.sdk.observability.stats.incr", lambda name, count, tags: counted.update({name: (count, tags)})
    )
    home.inbox.mkdir(parents=True)
    (home.inbox / "a.csv").write_text("ref_area,time_period,indicator,obs_value\n15127,2021,households_total,1288\n")
    (home.inbox / "b.pdf").write_bytes(b"%PDF-1.7\n")
    collect = bag.dags[handoffs.COLLECT]
    caplog.set_level("INFO")
    collect.get_task("receive_channel").python_callable("folder")
    collect.get_task("load_registered").python_callable(1)
    assert counted == {
        "tuquan.files.accepted": (1, {"format": "csv"}),
        "tuquan.files.refused": (1, {"format": "pdf"}),
        "tuquan.figures": (1, {}),
    }
    assert "folder: 2 new" in caplog.text
    (table,) = [
        record.getMessage()
        for record in caplog.records
        if "pdf" in record.getMessage() and "csv" in record.getMessage()
    ]
    assert len(table.strip().splitlines()) == 3


def test_every_task_and_every_run_that_fails_tells_the_engineers(bag):
    for dag in bag.dags.values():
        assert dag.has_on_failure_callback
        assert [task.task_id for task in dag.tasks if not task.has_on_failure_callback] == []


def test_what_was_told_is_noted_also_when_a_server_is_down_and_the_run_still_ends_red(bag):
    remind = bag.dags[handoffs.REMIND]
    assert remind.get_task("note_told").trigger_rule == "all_done"
    assert upstream(bag, handoffs.REMIND, "all_sent") == {"send_notices"}
    assert remind.get_task("all_sent").trigger_rule == "none_failed"
    assert {task.task_id for task in remind.leaves} == {"note_told", "all_sent"}


def test_a_run_of_another_day_tells_nobody_anything(bag, monkeypatch):
    is_due = bag.dags[handoffs.REMIND].get_task("is_due").python_callable
    monkeypatch.setattr("tuquan.reminders.is_quiet", lambda _: False)
    now = datetime(2026, 11, 27, 1, tzinfo=UTC)
    instance, run = SimpleNamespace(start_date=now), SimpleNamespace(logical_date=None, run_after=now)
    assert is_due(dag_run=run, ti=instance) is True
    backfilled = SimpleNamespace(logical_date=now - timedelta(days=1), run_after=now)
    assert is_due(dag_run=backfilled, ti=instance) is False


def test_everything_survives_the_way_through_airflows_database(bag):
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in bag.dags.values():
        stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert {task.task_id for task in stored.tasks} == task_ids(dag)
