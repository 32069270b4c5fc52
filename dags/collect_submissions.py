"""### Tiếp nhận báo cáo

Takes everything that lies in the inbox: keeps the raw files and registers them, loads the readable cells, answers each
file with a receipt. All files in one task, because a file costs milliseconds and a task costs half a second.
Then starts one `build_marts` run for each reporting period with news.

Red here means that our machinery broke. A broken workbook never turns a task red: it has a line in the register and a
receipt that says what is wrong.
"""

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, dag, task

from tuquan import collect, handoffs, load, receipts, transform


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
    @task(task_display_name="Nhận tệp, vào sổ", pool=handoffs.WAREHOUSE_WRITER)
    def register_inbox() -> None:
        collect.register_inbox()

    @task(
        task_display_name="Đọc số liệu từng tệp",
        pool=handoffs.WAREHOUSE_WRITER,
        outlets=[Asset(handoffs.SUBMISSIONS)],
    )
    def load_registered() -> None:
        load.load_registered()

    @task(task_display_name="Trả lời từng tệp", pool=handoffs.WAREHOUSE_WRITER)
    def write_receipts() -> None:
        receipts.write_receipts()

    @task(task_display_name="Kỳ nào có số liệu mới?", pool=handoffs.WAREHOUSE_WRITER)
    def find_news(*, ti=None) -> list[dict]:
        return handoffs.builds(transform.periods_with_news(), ti.start_date)

    news = find_news()
    register_inbox() >> load_registered() >> write_receipts() >> news
    TriggerDagRunOperator.partial(
        task_id="start_builds",
        task_display_name="Chuyển từng kỳ sang tổng hợp",
        trigger_dag_id=handoffs.BUILD,
        skip_when_already_exists=True,
        map_index_template="{{ task.conf['time_period'] }}",
    ).expand_kwargs(news)


collect_submissions()
