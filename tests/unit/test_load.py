"""Registered files → cells, versions and outcomes, through real child processes."""

import os

import pytest

from tuquan import load, store, warehouse
from tuquan.collect import register_inbox
from tuquan.load import load_registered
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook import sandbox
from tuquan.workbook.template import write_form

PERIOD = parse_period("2024-Q1")
COMMUNE = load_register().communes("387", PERIOD.end)[0]


@pytest.fixture
def send(home):
    """Lay a form of Quan Sơn's first commune into the inbox and collect it."""
    home.inbox.mkdir(parents=True)

    def lay_and_load(name, period=PERIOD, area=COMMUNE, **values):
        write_form(home.inbox / name, area, period, values={(key, "period"): value for key, value in values.items()})
        register_inbox()
        return load_registered()

    return lay_and_load


def query(sql):
    with warehouse.connect() as connection:
        return connection.execute(sql).fetchall()


def test_cells_are_kept_as_written_and_as_read(send):
    loaded = send("a.xlsx", models_total="1.288", camera_sites=3)
    assert loaded.figures == 2
    assert query(
        "select indicator, raw_text, raw_type, obs_value, status from raw.cells "
        "where raw_text is not null order by indicator"
    ) == [("camera_sites", "3", "number", 3, "read"), ("models_total", "1.288", "text", 1288, "read")]


def test_a_blank_cell_is_kept_as_blank_and_never_as_zero(send):
    send("a.xlsx", models_total=1)
    assert query("select count(*) > 10, count(obs_value) from raw.cells where status = 'blank'") == [(True, 0)]


def test_a_later_file_of_the_same_area_and_period_is_the_next_version(send):
    send("a.xlsx", models_total=1)
    send("b.xlsx", models_total=2)
    assert query("select version from raw.submissions order by arrival_id") == [(1,), (2,)]


def test_good_cells_load_while_a_doubtful_one_waits(send):
    loaded = send("a.xlsx", models_total="khoảng 16", camera_sites=3)
    assert (loaded.files["held"], loaded.figures) == (1, 1)
    assert query("select is_loaded, status from raw.submissions") == [(True, "held")]


def test_a_report_that_nobody_owes_is_held_as_a_whole(send):
    loaded = send("a.xlsx", period=parse_period("2022-Q1"), models_total=1)
    assert (loaded.files["held"], loaded.figures) == (1, 0)
    assert query("select check_name from raw.findings") == [("area_owes_a_report",)]
    assert query("select is_loaded, version from raw.submissions") == [(False, None)]


def test_loading_twice_loads_once(send):
    send("a.xlsx", models_total=1)
    assert load_registered().files.total() == 0
    assert query("select count(*) from raw.submissions") == [(1,)]


def test_a_child_that_dies_costs_its_file_alone(send, home, monkeypatch):
    real = sandbox._Child.ask

    def die_on_one(self, line):
        if b"deadly" in line:
            os.kill(self._process.pid, 9)
        return real(self, line)

    monkeypatch.setattr(sandbox._Child, "ask", die_on_one)
    (home.inbox / "deadly.xlsx").write_bytes(b"PK\x03\x04 anything")
    loaded = send("good.xlsx", models_total=1)
    assert dict(loaded.files) == {"refused": 1, "accepted": 1}
    assert query("select check_name from raw.findings") == [("file_can_be_read_within_limits",)]


def test_a_child_that_keeps_silent_is_ended(home, monkeypatch):
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 1)
    home.home.mkdir(parents=True)
    os.mkfifo(home.home / "never answers")
    with sandbox.SandboxedReader() as reader:
        read = reader.read(home.home / "never answers", "never answers")
    assert (read.status, read.findings[0].check_name) == ("refused", "file_can_be_read_within_limits")


def test_a_kill_before_the_commit_leaves_the_file_registered(send, home, monkeypatch):
    monkeypatch.setattr(load, "CHUNK", 1)
    real = load._write

    def fail_on_second(connection, files, loaded):
        real(connection, files, loaded)
        if loaded.files.total() == 1:
            raise KeyboardInterrupt

    write_form(home.inbox / "a.xlsx", COMMUNE, PERIOD, values={("models_total", "period"): 1})
    write_form(home.inbox / "b.xlsx", COMMUNE, PERIOD, values={("models_total", "period"): 2})
    register_inbox()
    monkeypatch.setattr(load, "_write", fail_on_second)
    with pytest.raises(KeyboardInterrupt):
        load_registered()
    monkeypatch.setattr(load, "_write", real)
    assert load_registered().files["accepted"] == 1
    assert query("select count(*), max(version) from raw.submissions") == [(2, 2)]


def test_bytes_of_which_nothing_was_taken_are_read_again_and_keep_ids_apart(send, home):
    send("a.xlsx", period=parse_period("2022-Q1"), models_total=1)
    (home.inbox / "b.xlsx").write_bytes((home.inbox / "a.xlsx").read_bytes())
    register_inbox()
    assert load_registered().files["held"] == 1
    assert query("select count(*), count(distinct submission_id) from raw.submissions") == [(2, 2)]


def test_a_file_that_the_raw_store_lost_is_an_error_and_stays_registered(home):
    home.inbox.mkdir(parents=True)
    write_form(home.inbox / "a.xlsx", COMMUNE, PERIOD, values={("models_total", "period"): 1})
    register_inbox()
    next(home.incoming.iterdir()).unlink()
    with pytest.raises(store.RawFileMissing, match="backup"):
        load_registered()
    assert query("select status from raw.arrivals") == [("registered",)]
