"""Inbox → raw store and register, with real files of every kind that a folder can hold."""

import hashlib
import os
import socket
from pathlib import Path

import pytest

from tuquan import collect, warehouse
from tuquan.collect import Delivery, Reply, receive, register_inbox


@pytest.fixture
def inbox(home):
    home.inbox.mkdir(parents=True)
    return home.inbox


def arrivals():
    with warehouse.connect() as connection:
        return warehouse.rows(
            connection,
            "select arrivals.*, findings.check_name, findings.message_vi from raw.arrivals "
            "left join raw.findings using (arrival_id) order by arrival_id",
        )


def statuses():
    return {row["declared_name"]: row["status"] for row in arrivals()}


def test_a_file_is_kept_byte_for_byte_where_only_we_can_read_it(home, inbox):
    (inbox / "Xã Cẩm Thành.xlsx").write_bytes(b"bytes as sent")
    assert register_inbox().registered == 1
    kept = home.incoming / hashlib.sha256(b"bytes as sent").hexdigest()
    assert kept.read_bytes() == b"bytes as sent"
    assert home.incoming.stat().st_mode & 0o777 == 0o700
    assert (inbox / "Xã Cẩm Thành.xlsx").read_bytes() == b"bytes as sent"


def test_the_same_inbox_again_registers_nothing(inbox):
    (inbox / "a.xlsx").write_bytes(b"a")
    register_inbox()
    again = register_inbox()
    assert (again.registered, again.unchanged) == (0, 1)
    assert len(arrivals()) == 1
    with warehouse.connect() as connection:
        assert connection.execute("select times_seen from meta.inbox_entries").fetchall() == [(2,)]


def test_other_bytes_under_the_same_name_are_a_new_arrival(inbox):
    (inbox / "a.xlsx").write_bytes(b"a")
    register_inbox()
    (inbox / "a.xlsx").write_bytes(b"corrected")
    assert register_inbox().registered == 1


def test_what_is_no_regular_file_is_refused_and_never_opened(inbox, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (inbox / "link.xlsx").symlink_to(tmp_path / "secret")
    (inbox / "folder link").symlink_to(tmp_path)
    os.mkfifo(inbox / "pipe.xlsx")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(inbox / "s"))
        (inbox / "good.csv").write_text("x")
        collected = register_inbox()
    assert (collected.registered, collected.refused) == (1, 4)
    assert {row["check_name"] for row in arrivals() if row["status"] == "refused"} == {"file_is_a_regular_file"}
    assert register_inbox().unchanged == 5


def test_an_empty_file_is_refused_with_a_reason_that_names_it(inbox):
    (inbox / "trống.xlsx").touch()
    register_inbox()
    (row,) = arrivals()
    assert (row["status"], row["check_name"]) == ("refused", "file_is_not_empty")
    assert "trống.xlsx" in row["message_vi"]


def test_a_file_beyond_the_limit_is_refused_without_keeping_it(home, inbox, monkeypatch):
    monkeypatch.setattr(collect, "MAX_FILE_BYTES", 10)
    (inbox / "large.xlsx").write_bytes(b"x" * 11)
    register_inbox()
    assert statuses() == {"large.xlsx": "refused"}
    assert not [path for path in home.incoming.rglob("*") if path.is_file()]


def test_names_are_data(home, inbox):
    names = ["{{ ds }}.xlsx", "*.xlsx", "a'; drop table x --.csv", "-rf", "~ $HOME.xlsx", "xã\nhai dòng.xlsx"]
    for name in names:
        (inbox / name).write_bytes(name.encode())
    (inbox / "tên cũ").mkdir()
    (inbox / os.fsdecode(b"\xff\xfe.xlsx")).write_bytes(b"name that is not UTF-8")
    assert register_inbox().registered == len(names) + 1
    assert set(names) < set(statuses())


