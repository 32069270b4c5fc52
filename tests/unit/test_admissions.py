"""What waits as a whole → what counts, by the word of the office; and what each version changed."""

import json
from datetime import datetime

import pytest
from typer.testing import CliRunner

from tuquan import admissions, load, receipts, register, transform, warehouse
from tuquan.admissions import NotAdmitted
from tuquan.cli import app
from tuquan.collect import register_inbox
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

PERIOD = parse_period("2024-Q1")
COMMUNE = load_register().communes("387", PERIOD.end)[0]


@pytest.fixture
def send(home):
    """Lay forms of one commune into the inbox, load them, and return the newest line of the register."""
    home.inbox.mkdir(parents=True)

    def lay_and_load(name, period=PERIOD, **figures):
        values = {(key, "period"): value for key, value in figures.items()}
        write_form(home.inbox / name, COMMUNE, period, values=values)
        register_inbox()
        load.load_registered()
        return register.received_files()[-1]

    return lay_and_load


def only(file):
    (submission,) = file["submissions"]
    return submission


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def query(sql, *values):
    with warehouse.connect() as connection:
        return connection.execute(sql, list(values)).fetchall()


def test_a_version_that_erases_a_figure_counts_once_the_office_takes_it(send):
    send("a.xlsx", models_total=1, camera_sites=5)
    waiting = only(send("b.xlsx", models_total=2))
    assert (waiting["status"], waiting["is_loaded"], waiting["cells_read"]) == ("held", False, 0)
    result = run("admit", waiting["submission_id"][:10], "--by", "Phòng tổng hợp", "--reason", "xã rút số")
    assert result.exit_code == 0, result.output
    assert "lần gửi thứ 2" in result.stdout
    taken = only(register.received_files()[-1])
    assert (taken["is_loaded"], taken["version"], taken["cells_read"]) == (True, 2, 1)
    assert query("select admitted_by, reason from meta.admissions") == [("Phòng tổng hợp", "xã rút số")]


def test_an_admission_is_news_for_its_period(send):
    send("a.xlsx", models_total=1, camera_sites=5)
    waiting = only(send("b.xlsx", models_total=2))
    with warehouse.connect() as connection:
        now = datetime.fromisoformat("2999-01-01")
        connection.execute("insert into meta.builds values ('2024-Q1', 'd', 'd', ?, ?)", [now, now])
    assert transform.periods_with_news() == []
    query("update meta.builds set started_at = (select max(loaded_at) from raw.submissions) + interval 1 microsecond")
    assert transform.periods_with_news() == []
    admissions.admit(waiting["submission_id"], "A", "B")
    assert transform.periods_with_news() == ["2024-Q1"]


def test_what_comes_after_a_release_waits_and_is_taken_as_a_revision(send):
    send("a.xlsx", models_total=1)
    query("insert into meta.releases values ('2024-Q1', 1, 'd', 'c', 'A', current_timestamp)")
    late = send("b.xlsx", models_total=2)
    assert [finding["code"] for finding in late["findings"]] == ["period_is_open"]
    assert admissions.admit(only(late)["submission_id"], "A", "B")[1] == 2


def test_who_admits_last_has_the_last_word(send):
    send("a.xlsx", models_total=1, camera_sites=5)
    first, second = only(send("b.xlsx", models_total=2)), only(send("c.xlsx", models_total=3))
    assert admissions.admit(second["submission_id"], "A", "B")[1] == 2
    assert admissions.admit(first["submission_id"], "A", "B")[1] == 3


def test_what_is_admitted_is_what_the_next_version_is_compared_with(send):
    send("a.xlsx", models_total=1, camera_sites=5)
    waiting = only(send("b.xlsx", models_total=2))
    admissions.admit(waiting["submission_id"], "A", "B")
    assert only(send("c.xlsx", models_total=3))["version"] == 3


@pytest.mark.parametrize(
    ("figures", "period", "said"),
    [
        ({"models_total": 1}, PERIOD, "counts already, as version 1"),
        ({}, PERIOD, "no figure that could be read"),
    ],
)
def test_what_cannot_count_is_not_admitted(send, figures, period, said):
    submission = only(send("a.xlsx", period, **figures))
    with pytest.raises(NotAdmitted, match=said):
        admissions.admit(submission["submission_id"], "A", "B")


def test_an_admission_needs_a_report_a_name_and_a_reason(send):
    submission = only(send("a.xlsx", parse_period("2022-Q1"), models_total=1))
    with pytest.raises(NotAdmitted, match="0 submissions begin with"):
        admissions.admit("nothing", "A", "B")
    for by, reason in ((" ", "B"), ("A", "")):
        with pytest.raises(NotAdmitted, match="a name and a reason"):
            admissions.admit(submission["submission_id"], by, reason)
    query("update raw.submissions set area_key = null")
    with pytest.raises(NotAdmitted, match="is not known"):
        admissions.admit(submission["submission_id"], "A", "B")
    assert run("admit", "nothing", "--by", "A", "--reason", "B").exit_code == 2


def test_each_version_says_what_it_changed(send):
    send("a.xlsx", models_total=1, camera_sites=5, cameras_total="khoảng 7")
    send("b.xlsx", models_total=1, camera_sites=6, cameras_total=7)
    send("c.xlsx", models_total=1, camera_sites=6)
    first, second, waiting = json.loads(run("submissions", "--diff", COMMUNE.ref_area, "2024-Q1", "--json").stdout)
    assert (first["version"], first["changes"], first["file"]) == (1, [], "a.xlsx")
    changes = {change["indicator"]: (change["before"], change["after"]) for change in second["changes"]}
    assert set(changes) == {"camera_sites", "cameras_total"}
    assert changes["cameras_total"][0]["status"] == "held"
    assert (waiting["version"], waiting["is_loaded"], len(waiting["changes"])) == (None, False, 1)
    text = run("submissions", "--diff", COMMUNE.ref_area, "2024-Q1").stdout
    for part in ("Lần 1: a.xlsx", "Lần 2: b.xlsx", "Đang chờ (", "giữ lại: khoảng 7", "để trống"):
        assert part in text


def test_a_report_that_nobody_sent_has_no_versions(home):
    assert "Chưa có báo cáo nào" in run("submissions", "--diff", COMMUNE.ref_area, "2024-Q1").stdout


def test_who_admitted_a_version_is_told_and_nothing_is_asked_about_it_any_more(send, home):
    send("a.xlsx", models_total=1, camera_sites=5)
    waiting = only(send("b.xlsx", models_total=2, cameras_total="khoảng 7"))
    receipts.write_receipts()
    (digest,) = home.receipts.rglob("Tổng hợp.txt")
    assert "để trống 1 số liệu" in digest.read_text()
    run("admit", waiting["submission_id"], "--by", "Phòng tổng hợp", "--reason", "xã rút số")
    result = run("submissions", "--diff", COMMUNE.ref_area, "2024-Q1")
    assert result.exit_code == 0, result.output
    assert "Cấp trên chấp nhận: Phòng tổng hợp. Lý do: xã rút số" in result.stdout
    text = digest.read_text()
    assert "cấp trên chấp nhận, 1 số liệu được dùng, 1 số liệu chờ làm rõ; lần gửi thứ 2" in text
    assert "khoảng 7" in text  # a doubtful figure goes on waiting
    assert "để trống" not in text


def test_the_register_names_the_id_of_what_waits(send):
    waiting = only(send("a.xlsx", parse_period("2022-Q1"), models_total=1))
    assert f"chờ ({waiting['submission_id']})" in run("submissions").stdout
