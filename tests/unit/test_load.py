"""Registered files → cells, versions and outcomes, through real child processes."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from msgspec import structs

from tuquan import collect, load, store, warehouse
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


def test_a_figure_for_which_a_file_has_no_row_is_stated_as_blank(send, home):
    home.inbox.mkdir(parents=True, exist_ok=True)
    header = "ref_area,time_period,indicator,obs_value"
    (home.inbox / "a.csv").write_text(f"{header}\n{COMMUNE.ref_area},2024-Q1,models_total,1\n")
    send("b.xlsx", models_total=1)
    stated = query("select submission_id, list(indicator order by indicator) from raw.cells "
                   "where measure = 'period' and stands group by all")  # fmt: skip
    assert len(stated) == 2
    assert stated[0][1] == stated[1][1]
    assert query(
        "select distinct raw_type, status, stands from raw.cells where reading_rule = 'absent' and cell = ''"
    ) == [("blank", "blank", True)]


def test_a_report_says_how_many_figures_of_each_kind_it_states(send):
    send("a.xlsx", models_total="khoảng 16", camera_sites=0, self_mgmt_teams=3)
    (kinds,) = query("select figures_read, figures_zero, figures_held, figures_blank from raw.submissions")
    assert kinds[:3] == (2, 1, 1)
    assert query("select count(*) from raw.cells where measure = 'period' and stands") == [(2 + 1 + kinds[3],)]


def test_reports_are_numbered_in_the_order_of_their_arrival_and_their_cells_have_the_number(send):
    for value in (1, 2):
        send(f"{value}.xlsx", models_total=value)
    assert query("select report_number, arrival_id from raw.submissions order by all") == [(1, 1), (2, 2)]
    assert query("select distinct cells.report_number = submissions.report_number from raw.cells "
                 "join raw.submissions using (submission_id)") == [(True,)]  # fmt: skip


def test_the_same_figures_have_the_same_digest_however_they_are_written(send):
    send("a.xlsx", models_total="1.288", camera_sites=3)
    send("b.xlsx", models_total=1288, camera_sites="3")
    send("c.xlsx", models_total=1288, camera_sites=4)
    first, second, third = (
        digest for (digest,) in query("select figures_digest from raw.submissions order by version")
    )
    assert first == second != third


def test_of_several_cells_of_a_figure_the_doubtful_one_stands():
    def cell(place, status, indicator="models_total"):
        return structs.replace(load._absent(indicator, "a"), cell=place, status=status)

    cells = [cell("D1", "read"), cell("D3", "held"), cell("D2", "held"), cell("D4", "blank", "camera_sites")]
    assert [one.cell for one in load.standing_cells(cells)] == ["D2", "D4"]


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


PERSONAL = (
    f"ref_area,time_period,indicator,obs_value,ghi chú\n{COMMUNE.ref_area},2024-Q1,models_total,1,ĐT 0900 000 000\n"
)


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def macros():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as container:
        for name in ("xl/workbook.xml", "xl/vbaProject.bin"):
            container.writestr(zipfile.ZipInfo(name), "<workbook/>")  # without the time of day
    return buffer.getvalue()


def test_what_was_screened_stays_for_ever_and_what_nobody_could_screen_apart(send, home):
    (home.inbox / "macro.xlsm").write_bytes(macros())
    send("a.xlsx", models_total=1)
    (kept,), (apart,) = files_below(home.raw), files_below(home.quarantine)
    assert kept.read_bytes() == (home.inbox / "a.xlsx").read_bytes()
    assert apart.read_bytes() == macros()
    modes = [path.stat().st_mode & 0o777 for path in (kept, apart, apart.parent, home.quarantine)]
    assert modes == [0o444, 0o400, 0o700, 0o700]
    assert files_below(home.incoming) == []
    assert query("select declared_name, stored_in from raw.arrivals order by all") == [
        *(("a.xlsx", "raw"), ("macro.xlsm", "quarantine"))
    ]


def test_of_personal_data_only_hash_size_and_reason_remain(home):
    home.inbox.mkdir(parents=True)
    (home.inbox / "danh sách 0900000000.csv").write_text(PERSONAL, encoding="utf-8")
    register_inbox()
    load_registered()
    (row,) = query("select sha256, size_bytes, stored_in, declared_name from raw.arrivals")
    assert row[0] == hashlib.sha256(PERSONAL.encode()).hexdigest()
    assert row[1:3] == (len(PERSONAL.encode()), "nothing")
    assert "0900000000" not in row[3]
    assert query("select count(*) from raw.submissions union all select count(*) from raw.cells") == [(0,), (0,)]
    written = [path for path in files_below(home.home) if home.inbox not in path.parents]
    assert not [path for path in written if b"0900 000 000" in path.read_bytes() or b"0900000000" in path.read_bytes()]


def test_a_kill_between_move_and_commit_loses_and_doubles_nothing(send, home, monkeypatch):
    write_form(home.inbox / "a.xlsx", COMMUNE, PERIOD, values={("models_total", "period"): 1})
    register_inbox()
    with monkeypatch.context() as killed:
        killed.setattr(warehouse, "transaction", _killed)
        with pytest.raises(KeyboardInterrupt):
            load_registered()
    assert (len(files_below(home.raw)), query("select status from raw.arrivals")) == (1, [("registered",)])
    assert load_registered().files == {"accepted": 1}
    assert (len(files_below(home.raw)), query("select version from raw.submissions")) == (1, [(1,)])


def test_personal_data_goes_also_after_a_kill_between_commit_and_deletion(home, monkeypatch):
    home.inbox.mkdir(parents=True)
    (home.inbox / "a.csv").write_text(PERSONAL, encoding="utf-8")
    register_inbox()
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            load_registered()
    assert len(files_below(home.incoming)) == 1
    assert load_registered().files == {}  # nothing waits, but the pass sweeps
    assert files_below(home.incoming) == []


def test_a_kill_between_copy_and_register_is_made_good_by_the_next_pass(send, home, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(collect, "_register", _killed)
        with pytest.raises(KeyboardInterrupt):
            send("a.xlsx", models_total=1)
    assert len(files_below(home.incoming)) == 1
    register_inbox()
    assert load_registered().files == {"accepted": 1}


def _killed(*_arguments, **_options):
    raise KeyboardInterrupt


@pytest.fixture(params=[1, 500])
def chunks(request, monkeypatch):
    """Once every file is a chunk of its own, once all are in one."""
    monkeypatch.setattr(load, "CHUNK", request.param)


@pytest.fixture
def lay(home):
    """Lay out forms (name, figures), each a second younger than the one before, or bytes."""
    home.inbox.mkdir(parents=True)

    def lay_out(**files):
        for age, (name, content) in enumerate(files.items()):
            path = home.inbox / f"{name}.xlsx"
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                write_form(path, COMMUNE, PERIOD, values={(key, "period"): value for key, value in content.items()})
            os.utime(path, (1_700_000_000 + age,) * 2)
        register_inbox()
        return load_registered()

    return lay_out


def test_files_of_one_commune_that_come_together_are_versions_in_their_order(chunks, lay):
    assert lay(first={"models_total": 1}, second={"models_total": 2}).files == {"accepted": 2}
    assert query("select version from raw.submissions order by arrival_id") == [(1,), (2,)]


def test_old_bytes_after_a_correction_in_the_same_pass_are_a_question(chunks, lay, home):
    lay(first={"models_total": 1}, second={"models_total": 2})
    old, new = ((home.inbox / f"{name}.xlsx").read_bytes() for name in ("first", "second"))
    assert lay(old_again=old, new_again=new).files == {"held": 1, "duplicate": 1}
    assert query("select check_name from raw.findings") == [("bytes_are_the_current_version",)]
    assert query("select count(*) from raw.submissions where is_loaded") == [(2,)]
    # As evidence, and for the day on which the office says that the old one was right.
    assert query("select count(*) from raw.cells inner join raw.submissions using (submission_id) "
                 "where not is_loaded and obs_value = 1") == [(1,)]  # fmt: skip


def test_a_b_and_a_again_in_one_pass_leave_b(chunks, lay, home):
    write_form(home.inbox / "draft", COMMUNE, PERIOD, values={("models_total", "period"): 1})
    first = (home.inbox / "draft").read_bytes()
    (home.inbox / "draft").unlink()
    assert lay(a=first, b={"models_total": 2}, c=first).files == {"accepted": 2, "held": 1}
    assert query("select arrival_id, version from raw.submissions where is_loaded order by all") == [(1, 1), (2, 2)]


def test_the_same_bytes_twice_in_one_pass_are_a_repeat(chunks, lay, home):
    write_form(home.inbox / "draft", COMMUNE, PERIOD, values={("models_total", "period"): 1})
    content = (home.inbox / "draft").read_bytes()
    (home.inbox / "draft").unlink()
    assert lay(a=content, b=content).files == {"accepted": 1, "duplicate": 1}
    assert query("select repeats_arrival_id from raw.arrivals order by arrival_id") == [(None,), (1,)]
    assert query("select count(*) from raw.findings") == [(0,)]


def test_personal_data_that_comes_twice_is_deleted_once_both_are_judged(chunks, lay, home):
    assert lay(a=PERSONAL.encode(), b=PERSONAL.encode()).files.total() == 2
    assert files_below(home.incoming) == files_below(home.raw) == []


def test_a_blank_that_would_erase_a_figure_waits_with_its_cells(lay):
    loaded = lay(a={"models_total": 1, "camera_sites": 3}, b={"models_total": 2})
    assert (loaded.files, loaded.figures) == ({"accepted": 1, "held": 1}, 2)
    assert query("select check_name from raw.findings") == [("no_figure_is_erased",)]


def test_a_record_that_moves_to_another_period_is_a_question(home):
    def record(version, period):
        content = f"ref_area,time_period,indicator,obs_value\n{COMMUNE.ref_area},{period},models_total,{version}\n"
        return collect.Delivery(
            "kobo form", identity="r", version=str(version), declared_name="r.csv", is_record=True,
            read=lambda _: content.encode(),
        )  # fmt: skip

    outcomes = []
    for version, period in enumerate(("2024-Q1", "2024-Q1", "2023"), start=1):
        collect.receive([record(version, period)])
        outcomes.append(dict(load_registered().files))
    assert outcomes == [{"accepted": 1}, {"accepted": 1}, {"held": 1}]
    assert query("select check_name from raw.findings where check_name like 'record%'") == [
        ("record_keeps_its_area_and_period",)
    ]


def test_a_text_in_a_cell_is_kept_without_what_may_be_a_number_of_a_person(send):
    send("a.xlsx", models_total="hồ sơ 123456789 hộ")
    assert query("select raw_text from raw.cells where raw_text is not null") == [("hồ sơ … hộ",)]
    assert query("select as_written from raw.findings") == [("hồ sơ … hộ",)]


def test_a_pass_says_how_far_it_is_and_what_came_of_which_format(send, home, caplog):
    caplog.set_level("INFO", logger="tuquan.load")
    (home.inbox / "macro.xlsm").write_bytes(macros())
    loaded = send("a.xlsx", models_total=1)
    assert "2 of 2 files: accepted 1, held 1; 1 figures" in caplog.messages[-1]
    header, *lines = loaded.summary().splitlines()
    assert len(header.split()) == 2
    assert [line.split()[-2:] for line in lines] == [["1", "0"], ["0", "1"]]
