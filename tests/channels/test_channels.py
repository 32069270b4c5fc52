"""The list of channels: what it may say, and that reading it costs nothing."""

import subprocess
import sys

import pytest

from tuquan import channels


def test_without_a_list_there_is_the_folder(monkeypatch):
    monkeypatch.delenv("TUQUAN_CHANNELS", raising=False)
    assert (channels.incoming(), channels.outgoing()) == (["folder"], [])


def test_each_kind_brings_reports_takes_answers_or_both(monkeypatch):
    listed = "sftp://a@/inbox  s3://b@bucket/inbox imap://c@/INBOX\nkobo://d@/aXb smtp://e@"
    monkeypatch.setenv("TUQUAN_CHANNELS", listed)
    sftp, s3, imap, kobo, smtp = listed.split()
    assert channels.incoming() == ["folder", sftp, s3, imap, kobo]
    assert channels.outgoing() == [sftp, s3, smtp]


@pytest.mark.parametrize("wrong", ["ftp://a@/inbox", "sftp:///inbox", "imap://a:mat-khau@host/INBOX", "mat-khau"])
def test_a_wrong_entry_is_named_by_its_place_and_never_repeated(monkeypatch, wrong):
    monkeypatch.setenv("TUQUAN_CHANNELS", f"smtp://e@ {wrong}")
    with pytest.raises(channels.WrongChannel, match="channel 2") as raised:
        channels.incoming()
    assert "mat-khau" not in str(raised.value)


def test_reading_the_list_loads_no_driver():
    code = "import sys, tuquan.channels; sys.exit(bool({'asyncssh', 's3fs', 'httpx', 'smtplib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