def test_what_programs_leave_behind_is_not_taken_and_a_half_sent_file_waits(inbox):
    for name in ("~$Biểu TQ01.xlsx", ".DS_Store", "Thumbs.db", "Biểu TQ01.xlsx.part"):
        (inbox / name).write_bytes(b"x")
    collected = register_inbox()
    assert collected.registered == 0
    assert collected.waiting == ["Biểu TQ01.xlsx.part"]


def test_an_unreadable_file_is_refused_and_the_others_go_on(inbox, monkeypatch):
    (inbox / "closed.xlsx").write_bytes(b"x")
    (inbox / "good.xlsx").write_bytes(b"y")
    really_open = os.open

    def deny(path, *arguments, **options):
        if str(path).endswith("closed.xlsx"):
            raise PermissionError(13, "Permission denied")
        return really_open(path, *arguments, **options)

    # As root every file can be read, so the refusal of the operating system is played.
    monkeypatch.setattr(collect.os, "open", deny)
    register_inbox()
    assert statuses() == {"closed.xlsx": "refused", "good.xlsx": "registered"}


def test_a_file_that_fails_while_it_is_read_is_refused_and_the_others_go_on(inbox, monkeypatch):
    (inbox / "bad sector.xlsx").write_bytes(b"x")
    (inbox / "good.xlsx").write_bytes(b"y")
    really_open = os.fdopen

    def fail(descriptor, *arguments):
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "bad sector.xlsx":
            os.close(descriptor)
            raise OSError(5, "Input/output error")
        return really_open(descriptor, *arguments)

    monkeypatch.setattr(collect.os, "fdopen", fail)
    register_inbox()
    assert statuses() == {"bad sector.xlsx": "refused", "good.xlsx": "registered"}


