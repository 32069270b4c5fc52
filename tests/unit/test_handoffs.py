"""What one DAG says to the next."""

import doctest
import re
from datetime import UTC, datetime

import pytest

from tuquan import handoffs

NOON = datetime(2026, 11, 24, 12, 0, 5, tzinfo=UTC)
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def test_the_examples_in_its_documentation_hold():
    assert doctest.testmod(handoffs).failed == 0


def test_each_period_with_news_gets_a_run_that_names_it():
    assert handoffs.builds(["2021", "2026-M11"], NOON) == [
        {"trigger_run_id": "build__2021__20261124T120005", "conf": {"time_period": "2021"}},
        {"trigger_run_id": "build__2026-M11__20261124T120005", "conf": {"time_period": "2026-M11"}},
    ]


@pytest.mark.parametrize(
    ("lake", "wanted", "loaders"),
    [("", "", [1]), ("", "4", [1]), ("dbname=lake", "", [1]), ("dbname=lake", "4", [1, 2, 3, 4])],
)
def test_only_a_lake_is_loaded_by_several_at_once(monkeypatch, lake, wanted, loaders):
    monkeypatch.setenv("TUQUAN_LAKE", lake)
    monkeypatch.setenv("TUQUAN_LOADERS", wanted)
    assert handoffs.loaders() == loaders


def test_no_news_starts_nothing():
    assert handoffs.builds([], NOON) == []
    assert handoffs.publications("2021", None) == []


def test_the_same_content_is_asked_for_under_the_same_name():
    once, again = handoffs.publications("2021", DIGEST), handoffs.publications("2021", DIGEST)
    assert once == again
    assert once[0]["trigger_run_id"] == "publish__2021__9f86d081"
    assert once[0]["conf"] == {"time_period": "2021", "digest": DIGEST}


@pytest.mark.parametrize("code", ["2021", "2026-M01", "2026-M12", "2026-Q4", "2023-S1"])
def test_a_period_code_is_accepted(code):
    assert re.match(handoffs.PERIOD_PATTERN, code)


@pytest.mark.parametrize(
    "code", ["", "21", "2026-M13", "2026-M1", "2026-Q5", "2026-S3", "2026-11", "2026-M11 ", "x2026"]
)
def test_anything_else_is_stopped_before_a_run_exists(code):
    assert not re.match(handoffs.PERIOD_PATTERN, code)


@pytest.mark.parametrize(("chosen", "approved"), [("Approve", True), ("Reject", False)])
def test_an_answer_names_who_decided_what(chosen, approved):
    answer = {
        "chosen_options": [chosen],
        "params_input": {"note": "đã xem"},
        "responded_at": NOON,
        "responded_by_user": {"id": "7", "name": "lanh-dao"},
    }
    assert handoffs.decision(answer) == {"approver": "lanh-dao", "approved": approved, "note": "đã xem"}


def test_an_answer_without_a_note_has_an_empty_one():
    answer = {"chosen_options": ["Approve"], "params_input": None, "responded_by_user": {"id": "7", "name": None}}
    assert handoffs.decision(answer) == {"approver": "7", "approved": True, "note": ""}
