"""SFTP servers and buckets: from a file that lies there to figures in the warehouse, and answers back."""

import os

import pytest

from tuquan import outbox
from tuquan.channels.storage import ServerFailed
from tuquan.collect import Delivery

HOST = "127.0.0.1"
SFTP = "sftp://tuquan_sftp@/inbox"
S3 = "s3://tuquan_s3@tinh-xa/inbox"


@pytest.fixture
def inbox(sftp_server, connect):
    """The folder that communes see on the SFTP server."""
    host_key = {"host_key": sftp_server.host_key}
    connect("tuquan_sftp", conn_type="sftp", host=HOST, port=sftp_server.port, extra=host_key)
    (sftp_server.root / "inbox").mkdir()
    return sftp_server.root / "inbox"


@pytest.fixture
def put(bucket, connect):
    """Return a function that puts an object into the bucket."""
    extra = {"endpoint_url": bucket.meta.endpoint_url, "region_name": "us-east-1"}
    connect("tuquan_s3", conn_type="aws", extra=extra)
    return lambda key, content: bucket.put_object(Bucket="tinh-xa", Key=key, Body=content)


def test_files_of_an_sftp_server_become_figures_and_stay_where_they_are(office, inbox, workbooks):
    (inbox / "Huyện A").mkdir()
    for name, content in workbooks:
        (inbox / "Huyện A" / name).write_bytes(content)
    before = {path: path.stat().st_mtime_ns for path in inbox.rglob("*")}
    office.receive(SFTP)
    first = office.outcomes()
    assert [name for name, *_ in first] == [f"Huyện A/{name}" for name, _ in workbooks]
    assert {status for _, status, _ in first} <= {"accepted", "held"}
    assert all(count > 10 for *_, count in first)
    office.receive(SFTP)
    assert office.outcomes() == first
    assert {path: path.stat().st_mtime_ns for path in inbox.rglob("*")} == before


def test_links_pipes_and_folders_named_like_files_are_refused_and_not_followed(office, inbox, workbooks, tmp_path):
    (tmp_path / "bên ngoài.csv").write_text("a,b\n")
    (inbox / "liên kết.xlsx").symlink_to(tmp_path / "bên ngoài.csv")
    (inbox / "thư mục").symlink_to(tmp_path)
    os.mkfifo(inbox / "ống.xlsx")
    (inbox / "Biểu.xlsx").mkdir()
    (inbox / "Biểu.xlsx" / "trong.csv").write_text("a,b\n")
    (inbox / "rỗng.xlsx").touch()
    (inbox / os.fsdecode(b"x\xe3.csv")).write_text("a,b\n")
    (inbox / "tốt.xlsx").write_bytes(workbooks[0][1])
    office.receive(SFTP)
    outcomes = {name: status for name, status, _ in office.outcomes()}
    assert outcomes.pop("tốt.xlsx") in {"accepted", "held"}
    assert set(outcomes) == {"liên kết.xlsx", "thư mục", "ống.xlsx", "Biểu.xlsx", "rỗng.xlsx", "x\\xe3.csv"}
    assert set(outcomes.values()) == {"refused"}
    assert office.checks().count("file_is_a_regular_file") == 4


def test_a_file_that_is_still_being_written_waits(office, inbox, workbooks, monkeypatch):
    (inbox / "xã A.xlsx.filepart").write_bytes(workbooks[0][1])
    growing = inbox / "xã B.xlsx"
    growing.write_bytes(workbooks[1][1][:5000])
    # Somebody writes on between the two looks.
    monkeypatch.setattr("tuquan.collect.time.sleep", lambda _: growing.write_bytes(workbooks[1][1]))
    office.receive(SFTP)
    assert office.outcomes() == []
    monkeypatch.setattr("tuquan.collect.time.sleep", lambda _: None)
    (inbox / "xã A.xlsx.filepart").rename(inbox / "xã A.xlsx")
    office.receive(SFTP)
    assert {name: count > 10 for name, _, count in office.outcomes()} == {"xã A.xlsx": True, "xã B.xlsx": True}


def test_a_new_content_under_the_same_name_is_received_again(office, inbox, workbooks):
    (inbox / "báo cáo.xlsx").write_bytes(workbooks[0][1])
    office.receive(SFTP)
    (inbox / "báo cáo.xlsx").write_bytes(workbooks[1][1] + b"")
    os.utime(inbox / "báo cáo.xlsx", (1, 1))
    office.receive(SFTP)
    assert [name for name, *_ in office.outcomes()] == ["báo cáo.xlsx"] * 2


