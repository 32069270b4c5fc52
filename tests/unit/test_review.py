"""Decisions about flags, on marts that the real models build."""

from decimal import Decimal

import pytest

from tuquan import review, transform, warehouse

PERIOD = "2021"
CHECK = "parts_do_not_exceed_whole"
COMMUNES = ONE, OTHER = ("15127", "15133")


@pytest.fixture
def too_many_cameras(judged_home, with_parsed_models):
    """Two communes report 90 working cameras of 30 each."""
    with warehouse.connect() as connection:
        for indicator, value in (("cameras_total", 30), ("cameras_working", 90)):
            connection.execute(
                "update raw.cells set obs_value = ?, status = 'read', raw_type = 'number' where indicator = ? "
                "and submission_id in (select submission_id from raw.submissions where ref_area in (?, ?))",
                [value, indicator, *COMMUNES],
            )
        connection.execute("update raw.submissions set version = version + 1")
    return build()


def build():
    """Build, and return of each commune the flag about its working cameras and their number in the marts."""
    transform.build(PERIOD)
    flags = {
        flag["ref_area"]: flag
        for flag in review.open_flags(PERIOD, with_closed=True)
        if (flag["check_name"], flag["indicator"]) == (CHECK, "cameras_working")
    }
    with warehouse.connect() as connection:
        values = dict(
            connection.execute(
                "select ref_area, obs_value from marts.commune_observations where indicator = 'cameras_working'"
            ).fetchall()
        )
    return [(flags[commune], values[commune]) for commune in COMMUNES]


def decide(flag, choice, value=None):
    review.decide(flag["flag_id"], choice, "đã hỏi xã", "Cán bộ A", value)


@pytest.mark.slow
def test_a_change_taken_back_after_a_killed_build_leaves_no_total_of_it(too_many_cameras, monkeypatch):
    (one, _), _ = too_many_cameras
    run_dbt = transform.run_dbt

    def be_killed_after_the_totals(*arguments):
        run_dbt("run", "--select", "+int_area_totals")
        raise KeyboardInterrupt

    decide(one, "correct", Decimal(9))
    with monkeypatch.context() as patch:
        patch.setattr(transform, "run_dbt", be_killed_after_the_totals)
        with pytest.raises(KeyboardInterrupt):
            transform.build(PERIOD)
    decide(one, "confirm")
    build()
    with warehouse.connect() as connection:
        (of_communes,) = connection.execute(
            "select sum(obs_value) from marts.commune_observations where indicator = 'cameras_working'"
        ).fetchone()
        (of_districts,) = connection.execute(
            "select sum(obs_value) from marts.district_observations where indicator = 'cameras_working'"
        ).fetchone()
    assert of_districts == of_communes


@pytest.mark.slow
def test_a_period_without_any_figure_keeps_no_total(judged_home, with_parsed_models):
    with warehouse.connect() as connection:
        connection.execute("delete from raw.cells")
        connection.execute("update raw.submissions set version = version + 1")
    transform.build(PERIOD)
    with warehouse.connect() as connection:
        known = connection.execute(
            "select distinct indicator from marts.district_observations where obs_value is not null or areas_held > 0"
        ).fetchall()
    assert known == [("communes_total",)]


@pytest.mark.slow
def test_a_corrected_value_is_judged_anew_and_the_newest_decision_counts(too_many_cameras):
    (one, _), (other, _) = too_many_cameras
    assert [flag["severity"] for flag in (one, other)] == ["critical", "critical"]
    for impossible in ("NaN", "-1", "1e30", "1.5"):
        with pytest.raises(ValueError, match="no value that cameras_working can have"):
            decide(one, "correct", Decimal(impossible))
    decide(one, "correct", Decimal(60))
    decide(other, "correct", Decimal(9))
    (wrong_again, value), (corrected, other_value) = build()
    assert (wrong_again["is_open"], wrong_again["obs_value"], value) == (True, 60, 60)
    assert (corrected["is_open"], corrected["decision"], other_value) == (False, "correct", 9)
    decide(wrong_again, "correct", Decimal(9))
    decide(corrected, "return")
    (corrected_again, value), (returned, other_value) = build()
    assert (corrected_again["is_open"], corrected_again["decision"], value) == (False, "correct", 9)
    assert (returned["is_open"], returned["decision"], other_value) == (False, "return", None)


def test_a_published_statement_can_only_be_confirmed(judged_home):
    (statement,) = review.open_flags("2023-S1")
    for choice, value in (("correct", Decimal(460)), ("return", None)):
        with pytest.raises(ValueError, match="can only be confirmed"):
            review.decide(statement["flag_id"], choice, "đã hỏi tỉnh", "Cán bộ A", value)
    review.decide(statement["flag_id"], "confirm", "đã hỏi tỉnh", "Cán bộ A")