def test_a_folder_that_cannot_be_opened_is_refused_instead_of_overlooked(inbox, monkeypatch):
    (inbox / "closed").mkdir()
    (inbox / "closed" / "unseen.xlsx").write_bytes(b"x")
    (inbox / "good.xlsx").write_bytes(b"y")
    really_scan = os.scandir

    def deny(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return really_scan(path)

    monkeypatch.setattr(os, "scandir", deny)
    register_inbox()
    assert statuses() == {"closed": "refused", "good.xlsx": "registered"}


def test_files_of_one_name_size_and_time_in_two_folders_are_two_files(inbox, tmp_path):
    for folder, content in ((inbox, b"a"), (tmp_path / "other", b"b")):
        folder.mkdir(exist_ok=True)
        (folder / "bieu.xlsx").write_bytes(content)
        os.utime(folder / "bieu.xlsx", (1_700_000_000, 1_700_000_000))
    assert register_inbox().registered == 1
    assert register_inbox(tmp_path / "other").registered == 1
    assert (register_inbox().unchanged, register_inbox(tmp_path / "other").unchanged) == (1, 1)


def test_a_file_swapped_for_a_link_or_a_pipe_after_the_scan_is_not_followed(home, inbox, tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("secret")
    (inbox / "link.xlsx").write_text("a report")
    (inbox / "pipe.xlsx").write_text("another report")
    entries = list(collect.scan_folder(inbox))

    def scan_then_swap(folder, channel):
        for name in ("link.xlsx", "pipe.xlsx"):
            (folder / name).unlink()
        (folder / "link.xlsx").symlink_to(tmp_path / "secret")
        os.mkfifo(folder / "pipe.xlsx")
        return iter(entries)

    monkeypatch.setattr(collect, "scan_folder", scan_then_swap)
    register_inbox()
    assert statuses() == {"link.xlsx": "refused", "pipe.xlsx": "refused"}
    # Not "empty", which is what a pipe that nobody writes to looks like.
    assert {row["check_name"] for row in arrivals() if row["declared_name"] == "pipe.xlsx"} == {
        "file_is_a_regular_file"
    }
    assert not [path for path in home.incoming.rglob("*") if path.is_file()]


@pytest.fixture
def settling(monkeypatch):
    """Let files settle for a minute of a clock that only moves while the pass sleeps; yields what it slept."""
    slept = []
    monkeypatch.setenv("TUQUAN_SETTLE_SECONDS", "60")
    monkeypatch.setattr(collect.time, "time_ns", lambda: 2_000_000_000_000_000_000)
    monkeypatch.setattr(collect.time, "sleep", slept.append)
    return slept


def lay(path, content, seconds_ago):
    path.write_bytes(content)
    os.utime(path, ns=(0, 2_000_000_000_000_000_000 - seconds_ago * 1_000_000_000))


def test_a_file_that_grows_between_two_looks_waits_for_the_next_pass(inbox, settling, monkeypatch):
    lay(inbox / "growing.csv", b"half", 1)
    lay(inbox / "still.csv", b"all of it", 1)
    lay(inbox / "from tomorrow.csv", b"a clock that is ahead", -86400)
    lay(inbox / "old.csv", b"long there", 61)

    def sleep(seconds):
        settling.append(seconds)
        lay(inbox / "growing.csv", b"half and more", 0)

    monkeypatch.setattr(collect.time, "sleep", sleep)
    collected = register_inbox()
    assert (collected.waiting, settling) == (["growing.csv"], [60.0])
    assert set(statuses()) == {"still.csv", "from tomorrow.csv", "old.csv"}
    monkeypatch.setattr(collect.time, "sleep", settling.append)
    assert register_inbox().waiting == []
    assert statuses()["growing.csv"] == "registered"


def test_a_pass_over_old_files_does_not_sleep(inbox, settling):
    lay(inbox / "old.csv", b"long there", 61)
    register_inbox()
    assert settling == []


def test_what_is_known_is_not_looked_at_again(inbox, settling):
    lay(inbox / "new.csv", b"x", 1)
    register_inbox()
    assert (register_inbox().unchanged, settling) == (1, [60.0])


def test_a_file_that_goes_away_while_it_settles_is_not_taken(inbox, settling, monkeypatch):
    lay(inbox / "draft.csv", b"x", 1)
    monkeypatch.setattr(collect.time, "sleep", lambda _: (inbox / "draft.csv").unlink())
    assert register_inbox().waiting == ["draft.csv"]
    assert statuses() == {}


def delivery(identity, content, **more):
    facts = {"version": "1", "declared_name": f"{identity}.json", "read": lambda most: content[: most + 1]}
    return Delivery("kobo a1", identity=identity, **(facts | more))


def test_every_channel_comes_in_through_one_door(home):
    reply = Reply("sender@example.org", "Báo cáo tháng", "<1@example.org>")
    assert receive([delivery("a", b"a", reply=reply), delivery("b", b"b", sender="d1g3st")]).registered == 2
    assert receive([delivery("a", b"read again?"), delivery("b", b"b2", version="2")]).unchanged == 1
    with warehouse.connect() as connection:
        assert connection.execute("select arrival_id, address, in_reply_to from meta.replies").fetchall() == [
            (1, "sender@example.org", "<1@example.org>")
        ]
    assert [(row["declared_name"], row["sender"]) for row in arrivals()] == [
        *(("a.json", None), ("b.json", "d1g3st"), ("b.json", None))
    ]


def test_a_page_that_names_a_record_twice_brings_it_once(home):
    assert receive([delivery("a", b"a"), delivery("a", b"a")]).registered == 1


def test_what_is_not_read_in_time_is_a_row_and_no_failure(home):
    def fail(most):
        raise TimeoutError

    assert receive([delivery("a", b"", read=fail), delivery("b", b"b")]).refused == 1
    assert {row["check_name"] for row in arrivals()} == {"file_can_be_opened", None}


def test_what_a_channel_refuses_is_answered_without_being_read(home):
    refused = delivery("a", b"a", refusal="file_is_of_a_safe_size", reason="60000000", size_bytes=60_000_000)
    assert receive([refused]).refused == 1
    assert arrivals()[0]["sha256"] is None