@pytest.mark.parametrize(
    "wrong",
    [{"password": "sai"}, {"port": 1}, {"extra": {"host_key": "other"}}, {"extra": {}}],
    ids=["password", "server down", "another host key", "unknown host key"],
)
def test_a_server_that_is_down_refuses_us_or_is_another_one_is_an_error(
    office, inbox, sftp_server, connect, wrong, tmp_path, monkeypatch
):
    import asyncssh

    monkeypatch.setenv("HOME", str(tmp_path))  # where no server is known
    facts = {"host": HOST, "port": sftp_server.port, "extra": {"host_key": sftp_server.host_key}, **wrong}
    if facts["extra"].get("host_key") == "other":
        facts["extra"] = {"host_key": asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()}
    connect("tuquan_sftp", conn_type="sftp", **facts)
    with pytest.raises((OSError, asyncssh.Error)):
        office.receive(SFTP)


def test_a_folder_that_is_not_there_is_an_error_and_no_empty_inbox(office, inbox, put):
    with pytest.raises(FileNotFoundError):
        office.receive("sftp://tuquan_sftp@/inbxo")
    with pytest.raises(FileNotFoundError):
        office.receive("s3://tuquan_s3@tinh-xb/inbox")


def test_objects_of_a_bucket_become_figures_whatever_their_keys_look_like(office, put, workbooks):
    for (name, content), folder in zip(workbooks, ("inbox/2026", "inbox/../..", "inbox//"), strict=True):
        put(f"{folder}/{name}", content)
    put("inbox/", b"")
    put("inbox/rỗng.csv", b"")
    put("inbox/x.csv?versionId=1", b"a,b")
    put("inbox/xã D.xlsx.part", workbooks[0][1])
    put("ngoài.csv", b"a,b")
    office.receive(S3)
    first = office.outcomes()
    counts = {name: count for name, _, count in first}
    assert {name for name, count in counts.items() if count > 10} == {
        f"2026/{workbooks[0][0]}",
        f"../../{workbooks[1][0]}",
        f"//{workbooks[2][0]}",
    }
    assert {name: status for name, status, count in first if not count} == {
        "rỗng.csv": "refused",
        "x.csv?versionId=1": "refused",
    }
    office.receive(S3)
    assert office.outcomes() == first
    put(f"inbox/2026/{workbooks[0][0]}", workbooks[1][1])
    office.receive(S3)
    assert len(office.outcomes()) == len(first) + 1


def test_no_more_is_read_than_one_byte_beyond_the_limit(office, put, inbox):
    from airflow.sdk import Connection, ObjectStoragePath

    from tuquan.channels import storage

    put("inbox/lớn.csv", b"x" * 5000)
    (inbox / "lớn.csv").write_bytes(b"x" * 5000)
    on_sftp = storage.sftp_deliveries(storage.sftp(Connection.get("tuquan_sftp")), "/inbox", "sftp tuquan_sftp")
    in_bucket = storage.bucket_deliveries(ObjectStoragePath(S3).fs, "tinh-xa/inbox", "s3 tuquan_s3")
    for found in (*on_sftp, *in_bucket):
        assert isinstance(found, Delivery)
        assert (len(found.read(1000)), found.size_bytes) == (1001, 5000)


def test_a_server_that_breaks_off_decides_nothing_about_a_file(office, inbox, sftp_server, workbooks):
    from airflow.sdk import Connection

    from tuquan.channels import storage

    (inbox / "xã A.xlsx").write_bytes(workbooks[0][1])
    files = storage.sftp(Connection.get("tuquan_sftp"))
    (found,) = storage.sftp_deliveries(files, "/inbox", "sftp tuquan_sftp")
    files.client.abort()
    with pytest.raises((ServerFailed, OSError)) as raised:
        found.read(1000)
    assert not isinstance(raised.value, FileNotFoundError | PermissionError)


@pytest.mark.parametrize("channel", [SFTP, S3])
def test_answers_lie_beside_the_files_and_are_not_received(office, inbox, put, bucket, channel, workbooks):
    (inbox / "xã A.xlsx").write_bytes(workbooks[0][1])
    put("inbox/xã A.xlsx", workbooks[0][1])
    office.receive(channel)
    (reply,) = office.query("select channel, address from meta.replies")
    outbox.put_files(1, *reply, {"trả lời.txt": "Đã nhận.".encode()})
    office.send(channel)
    assert outbox.waiting_replies() == []
    if channel == SFTP:
        assert [file.read_text() for file in (inbox / "phan-hoi").iterdir()] == ["Đã nhận."]
    else:
        (answer,) = bucket.list_objects_v2(Bucket="tinh-xa", Prefix="inbox/phan-hoi/")["Contents"]
        assert bucket.get_object(Bucket="tinh-xa", Key=answer["Key"])["Body"].read().decode() == "Đã nhận."
    office.receive(channel)
    assert [name for name, *_ in office.outcomes()] == ["xã A.xlsx"]
