"""### Tiếp nhận báo cáo

Takes what is new in the inbox folder and in each channel of `TUQUAN_CHANNELS` (SFTP, S3, mail, Kobo): keeps the files
and registers them, loads the readable cells, answers each file with a receipt and sends the answers back. All files in
one task, because a file costs milliseconds and a task costs half a second; on a lake in `TUQUAN_LOADERS` tasks, each on
a worker of its own. Then starts one `build_marts` run for each reporting period with news.

Red here means that our machinery broke. A channel that is down makes its own task red and, at the end, the run; what
the other channels brought is loaded, answered and built all the same. A broken workbook never turns a task red: it has
a line in the register and a receipt that says what is wrong.
"""

import logging

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Asset, Connection, ObjectStoragePath, dag, task
from airflow.sdk.observability import stats

from tuquan import alerts, channels, handoffs, load, receipts, register, transform

log = logging.getLogger(__name__)


@dag(
    dag_id=handoffs.COLLECT,
    dag_display_name="1 · Tiếp nhận báo cáo",
    doc_md=__doc__,
    schedule="*/15 * * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Ho_Chi_Minh"),
    catchup=False,
    max_active_runs=1,
    tags=["collect", "load"],
    **alerts.callbacks(Connection.get),
)
def collect_submissions() -> None:
    @task(
        task_display_name="Nhận tệp từng kênh, vào sổ",
        pool=handoffs.WAREHOUSE_WRITER,
        map_index_template="{{ task.op_kwargs['channel'] }}",
    )
    def receive_channel(channel: str) -> None:
        channels.receive(channel, Connection.get, ObjectStoragePath)

    @task(
        task_display_name="Đọc số liệu từng tệp",
        pool=handoffs.WAREHOUSE_WRITER,
        outlets=[Asset(handoffs.SUBMISSIONS)],
        trigger_rule="all_done",  # a channel that is down holds up no other
        map_index_template="{{ task.op_kwargs['loader'] }}",
    )
    def load_registered(loader: int) -> None:
        loaded = load.load_registered()
        log.info("Loader %d:", loader)
        log.info("\n%s", loaded.summary())
        for name, count, tags in handoffs.counts(loaded.formats, loaded.figures):
            stats.incr(name, count, tags=tags)

    @task(
        task_display_name="Trả lời từng tệp",
        pool=handoffs.WAREHOUSE_WRITER,
        outlets=[Asset(handoffs.RECEIPTS)],
    )
    def write_receipts(*, outlet_events=None) -> list[str]:
        answered = register.newest_settled()
        receipts.write_receipts()
        written = register.receipts_after(answered)
        outlet_events[Asset(handoffs.RECEIPTS)].extra = handoffs.receipts_of(written)
        return written[: handoffs.MOST_LISTED]

    @task(
        task_display_name="Gửi trả lời qua từng kênh",
        map_index_template="{{ task.op_kwargs['channel'] }}",
    )
    def send_replies(channel: str) -> None:
        channels.send_replies(channel, Connection.get, ObjectStoragePath)

    @task(task_display_name="Kỳ nào có số liệu mới?", pool=handoffs.WAREHOUSE_WRITER)
    def find_news(*, ti=None) -> list[dict]:
        return handoffs.builds(transform.periods_with_news(), ti.start_date)

    start_builds = TriggerDagRunOperator.partial(
        task_id="start_builds",
        task_display_name="Chuyển từng kỳ sang tổng hợp",
        trigger_dag_id=handoffs.BUILD,
        skip_when_already_exists=True,
        map_index_template="{{ task.conf['time_period'] }}",
    )
    # The end of a run says whether it went well, and the builds go on without an absent channel.
    all_channels_answered = EmptyOperator(
        task_id="all_channels_answered", task_display_name="Mọi kênh đều trả lời?", trigger_rule="none_failed"
    )

    received = receive_channel.expand(channel=channels.incoming())
    answered, sent = write_receipts(), send_replies.expand(channel=channels.outgoing())
    news = find_news()
    loaded = load_registered.expand(loader=handoffs.loaders())  # each takes files that no other has in hand
    received >> loaded >> answered >> [news, sent]
    [received, sent] >> all_channels_answered
    start_builds.expand_kwargs(news)


collect_submissions()
