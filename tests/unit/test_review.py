"""Decisions about flags, on marts that the real models build."""

from decimal import Decimal

import pytest

from tuquan import review, transform, warehouse

PERIOD = "2021"
CHECK = "parts_do_not_exceed_whole"
COMMUNE = "15127"


@pytest.fixture
def too_many_cameras(judged_home):
    """Xã 15127 reports 90 working cameras of 30."""
    with warehouse.connect() as connection:
        for indicator, value in (("cameras_total", 30), ("cameras_working", 90)):
            connection.execute(
                "update raw.cells set obs_value = ?, status = 'read', raw_type = 'number' where indicator = ? "
                "and submission_id = (select submission_id from raw.submissions where ref_area = ?)",
                [value, indicator, COMMUNE],
            )
        connection.execute("update raw.submissions set version = version + 1")
    return build()


def build():
    """Build, and return the flag about the working cameras and their number in the marts."""
    transform.build(PERIOD)
    flags = [
        flag
        for flag in review.open_flags(PERIOD, with_closed=True)
        if (flag["check_name"], flag["indicator"], flag["ref_area"]) == (CHECK, "cameras_working", COMMUNE)
    ]
    with warehouse.connect() as connection:
        value = connection.execute(
            "select obs_value from marts.commune_observations where indicator = 'cameras_working' and ref_area = ?",
            [COMMUNE],
        ).fetchone()[0]
    return flags[0], value


def decide(flag, choice, value=None):
    review.decide(flag["flag_id"], choice, "đã hỏi xã", "Cán bộ A", value)
    return build()


@pytest.mark.slow
def test_a_corrected_value_is_judged_anew_and_the_newest_decision_counts(too_many_cameras):
    flag, _ = too_many_cameras
    assert flag["severity"] == "critical"
    for impossible in ("NaN", "-1", "1e30", "1.5"):
        with pytest.raises(ValueError, match="no value that cameras_working can have"):
            review.decide(flag["flag_id"], "correct", "đã hỏi xã", "Cán bộ A", Decimal(impossible))
    wrong_again, value = decide(flag, "correct", Decimal(60))
    assert (wrong_again["is_open"], wrong_again["obs_value"], value) == (True, 60, 60)
    corrected, value = decide(wrong_again, "correct", Decimal(9))
    assert (corrected["is_open"], corrected["decision"], value) == (False, "correct", 9)
    returned, value = decide(corrected, "return")
    assert (returned["is_open"], returned["decision"], value) == (False, "return", None)


def test_a_published_statement_can_only_be_confirmed(judged_home):
    (statement,) = review.open_flags("2023-S1")
    for choice, value in (("correct", Decimal(460)), ("return", None)):
        with pytest.raises(ValueError, match="can only be confirmed"):
            review.decide(statement["flag_id"], choice, "đã hỏi tỉnh", "Cán bộ A", value)
    review.decide(statement["flag_id"], "confirm", "đã hỏi tỉnh", "Cán bộ A")
