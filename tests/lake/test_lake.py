"""Several processes work on one lake: nothing is lost or doubled, also when one of them is killed."""

import logging
import os
import subprocess
import sys
import time
import urllib.request

import psycopg2
import pytest
from moto.server import ThreadedMotoServer

from tuquan import collect, load, warehouse
from tuquan.lake import Right, Session, configured
from tuquan.simulate import simulate
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

FILES = 45
LOADER = """
import os, time
from tuquan import load, warehouse
load.SHARED_CHUNK = int(os.environ.get("CHUNK", "10"))
append = warehouse.append
def wait_in_the_middle(connection, table, records):
    append(connection, table, records)
    if table == os.environ.get("STOP_AFTER"):
        print("stopped", flush=True)
        time.sleep(60)
warehouse.append = wait_in_the_middle
print(load.load_registered().files.total())
"""
PERIOD = parse_period("2024-Q1")
COMMUNE = load_register().communes("387", PERIOD.end)[0]


def loader(**environment):
    return subprocess.Popen(
        [sys.executable, "-c", LOADER], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def wait_for_claim(number):
    """Wait until a process has the chunk of this number in hand."""
    with Session(configured()) as session:
        until = time.monotonic() + 60
        while session.holder(Right.CHUNK, number) == "unknown":
            assert time.monotonic() < until
            time.sleep(0.05)


def query(sql):
    with warehouse.look() as connection:
        return connection.execute(sql).fetchall()


def ensure_whole():
    """All files are loaded, once, and numbered in the order of their arrival; all their cells are there."""
    assert query("select count(*), count(distinct area_key), max(version) from raw.submissions where is_loaded") == [
        (FILES, FILES, 1)
    ]
    assert query("select count(*) from raw.submissions where report_number <> arrival_id") == [(0,)]
    assert query("select distinct status from raw.arrivals") == [("accepted",)]
    per_report = query(
        "select distinct count(*), count(distinct (indicator, measure)) from raw.cells group by report_number"
    )
    assert [(cells == figures, cells > 10) for cells, figures in per_report] == [(True, True)]


@pytest.fixture
def registered(lake):
    simulate(FILES, 1, lake.inbox)
    assert collect.register_inbox().registered == FILES
    return lake


def test_two_processes_that_load_the_same_files_at_once_load_each_once(registered):
    both = [loader(), loader()]
    counts = [int(process.communicate()[0]) for process in both]
    assert sum(counts) == FILES
    ensure_whole()
    assert list(registered.incoming.iterdir()) == []


def test_a_loader_killed_in_the_middle_of_a_write_leaves_all_to_the_others(registered):
    killed = loader(STOP_AFTER="raw.cells")
    assert killed.stdout.readline() == "stopped\n"
    other = loader()  # reads the next chunk, and waits for its turn
    wait_for_claim(1)
    assert query("select count(*) from raw.cells") == [(0,)]
    killed.kill()
    assert int(other.communicate()[0]) == FILES
    killed.communicate()
    ensure_whole()


def test_what_arrived_later_has_the_last_word_whoever_reads_faster(lake):
    """The second file is read first: its process waits for the first file, which another one has in hand."""
    lake.inbox.mkdir(parents=True)
    for number in (1, 2):
        path = lake.inbox / f"{number}.xlsx"
        write_form(path, COMMUNE, PERIOD, values={("models_total", "period"): number})
        os.utime(path, (1_700_000_000 + number,) * 2)
    collect.register_inbox()
    with Session(configured()) as slow:
        assert slow.try_to_take(Right.CHUNK, 1)
        fast = loader(CHUNK="1")
        wait_for_claim(2)
        time.sleep(1)
        assert query("select count(*) from raw.submissions") == [(0,)]
    fast.communicate()
    assert query("select version, obs_value from raw.submissions join raw.cells using (report_number) "
                 "where indicator = 'models_total' order by all") == [(1, 1), (2, 2)]  # fmt: skip


def test_several_that_are_the_first_make_one_catalogue(lake):
    script = "from tuquan import warehouse\nwith warehouse.connect(): pass"
    first = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait() for process in first] == [0, 0, 0]
    assert query("select count(*) from raw.arrivals") == [(0,)]


def test_a_look_at_a_lake_that_nobody_wrote_to_writes_nothing(lake):
    assert query("select count(*) from raw.arrivals") == [(0,)]
    with Session(configured()) as session:
        assert not session.has_catalogue()
    assert not lake.home.joinpath("warehouse", "lake").exists()


