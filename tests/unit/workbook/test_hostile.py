"""Hostile files: each is stopped by the right check, within two seconds of CPU and 300 MB, and the others go on."""

import html
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile

import msgspec
import pytest
from hostile_files import hostile_files, zipped

from tuquan import warehouse
from tuquan.collect import register_inbox
from tuquan.load import load_registered
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.sandbox import SandboxedReader

MOST_CPU_SECONDS = 2.0
MOST_BYTES = 300_000_000
HOSTILE = hostile_files()


@pytest.fixture(scope="module")
def reader():
    with SandboxedReader() as reader:
        yield reader


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_file_is_stopped_by_the_right_check(reader, tmp_path, hostile):
    """A check that speaks means that neither limit of the child was met; benchmarks/hostile.py measures how near."""
    path = tmp_path / "received"
    path.write_bytes(hostile.build())
    file = reader.read(path, hostile.name)
    said = {finding.check_name for finding in (*file.findings, *(f for one in file.submissions for f in one.findings))}
    assert file.status in ("held", "refused")
    assert hostile.check in said, [finding.message_vi for finding in file.findings]
    assert not any(submission.is_loadable for submission in file.submissions)


GREEDY = {
    "cpu": "while True: pass",
    "memory": """
    hoard = []
    try:
        while True: hoard.append(b"x" * 1_000_000)
    except MemoryError:
        peak = psutil.Process().memory_info().rss
        hoard.clear()
        print(peak, flush=True)
        raise
""",
}


@pytest.mark.parametrize("greed", GREEDY)
def test_what_no_check_foresees_meets_the_limits_of_the_child(greed):
    code = f"import psutil, sys\nfrom tuquan.workbook import sandbox\ndef greedy(*_):\n    {GREEDY[greed].strip()}\n"
    code += "sandbox.read_file = greedy\nsandbox.main(int(sys.argv[1]))"
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rwb") as lines:
        command = [sys.executable, "-c", code, str(theirs.fileno())]
        child = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.PIPE)
        theirs.close()
        lines.write(msgspec.json.encode({"path": b"x", "declared_name": "x"}) + b"\n")
        lines.flush()
        assert lines.readline() == b""
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if greed == "cpu":
        assert child.returncode == -signal.SIGPROF
        assert used.ru_utime + used.ru_stime < MOST_CPU_SECONDS + 1  # the start of the interpreter is among them
    else:
        assert child.returncode == 0
        assert int(said) < MOST_BYTES


def test_a_file_that_leaves_the_child_large_takes_no_room_from_the_next(tmp_path, form_file):
    """Texts of files are kept to be looked up; a hundred megabytes of them would be missed by the next file."""
    path = tmp_path / "records.json"
    path.write_bytes(b"[" + b",".join(b'{"name %d": 1}' % number for number in range(190_000)) + b"]")
    with SandboxedReader() as reader:
        for _ in range(3):
            assert reader.read(path, path.name).status == "refused"
        assert reader.read(form_file(), "bieu.xlsx").status == "accepted"
        assert reader._child.resident_bytes() < MOST_BYTES


ALIVE = ["=1+1", "=HYPERLINK(1)", "@SUM(A1)", "+1", "-1", "\t=1", "＝1", "|calc", "{{ ds }}", "'; drop table x; --"]
NO_NUMBERS = ["1e308", "-1e308", "NaN", "nan", "Infinity", "-inf", "0x10", "1_000", "١٢٨٨", "٣", "1.5e3x"]


@pytest.mark.parametrize("written", [*ALIVE, *NO_NUMBERS])
@pytest.mark.parametrize("kind", ["text", "number"])
def test_what_is_no_figure_is_asked_about_and_never_read(reader, form_file, written, kind):
    path = form_file()
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    figure = re.compile(rb"<v>1288</v>")
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert len(figure.findall(sheet)) == 1
    stored = f"<v>{html.escape(written)}</v>".encode()
    if kind == "text":
        sheet = re.sub(rb'(<c r="[A-Z]+[0-9]+"[^<>]*)(>)(?=<v>1288</v>)', rb'\1 t="str"\2', sheet)
    parts["xl/worksheets/sheet1.xml"] = figure.sub(lambda _: stored, sheet)
    path.write_bytes(zipped(parts))
    file = reader.read(path, "bieu.xlsx")
    assert file.status in ("held", "refused")
    assert not [cell.obs_value for one in file.submissions for cell in one.cells if cell.obs_value is not None]


def test_the_rest_of_a_batch_goes_on(home, form_bytes, tmp_path):
    """Twenty good forms among everything hostile, in one pass: twenty are taken, and each file has an outcome."""
    home.inbox.mkdir(parents=True)
    owed = [
        (area, period)
        for district, period in (("390", parse_period("2021")), ("387", parse_period("2023")))
        for area in load_register().communes(district, period.end)
    ][:20]
    for hostile in HOSTILE:
        (home.inbox / hostile.name).write_bytes(hostile.build())
    for number, (area, period) in enumerate(owed):
        content = form_bytes(area, period, values={("teams_new", "period"): number})
        (home.inbox / f"{'abcdefghijklmnopqrst'[number]} bieu.xlsx").write_bytes(content)
    odd = _lay_what_is_no_file(home.inbox, tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        (tmp_path / "s").rename(home.inbox / "socket.xlsx")
        collected = register_inbox()
    assert collected.refused == len(odd) + 1 + 1  # the empty file
    loaded = load_registered()
    assert loaded.files["accepted"] == 20
    with warehouse.connect() as connection:
        outcomes = dict(connection.execute("select declared_name, status from raw.arrivals").fetchall())
        assert connection.execute(
            "select count(distinct ref_area) from raw.submissions where is_loaded"
        ).fetchall() == [(20,)]
    assert len(outcomes) == len(HOSTILE) + 20 + len(odd) + 1
    assert {outcomes[hostile.name] for hostile in HOSTILE} <= {"held", "refused"}
    assert {outcomes[place] for place in odd} == {"refused"}
    assert not any(home.incoming.iterdir())


def _lay_what_is_no_file(inbox, elsewhere):
    (elsewhere / "secret").write_text("secret")
    (inbox / "link.xlsx").symlink_to(elsewhere / "secret")
    (inbox / "broken link.xlsx").symlink_to(elsewhere / "nowhere")
    (inbox / "circle.xlsx").symlink_to(inbox / "circle.xlsx")
    (inbox / "device.xlsx").symlink_to("/dev/zero")
    (inbox / "folder link").symlink_to(elsewhere)
    os.mkfifo(inbox / "pipe.xlsx")
    (inbox / "folder.xlsx").mkdir()  # an empty folder is nothing that anybody sent
    return ["link.xlsx", "broken link.xlsx", "circle.xlsx", "device.xlsx", "folder link", "pipe.xlsx"]
