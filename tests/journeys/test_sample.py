"""The sample through collect and build: every mistake is noticed, and its correction leaves the published sums."""

import pytest

from tuquan import collect, load, register, review, sample, transform, warehouse

pytestmark = pytest.mark.slow


def run_through(inbox, wave):
    sample.lay_out_sample(inbox, wave)
    collect.register_inbox()
    load.load_registered()
    transform.build("2021")  # the models read every period at once


def test_every_mistake_is_noticed_and_its_correction_leaves_one_question(home):
    run_through(home.inbox, 1)
    mistakes = [one for one in sample.load_mistakes() if one.kind != "missing"]
    outcomes = {}
    for file in register.received_files():
        checks = {finding["code"] for finding in file["findings"]}
        outcomes.setdefault(file["status"], []).append((file["file"], checks))
    assert {status: len(files) for status, files in outcomes.items()} == {
        "accepted": 511,
        "held": 4,
        "refused": 2,
        "duplicate": 1,
    }
    for status in ("held", "refused"):
        expected = sorted(one.check_name for one in mistakes if one.status == status)
        # The neighbour's form is contradicted by the name of its file as well.
        found = (check for _, checks in outcomes[status] for check in checks - {"name_agrees_with_sheet"})
        assert sorted(found) == expected
    flags = {
        (flag["check_name"], flag["ref_area"], flag["time_period"], flag["indicator"]) for flag in review.open_flags()
    }
    for one in mistakes:
        if one.status == "accepted":
            assert (one.check_name, one.ref_area, one.time_period, one.indicator) in flags
    assert {flag["ref_area"] for flag in review.open_flags() if flag["severity"] == "critical"} == {"19021", "17494"}

    run_through(home.inbox, 2)
    (question,) = review.open_flags()
    assert question["check_name"] == "statement_does_not_exceed_areas_in_force"
    assert "460" in question["message_vi"]
    with warehouse.connect() as connection:
        compared = warehouse.rows(
            connection,
            "select statement, stated_value, communes_value, status, areas_reported = areas_expected as is_complete "
            "from marts.statement_reconciliation where status in ('equal', 'differs')",
        )
    assert all(row["is_complete"] for row in compared)
    assert [row["statement"] for row in compared if row["status"] == "differs"] == ["F22"]
    assert {119, 1288, 38578, 7588, 234, 3331} <= {
        row["communes_value"] for row in compared if row["status"] == "equal"
    }
