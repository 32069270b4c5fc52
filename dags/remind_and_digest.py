"""### Nhắc việc và tổng hợp ngày

Each working day: reminds communes of reports that are due, late, empty or held and of figures that the office gave
back, one mail per mailbox; lists them to whoever sees to a district; and sends the office one digest with the state of
collection, the worst ten questions and what is overdue. No figure is ever told. Addresses come from `TUQUAN_CONTACTS`;
with none, or without a channel that sends, the digest still lies in `outbox/`.

A run of another day, such as a backfill, tells nobody anything, and a run of the same day tells nothing twice. Red here
means that a mail server or webhook failed: what was not told stays due.
"""

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Connection, CronTriggerTimetable, ObjectStoragePath, dag, task

from tuquan import alerts, channels, handoffs, reminders


@dag(
    dag_id=handoffs.REMIND,
    dag_display_name="Nhắc việc và tổng hợp ngày",
    doc_md=__doc__,
    # Its logical date is the moment itself, whatever the deployment makes of a bare cron line.
    schedule=CronTriggerTimetable("30 7 * * *", timezone="Asia/Ho_Chi_Minh"),
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Ho_Chi_Minh"),
    catchup=False,
    max_active_runs=1,
    tags=["remind"],
    **alerts.callbacks(Connection.get),
)
def remind_and_digest() -> None:
    @task.short_circuit(task_display_name="Hôm nay có nhắc việc không?")
    def is_due(*, dag_run=None, ti=None) -> bool:
        day = handoffs.day_of(dag_run.logical_date or dag_run.run_after, ti.start_date)
        return day is not None and not reminders.is_quiet(day)

    @task(task_display_name="Viết thư nhắc và bản tổng hợp", pool=handoffs.WAREHOUSE_WRITER)
    def write_notices(*, ti=None) -> None:
        reminders.write_today(ti.start_date, channels.can_notify("smtp"), channels.can_notify("webhook"))

    @task(task_display_name="Gửi qua từng kênh", map_index_template="{{ task.op_kwargs['channel'] }}")
    def send_notices(channel: str) -> None:
        channels.send_replies(channel, Connection.get, ObjectStoragePath)

    @task(
        task_display_name="Ghi lại việc đã nhắc",
        pool=handoffs.WAREHOUSE_WRITER,
        trigger_rule="all_done",  # what went out is noted whatever became of the rest
    )
    def note_told() -> None:
        reminders.note_told()

    all_sent = EmptyOperator(task_id="all_sent", task_display_name="Mọi kênh đều gửi được?", trigger_rule="none_failed")

    sent = send_notices.expand(channel=channels.notifying())
    is_due() >> write_notices() >> sent >> [note_told(), all_sent]


remind_and_digest()
