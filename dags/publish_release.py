"""### Phê duyệt và công bố

Asks a named person whether this candidate of a period may be published, keeps the answer, and on a yes writes the
release and a note for the outbox. Waiting holds no worker, and other periods go on: this may take a week.

A no is an answer, not a failure: it is kept as well and the run ends without a release. If the content changed after
the question was asked, the approval is overtaken and nothing is published; the new content is a candidate of its own.
So does a yes of a person who decided about figures of the period: four eyes see a release.
"""

import pendulum
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import Asset, Connection, Param, dag, task

from tuquan import alerts, handoffs, publish, review


class SignedApproval(ApprovalOperator):
    """An approval whose answer is handed on also when it is a no; Airflow's own skips what follows and forgets it."""

    def execute_complete(self, context, event):
        return HITLOperator.execute_complete(self, context, event)


@dag(
    dag_id=handoffs.PUBLISH,
    dag_display_name="3 · Phê duyệt và công bố",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Ho_Chi_Minh"),
    max_active_runs=16,
    params={
        "time_period": Param(type="string", pattern=handoffs.PERIOD_PATTERN, title="Kỳ báo cáo"),
        "digest": Param(type="string", pattern=handoffs.DIGEST_PATTERN, title="Dấu vân tay của bản chờ phê duyệt"),
    },
    user_defined_macros={"summary_of": review.summary},
    tags=["review", "publish"],
    **alerts.callbacks(Connection.get),
)
def publish_release() -> None:
    approve = SignedApproval(
        task_id=handoffs.APPROVAL,
        task_display_name="Phê duyệt công bố",
        subject="Phê duyệt công bố số liệu kỳ {{ dag_run.conf['time_period'] }}",
        body="{{ summary_of(dag_run.conf['time_period']) }}",
        params={"note": Param("", type="string", title="Ý kiến")},
        retries=0,  # a retry would ask the person a second time
    )

    @task.short_circuit(task_id=handoffs.DECISION, task_display_name="Lưu quyết định", pool=handoffs.WAREHOUSE_WRITER)
    def record_decision(answer, *, params=None) -> bool:
        return review.keep_answer(params["time_period"], params["digest"], **handoffs.decision(answer))

    @task.short_circuit(task_display_name="Nội dung còn như lúc hỏi?", pool=handoffs.WAREHOUSE_WRITER)
    def is_current(*, params=None) -> bool:
        return review.candidate(params["time_period"]) == params["digest"]

    @task(
        task_display_name="Ghi bản công bố",
        pool=handoffs.WAREHOUSE_WRITER,
        outlets=[Asset(handoffs.RELEASE)],
    )
    def write_release(*, params=None) -> None:
        publish.publish(params["time_period"])

    @task(task_display_name="Báo tin")
    def announce_release(*, params=None) -> None:
        publish.announce(params["time_period"])

    record_decision(approve.output) >> is_current() >> write_release() >> announce_release()


publish_release()
