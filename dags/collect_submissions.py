"""### Tiếp nhận báo cáo

Takes everything that lies in the inbox: keeps the raw file, writes the register, loads the readable cells and answers
each file with a receipt, all in one task, because a file costs milliseconds and a task costs a second.
Then starts one `build_marts` run for each reporting period that received something.

Red here means that our machinery broke. A broken workbook never turns a task red: it has a line in the register and a
receipt that says what is wrong.
"""

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, dag, task

from tuquan import collect, handoffs


@dag(
    dag_id=handoffs.COLLECT,
    dag_display_name="1 · Tiếp nhận báo cáo",
    doc_md=__doc__,
    schedule="*/15 * * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Ho_Chi_Minh"),
    catchup=False,
    max_active_runs=1,
    tags=["collect", "load"],
)
def collect_submissions() -> None:
    @task(
        task_display_name="Nhận, đọc và trả lời từng tệp",
        pool=handoffs.WAREHOUSE_WRITER,
        outlets=[Asset(handoffs.SUBMISSIONS)],
    )
    def collect_inbox(*, dag_run=None) -> list[dict]:
        return handoffs.builds(collect.collect_inbox().touched_periods, dag_run.run_after)

    TriggerDagRunOperator.partial(
        task_id="start_builds",
        task_display_name="Chuyển từng kỳ sang tổng hợp",
        trigger_dag_id=handoffs.BUILD,
        skip_when_already_exists=True,
        map_index_template="{{ task.conf['time_period'] }}",
    ).expand_kwargs(collect_inbox())


collect_submissions()