def test_who_writes_is_known_to_whoever_waits_for_too_long_and_readers_do_not_wait(lake, monkeypatch):
    monkeypatch.setattr(warehouse, "LOCK_WAIT_SECONDS", 0.5)
    with warehouse.connect(), warehouse.look() as connection:
        assert connection.execute("select count(*) from raw.arrivals").fetchone() == (0,)
        with pytest.raises(warehouse.WarehouseBusy, match=f"process {os.getpid()} on"), warehouse.connect():
            pass


def test_a_build_leaves_the_lake_to_loaders_and_excludes_another_build(lake, monkeypatch):
    monkeypatch.setattr(warehouse, "LOCK_WAIT_SECONDS", 0.5)
    with warehouse.building(), warehouse.lend() as where:
        assert where["DBT_TARGET"] == "lake"
        with warehouse.connect() as connection:
            assert connection.execute("select count(*) from raw.arrivals").fetchone() == (0,)
        with pytest.raises(warehouse.WarehouseBusy), warehouse.lend():
            pass
        with pytest.raises(warehouse.WarehouseBusy), warehouse.building():
            pass


def test_a_table_is_looked_for_in_the_lake_alone(lake):
    with warehouse.connect() as connection:
        assert warehouse.has_table(connection, "raw.cells")
        assert not warehouse.has_table(connection, "public.ducklake_table")
        connection.execute("create temp table looked_for as select 1")
        assert not warehouse.has_table(connection, "main.looked_for")


def test_the_password_is_neither_shown_nor_logged(lake, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    secret = "mat khau 'x'"
    monkeypatch.setenv("TUQUAN_LAKE", f"{os.environ['TUQUAN_LAKE']}&password=mat%20khau%20%27x%27")
    with warehouse.connect() as connection, warehouse.lend() as where:
        told = connection.execute("select * from duckdb_databases()").fetchall()
    assert where.pop("PGPASSWORD") == secret
    monkeypatch.setenv("TUQUAN_LAKE", f"{os.environ['TUQUAN_LAKE']}&dbname=nobody_made_it")
    with pytest.raises(psycopg2.OperationalError) as refused, warehouse.connect():
        pass
    said = (where, told, str(refused.value), repr(lake), repr(configured()), caplog.text, capfd.readouterr())
    assert "mat khau" not in repr(said)
    assert "mat%20" not in repr(said)


@pytest.fixture
def bucket(monkeypatch):
    """The address of an empty bucket on loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("DUCKDB_S3_ENDPOINT", f"{host}:{port}")
    monkeypatch.setenv("DUCKDB_S3_USE_SSL", "false")
    urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/lake", method="PUT"))
    yield "s3://lake/warehouse"
    server.stop()


def test_the_tables_may_lie_in_a_bucket(lake, bucket, monkeypatch):
    monkeypatch.setenv("TUQUAN_LAKE_DATA", bucket)
    rows = [{"place": str(number), "uid_validity": 1, "last_uid": number} for number in range(1000)]
    with warehouse.connect() as connection:
        warehouse.append(connection, "meta.mailboxes", rows)
        files = connection.execute("select data_file from ducklake_list_files('tuquan', 'mailboxes', schema => 'meta')")
        assert [path.startswith(bucket) for (path,) in files.fetchall()] == [True]
    assert query("select count(*), sum(last_uid) from meta.mailboxes") == [(1000, 499_500)]


def test_a_tidy_lake_has_few_files_and_the_same_rows(lake):
    with warehouse.connect() as connection:
        for number in range(20):
            rows = [{"place": f"{number} {row}", "uid_validity": 1, "last_uid": 1} for row in range(100)]
            warehouse.append(connection, "meta.mailboxes", rows)
    warehouse.tidy()
    files = "select count(*) from ducklake_list_files('tuquan', 'mailboxes', schema => 'meta')"
    assert query(f"select count(*), ({files}) from meta.mailboxes") == [(2000, 1)]


def test_a_lake_takes_over_what_a_file_knows_once(home, server, monkeypatch):
    home.inbox.mkdir(parents=True)
    write_form(home.inbox / "a.xlsx", COMMUNE, PERIOD, values={("models_total", "period"): 7})
    collect.register_inbox()
    load.load_registered()
    cells = query("select * from raw.cells order by all")
    monkeypatch.setenv("TUQUAN_LAKE", server())
    warehouse.take_over(home.warehouse_file)
    assert query("select * from raw.cells order by all") == cells
    assert query("select stored_in from raw.arrivals") == [("raw",)]
    with pytest.raises(warehouse.NotEmpty):
        warehouse.take_over(home.warehouse_file)
