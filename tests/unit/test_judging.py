"""A file and what is known → its outcome: the rules of docs/decisions/0006, without files and tables."""

from dataclasses import replace
from datetime import datetime

import msgspec
import pytest

from tuquan import judging
from tuquan.judging import Arrival, Known, judge
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.submission import ReadCell, ReadFile, ReadSubmission

PERIOD = parse_period("2024-Q1")  # 15 December to 14 March
COMMUNE, NEIGHBOUR = load_register().communes("387", PERIOD.end)[:2]
utc = datetime.fromisoformat
LATER = utc("2024-04-01")


def report(commune=COMMUNE, time_period="2024-Q1", **figures):
    """What a reader makes of a form: a figure, None for a blank cell, or "held" for one that is doubtful."""
    cells = [
        ReadCell(
            "Biểu", f"E{row}", indicator, "period", None, "number", None, False, False, False,
            obs_value=str(value) if isinstance(value, int) else None, reading_rule="digits",
            status={None: "blank", "held": "held"}.get(value, "read"),
        )
        for row, (indicator, value) in enumerate(figures.items())
    ]  # fmt: skip
    return ReadSubmission(
        "Biểu",
        "TQ01",
        "1",
        "administrative",
        commune.ref_area,
        commune.area_key,
        time_period,
        cells,
        [],
        "accepted",
        True,
    )


def file(*reports, status="accepted", **more):
    return ReadFile("tq01_xlsx", list(reports), [], status, **more)


class Desk:
    """Judges one file after another, as they arrive."""

    def __init__(self, **known):
        self.known = Known(**known)
        self.arrivals = 0

    def take(self, content, read, received_at=LATER, record_id=None):
        self.arrivals += 1
        sha256 = content.ljust(64, "0")
        return judge(Arrival(self.arrivals, "thư mục/a.xlsx", sha256, received_at, record_id), read, self.known)


def checks(judged):
    findings = [*judged.file.findings, *(one for report in judged.file.submissions for one in report.findings)]
    return [finding.check_name for finding in findings]


def outcome(judged):
    return judged.status, checks(judged), judged.versions


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def cut_off(monkeypatch):
    """Let the quarter close twenty days after its end: on 3 April."""
    real = judging.duty_of
    monkeypatch.setattr(judging, "duty_of", lambda *about: replace(real(*about), closes_after_days=20))


def test_a_correction_counts_in_place_of_what_it_corrects(desk):
    assert outcome(desk.take("a", file(report(models_total=1)))) == ("accepted", [], (1,))
    assert outcome(desk.take("b", file(report(models_total=2)))) == ("accepted", [], (2,))


def test_the_same_bytes_again_are_a_repeat_of_the_first(desk):
    desk.take("a", file(report(models_total=1)))
    again = desk.take("a", file(report(models_total=1)))
    assert (again.status, again.repeats_arrival_id, again.file.submissions) == ("duplicate", 1, [])


def test_old_bytes_after_a_correction_are_a_question_and_no_step_back(desk):
    desk.take("a", file(report(models_total=1)))
    desk.take("b", file(report(models_total=2)))
    assert outcome(desk.take("a", file(report(models_total=1)))) == ("held", ["bytes_are_the_current_version"], (None,))
    assert desk.take("b", file(report(models_total=2))).status == "duplicate"


def test_one_overtaken_report_makes_a_file_of_several_old(desk):
    both = file(report(models_total=1), report(NEIGHBOUR, models_total=1))
    assert desk.take("a", both).versions == (1, 1)
    desk.take("b", file(report(NEIGHBOUR, models_total=2)))
    assert outcome(desk.take("a", both)) == ("held", ["bytes_are_the_current_version"], (None, None))


def test_a_neighbours_form_under_the_own_name_is_no_repeat(desk):
    desk.take("a", file(report(models_total=1)))
    doubted = msgspec.structs.replace(report(models_total=1), status="held", is_loadable=False)
    assert outcome(desk.take("a", file(doubted, status="held"))) == ("held", [], (None,))
    assert outcome(desk.take("a", file(status="refused"))) == ("refused", [], ())


def test_of_bytes_that_come_again_only_what_did_not_count_is_judged(desk):
    unknown = msgspec.structs.replace(report(NEIGHBOUR, models_total=1), status="held", is_loadable=False)
    assert desk.take("a", file(report(models_total=1), unknown, status="held")).versions == (1, None)
    again = desk.take("a", file(report(models_total=1), report(NEIGHBOUR, models_total=1)))
    assert outcome(again) == ("accepted", [], (1,))
    assert again.submission_ids == (f"a{'0' * 15}-3",)
    assert desk.take("a", file(report(models_total=1), report(NEIGHBOUR, models_total=1))).status == "duplicate"


