"""Priors and thresholds follow the answers of the office."""

import csv
import math
import shutil

import pytest
from typer.testing import CliRunner

from tuquan import calibration, settings, warehouse
from tuquan.calibration import Answer, move_of_odds, propose, score_within
from tuquan.cli import app


@pytest.fixture
def seeds(home, tmp_path, monkeypatch):
    """Seeds of one's own, which may be written."""
    folder = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, folder)
    monkeypatch.setenv("TUQUAN_SEEDS", str(folder))
    return folder


def answer(cause, score, *choices):
    """Keep questions about one figure each, and their answers."""
    with warehouse.connect() as connection:
        first = connection.execute("select count(*) from meta.decisions").fetchone()[0]
        for number, choice in enumerate(choices, start=first + 1):
            key = {
                "flag_id": f"flag {number}",
                "check_name": "figure_is_plausible",
                "ref_area": "15127",
                "time_period": "2021",
                "indicator": "tips_received",
            }
            question = {"listed_at": "2022-01-01", "event": "asked", "obs_value": number, "score": score}
            warehouse.append(
                connection, "meta.questions", [{**key, **question, "suspected_cause": cause, "message_vi": "?"}]
            )
            decision = {"decision_id": number, "decided_at": "2022-01-02", "decided_by": "Cán bộ A", "reason": "x"}
            decision |= {"expected_value": number, "choice": choice}
            warehouse.append(connection, "meta.decisions", [{**key, **decision}])


def rows(folder, seed):
    with (folder / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_promise_that_is_kept_moves_nothing_and_a_broken_one_moves_the_more_the_more_was_answered():
    kept = [Answer("c", 0.75, number % 4 > 0) for number in range(40)]
    assert move_of_odds(kept) == pytest.approx(0, abs=1e-9)
    few, many = ([Answer("c", 0.9, False)] * count for count in (5, 50))
    assert -1.5 > move_of_odds(few) > move_of_odds(many)
    # The scores that follow promise what was answered, but for what the first guess still weighs.
    after = 1 / (1 + math.exp(-(math.log(9) + move_of_odds(many))))
    assert after < 0.1
    assert move_of_odds([Answer("c", 0.5, True)] * 50) > 2


def test_answers_change_the_prior_of_their_mistake_alone(seeds):
    before = rows(seeds, "causes")
    answer("digit_error", 0.9, *["confirm"] * 8, "correct", "return", "hold")
    answer("scale_error", 0.8, *["confirm"] * 4)  # too few
    (proposal,) = propose()
    assert (proposal.name, proposal.answered, proposal.mistakes, round(proposal.expected)) == ("digit_error", 10, 2, 9)
    assert proposal.after < proposal.before / 3
    shown = CliRunner().invoke(app, ["recalibrate"])
    assert (shown.exit_code, rows(seeds, "causes")) == (0, before)
    assert "Sai chữ số" in shown.output
    assert "thêm --write" in shown.output
    assert CliRunner().invoke(app, ["recalibrate", "--write"]).exit_code == 0
    changed = [
        (old["cause"], new["prior"]) for old, new in zip(before, rows(seeds, "causes"), strict=True) if old != new
    ]
    assert changed == [("digit_error", calibration.shown(proposal.after))]


def test_the_same_answers_move_a_prior_once(seeds):
    answer("digit_error", 0.9, *["confirm"] * 8, "correct", "return")
    (first,) = propose()
    with warehouse.connect() as connection:
        connection.execute("update meta.questions set prior = ?", [first.before])
    calibration.write([first])
    (again,) = propose()
    assert again.before == pytest.approx(first.after, rel=0.01)
    assert not again.is_change


def test_a_thousand_answers_are_not_too_many_and_leave_a_prior_that_is_no_zero():
    assert calibration.prior_of([Answer("c", 0.9, False)] * 1000, 1e-6) > 0
    assert move_of_odds([Answer("c", 0.5, True)] * 1000) > 4
    assert calibration.shown(1.234e-9) == "0.00000000123"


def test_the_newest_answer_to_a_figure_counts(seeds):
    answer("digit_error", 0.9, *["confirm"] * 5)
    with warehouse.connect() as connection:
        connection.execute(
            "insert into meta.decisions by name "
            "select * replace (decision_id + 10 as decision_id, 'correct' as choice) from meta.decisions"
        )
    (proposal,) = propose()
    assert (proposal.answered, proposal.mistakes) == (5, 5)


def test_without_answers_there_is_nothing_to_propose(seeds):
    assert propose() == []
    assert "Chưa cần thay đổi" in CliRunner().invoke(app, ["recalibrate"]).output


def test_with_a_budget_the_threshold_rises_above_the_alarms_that_are_too_many():
    answers = [Answer("c", score, score > 0.8) for score in (0.5, 0.6, 0.65, 0.7, 0.9, 0.95)]
    assert score_within(answers, 1, 0.5) == 0.7
    assert score_within(answers, 2, 0.5) == 0.65
    assert score_within(answers, 0, 0.5) == 0.9
    assert score_within(answers, 4, 0.5) == 0.5
    assert score_within(answers, 3, 0.65) == 0.65  # never lower than it is
