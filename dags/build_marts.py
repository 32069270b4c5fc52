"""### Tổng hợp và kiểm tra

Builds one reporting period: rolls its submissions up to districts and provinces, flags implausible figures, lets the
gates of Great Expectations judge the result and writes the review list. A period without news is skipped.
A candidate that may leave the house starts one `publish_release` run.

Red here means that our machinery broke. A suspicious figure never turns a task red: it becomes a row in
`quality.flags` and waits for review.
"""

import pendulum
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, Connection, Param, dag, task

from tuquan import alerts, handoffs, review, transform, validate


@dag(
    dag_id=handoffs.BUILD,
    dag_display_name="2 · Tổng hợp và kiểm tra",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Ho_Chi_Minh"),
    max_active_runs=1,
    params={"time_period": Param(type="string", pattern=handoffs.PERIOD_PATTERN, title="Kỳ báo cáo")},
    tags=["transform", "validate", "review"],
    **alerts.callbacks(Connection.get),
)
def build_marts() -> None:
    @task.short_circuit(task_display_name="Kỳ này có gì mới không?", pool=handoffs.WAREHOUSE_WRITER)
    def has_news(*, params=None) -> bool:
        return transform.has_news(params["time_period"])

    @task(
        task_display_name="Tổng hợp lên huyện, tỉnh; tìm số liệu bất thường",
        pool=handoffs.WAREHOUSE_WRITER,
        outlets=[Asset(handoffs.MARTS)],
    )
    def transform_marts(*, params=None) -> None:
        transform.build(params["time_period"])

    @task(task_display_name="Kiểm tra trước cửa ra", pool=handoffs.WAREHOUSE_WRITER)
    def run_gates(*, params=None) -> None:
        validate.run_gates(params["time_period"])

    @task(task_display_name="Lập danh sách cần xem", pool=handoffs.WAREHOUSE_WRITER)
    def write_review_list(*, params=None) -> None:
        review.write_review_list(params["time_period"])

    @task(task_display_name="Có bản nào chờ phê duyệt không?", pool=handoffs.WAREHOUSE_WRITER)
    def find_candidate(*, params=None) -> list[dict]:
        return handoffs.publications(params["time_period"], review.candidate(params["time_period"]))

    start_publication = TriggerDagRunOperator.partial(
        task_id="start_publication",
        task_display_name="Chuyển sang phê duyệt",
        trigger_dag_id=handoffs.PUBLISH,
        skip_when_already_exists=True,
        map_index_template="{{ task.conf['digest'][:8] }}",
    )

    candidate = find_candidate()
    has_news() >> transform_marts() >> run_gates() >> write_review_list() >> candidate
    start_publication.expand_kwargs(candidate)


build_marts()