def test_bytes_of_which_nothing_counts_are_judged_again(desk):
    unknown = file(report(time_period="2022-Q1", models_total=1))
    assert outcome(desk.take("a", unknown)) == ("held", ["area_owes_a_report"], (None,))
    again = desk.take("a", unknown)
    assert (outcome(again), again.submission_ids) == (("held", ["area_owes_a_report"], (None,)), (f"a{'0' * 15}-2",))


@pytest.mark.parametrize("gone", [{"models_total": 1, "camera_sites": None}, {"models_total": 1}])
def test_a_blank_cell_or_a_missing_row_does_not_erase_a_figure(desk, gone):
    desk.take("a", file(report(models_total=1, camera_sites=5)))
    judged = desk.take("b", file(report(**gone)))
    assert outcome(judged) == ("held", ["no_figure_is_erased"], (None,))
    (finding,) = judged.file.submissions[0].findings
    assert "để trống 1 số liệu" in finding.message_vi
    assert "camera" in finding.message_vi


def test_a_long_list_of_erased_figures_is_cut(desk):
    codes = [f"no_longer_asked_{number}" for number in range(7)]
    desk.take("a", file(report(**dict.fromkeys(codes, 1))))
    message = desk.take("b", file(report(models_total=1))).file.submissions[0].findings[0].message_vi
    assert "7 số liệu" in message
    assert [code in message for code in codes] == [True] * 5 + [False] * 2


def test_a_doubtful_figure_erases_nothing_and_zero_is_a_figure(desk):
    desk.take("a", file(report(models_total=1, camera_sites=5)))
    doubtful = file(report(models_total=0, camera_sites="held"))
    assert outcome(desk.take("b", doubtful)) == ("accepted", [], (2,))


def test_a_figure_that_comes_as_a_blank_before_may_be_filled_in(desk):
    desk.take("a", file(report(models_total=1, camera_sites=None)))
    assert desk.take("b", file(report(models_total=1, camera_sites=5))).versions == (2,)


def test_what_comes_for_a_released_period_waits_also_when_it_is_the_first():
    desk = Desk(released=frozenset({"2024-Q1"}))
    judged = desk.take("a", file(report(models_total=1)))
    assert outcome(judged) == ("held", ["period_is_open"], (None,))
    assert "đã công bố" in judged.file.submissions[0].findings[0].message_vi


def test_after_the_cut_off_a_correction_waits_and_a_first_report_counts(desk, cut_off):
    on_the_last_day, a_day_later = utc("2024-04-03 16:59"), utc("2024-04-03 17:00")  # midnight in Vietnam
    desk.take("a", file(report(models_total=1)), received_at=a_day_later)
    assert desk.take("b", file(report(models_total=2)), received_at=on_the_last_day).versions == (2,)
    judged = desk.take("c", file(report(models_total=3)), received_at=a_day_later)
    assert outcome(judged) == ("held", ["period_is_open"], (None,))
    assert "hết hạn nhận ngày 03/04/2024" in judged.file.submissions[0].findings[0].message_vi


def test_a_period_that_has_not_begun_is_a_question_and_one_that_runs_a_note(desk):
    the_day_before, the_first_day = utc("2023-12-14 16:59"), utc("2023-12-14 17:00")  # 15 December in Vietnam
    early = desk.take("a", file(report(models_total=1)), received_at=the_day_before)
    assert outcome(early) == ("held", ["period_has_begun"], (None,))
    assert outcome(desk.take("b", file(report(models_total=1)), the_first_day)) == (
        *("accepted", ["period_has_ended"], (1,)),
    )


def test_an_edit_of_a_record_stays_with_its_area_and_period(desk):
    desk.take("a", file(report(models_total=1)), record_id="r")
    moved = desk.take("b", file(report(NEIGHBOUR, models_total=1)), record_id="r")
    assert outcome(moved) == ("held", ["record_keeps_its_area_and_period"], (None,))
    assert COMMUNE.name_vi in moved.file.submissions[0].findings[0].message_vi
    assert desk.take("c", file(report(models_total=2)), record_id="r").versions == (2,)
    assert desk.take("d", file(report(NEIGHBOUR, models_total=1)), record_id="another").versions == (1,)


def test_a_report_that_was_doubtful_as_a_whole_stays_so_and_what_was_refused_stays_refused(desk):
    held = msgspec.structs.replace(report(models_total=1), status="held", is_loadable=False)
    refused = msgspec.structs.replace(report(NEIGHBOUR), status="refused", is_loadable=False)
    assert desk.take("a", file(held, status="held")).status == "held"
    assert desk.take("b", file(refused, status="refused")).status == "refused"
    assert desk.take("c", file(report(models_total=1), refused, status="refused")).status == "held"


def test_of_a_file_that_must_not_be_stored_no_report_remains(desk):
    judged = desk.take("a", file(report(models_total=1), status="held", storage="nothing"))
    assert (judged.status, judged.file.submissions) == ("held", [])
