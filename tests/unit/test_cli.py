"""Commands → exit codes: what the caller got wrong is 2, what the machine cannot do is 3, and both say it in a line."""

import pytest
from typer.testing import CliRunner

from tuquan.cli import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["collect", "--inbox", "/there/is/nothing"], "is not a folder"),
        (["template", "--period", "2026"], "give either"),
        (["template", "--period", "2026-M14", "--area", "15127", "--out", "x.xlsx"], "is not a period"),
    ],
)
def test_what_the_caller_got_wrong_is_no_failure_of_the_machine(home, arguments, said):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_home_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUQUAN_HOME", str(tmp_path / "file"))
    result = CliRunner().invoke(app, ["collect"])
    assert result.exit_code == 3
    assert f"TUQUAN_HOME is {tmp_path / 'file'}" in result.stderr


def test_everything_in_an_inbox_is_answered_in_one_pass(home):
    home.inbox.mkdir(parents=True)
    for number in range(3):
        (home.inbox / f"{number}.xlsx").write_bytes(b"PK\x03\x04" * number)
    result = CliRunner().invoke(app, ["collect"])
    assert result.exit_code == 1
    assert "không nhận 3" in result.stdout
    assert len(list(home.receipts.rglob("*.txt"))) == 3
