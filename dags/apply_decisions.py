"""### Áp dụng quyết định

Applies what reviewers decided on the review page, in the order in which they decided, and starts one `build_marts` run
for each period that has to be built anew. The page starts it when somebody asks for it; otherwise it looks after the
quarters of an hour. A figure that goes back to its commune is named in the digest beside the receipts of the commune,
and in a mail where an address is known; `collect_submissions` sends it with its answers.

Red here means that our machinery broke. A decision that came too late, because the commune sent another value, never
turns a task red: it is refused, with the reason on the review page.
"""

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Connection, dag, task

from tuquan import alerts, channels, handoffs, receipts, reminders, review


@dag(
    dag_id=handoffs.APPLY,
    dag_display_name="Áp dụng quyết định",
    doc_md=__doc__,
    schedule="7-59/15 * * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Ho_Chi_Minh"),
    catchup=False,
    max_active_runs=1,
    tags=["review"],
    **alerts.callbacks(Connection.get),
)
def apply_decisions() -> None:
    @task(task_display_name="Áp dụng từng quyết định", pool=handoffs.WAREHOUSE_WRITER)
    def apply_waiting(*, ti=None) -> list[dict]:
        return handoffs.builds(review.apply_verdicts(), ti.start_date)

    @task(task_display_name="Nêu số trả lại cho xã", pool=handoffs.WAREHOUSE_WRITER)
    def tell_communes() -> None:
        receipts.write_returned()

    @task(task_display_name="Viết thư hỏi xã", pool=handoffs.WAREHOUSE_WRITER)
    def ask_communes(*, ti=None) -> None:
        reminders.ask_today(ti.start_date, channels.can_notify("smtp"))

    start_builds = TriggerDagRunOperator.partial(
        task_id="start_builds",
        task_display_name="Chuyển từng kỳ sang tổng hợp",
        trigger_dag_id=handoffs.BUILD,
        skip_when_already_exists=True,
        map_index_template="{{ task.conf['time_period'] }}",
    )
    applied = apply_waiting()
    applied >> tell_communes() >> ask_communes()
    start_builds.expand_kwargs(applied)


apply_decisions()
