"""A file that is only asked about → the answer that it would get, and nothing written."""

import json
import os

import pytest
from typer.testing import CliRunner

from tuquan import register
from tuquan.cli import app
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

PERIOD = parse_period("2024-Q1")
ONLY_OF_THE_INBOX = {"channel", "received_at", "receipt", "receipt_workbook", "times_seen"}
COMMUNE = load_register().communes("387", PERIOD.end)[0]


@pytest.fixture
def form(tmp_path):
    def write(name, period=PERIOD, **figures):
        values = {(key, "period"): value for key, value in figures.items()}
        write_form(tmp_path / name, COMMUNE, period, values=values)
        return tmp_path / name

    return write


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def everything_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_good_form_is_answered_and_no_home_is_made(home, form):
    result = run("check", form("a.xlsx", models_total=1))
    assert result.exit_code == 0, result.output
    assert "Đã nhận đủ: 1 số liệu" in result.stdout
    assert not home.home.exists()


def test_the_answer_is_the_one_that_the_inbox_gives(home, form, tmp_path):
    names = {
        "tốt.xlsx": {"models_total": 1},
        "lần hai.xlsx": {"models_total": 2, "camera_sites": "khoảng 3"},
        "xóa số.xlsx": {"camera_sites": 3},
        "không phải nộp.xlsx": {"period": parse_period("2022-Q1"), "models_total": 1},
    }
    files = [form(name, **figures) for name, figures in names.items()]
    (tmp_path / "trống.xlsx").touch()
    (tmp_path / "hỏng.xlsx").write_bytes(files[0].read_bytes()[:3000])
    (tmp_path / "lặp lại.xlsx").write_bytes(files[1].read_bytes())
    files += [tmp_path / name for name in ("trống.xlsx", "hỏng.xlsx", "lặp lại.xlsx")]
    asked = json.loads(run("check", "--json", *files).stdout)
    home.inbox.mkdir(parents=True)
    for file in files:
        (home.inbox / file.name).write_bytes(file.read_bytes())
        run("collect")
    for one, other in zip(asked, register.received_files(), strict=True):
        assert {name: one[name] for name in one.keys() - ONLY_OF_THE_INBOX} == {
            name: other[name] for name in other.keys() - ONLY_OF_THE_INBOX
        }
    assert [one["status"] for one in asked] == [
        *("accepted", "held", "held", "held", "refused", "refused", "duplicate"),
    ]


def test_what_is_known_is_asked_and_stays_as_it_is(home, form):
    home.inbox.mkdir(parents=True)
    file = form("a.xlsx", models_total=1)
    (home.inbox / "a.xlsx").write_bytes(file.read_bytes())
    run("collect")
    before = everything_below(home.home)
    result = run("check", file)
    assert (result.exit_code, "trùng với tệp đã nhận" in result.stdout) == (0, True)
    assert everything_below(home.home) == before


def test_a_question_is_exit_1_and_a_file_that_is_not_there_exit_2(home, form, tmp_path):
    assert run("check", form("a.xlsx", models_total="khoảng 5")).exit_code == 1
    assert run("check", tmp_path / "no such file").exit_code == 2
    (tmp_path / "link.xlsx").symlink_to(tmp_path / "a.xlsx")
    assert run("check", tmp_path / "link.xlsx").exit_code == 1


def test_a_name_that_is_not_utf8_is_answered_as_the_inbox_does(home, form):
    home.inbox.mkdir(parents=True)
    file = form("a.xlsx", models_total=1).rename(home.inbox / os.fsdecode(b"b\xa7o.xlsx"))
    (asked,) = json.loads(run("check", "--json", file).stdout)
    run("collect")
    assert (asked["file"], asked["status"]) == ("b\\xa7o.xlsx", "accepted")
    assert [one["file"] for one in register.received_files()] == [asked["file"]]
