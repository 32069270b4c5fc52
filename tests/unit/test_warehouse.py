"""One writer at a time, and all of a block or nothing."""

import subprocess
import sys
import time

import pytest

from tuquan import warehouse
from tuquan.warehouse import WarehouseBusy, append, connect, rows, transaction, writer_lock

HOLDER = (
    "import sys, time\nfrom tuquan.warehouse import connect\nwith connect():\n    print(flush=True)\n    time.sleep(60)"
)


@pytest.fixture
def holder(home):
    """Another process that has the warehouse open."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_waits_and_then_says_who_holds_the_warehouse(holder):
    with pytest.raises(WarehouseBusy, match=str(holder.pid)), writer_lock(wait_seconds=0.5):
        pass


def test_whoever_waits_is_told_for_whom(holder, monkeypatch, caplog):
    monkeypatch.setattr(warehouse, "LOCK_SILENT_SECONDS", 0.1)
    with pytest.raises(WarehouseBusy), writer_lock(wait_seconds=0.5):
        pass
    (said,) = caplog.messages
    assert f"last writer: process {holder.pid}" in said


def test_a_killed_writer_holds_nothing(holder):
    holder.kill()
    holder.wait()
    started = time.monotonic()
    with connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert time.monotonic() - started < warehouse.LOCK_WAIT_SECONDS


def insert_and_fail(connection):
    with transaction(connection):
        connection.execute("insert into t values (1)")
        raise RuntimeError


def test_a_failing_block_leaves_nothing_behind(home):
    with connect() as connection:
        connection.execute("create table t (a integer)")
        with pytest.raises(RuntimeError):
            insert_and_fail(connection)
        assert rows(connection, "select * from t") == []


def test_appended_records_keep_null_and_empty_text_apart(home):
    with connect() as connection:
        connection.execute("create table t (a varchar, b decimal(18, 4), c boolean)")
        append(connection, "t", [{"a": ""}, {"b": "1288.5", "c": True}])
        append(connection, "t", [])
        assert connection.execute("select * from t order by a nulls last").fetchall() == [
            ("", None, None),
            (None, warehouse.duckdb.sql("select 1288.5::decimal(18, 4)").fetchone()[0], True),
        ]
