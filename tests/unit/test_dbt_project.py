"""The models: their unit tests, their tests, and what they share with the vocabulary."""

from dataclasses import replace

import pytest
from changed_marts import change

from tuquan import transform, warehouse
from tuquan.vocabulary.duties import load_duties
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import period_vi


def test_the_arithmetic_is_what_its_unit_tests_claim(home, with_parsed_models):  # on a warehouse without a single row
    with warehouse.connect():
        pass

    results = transform.run_dbt("build", "--empty", "--exclude-resource-type", "test")

    claims = [result for result in results if result.resource_type == "unit_test"]
    assert len(claims) > 15
    assert {claim.status for claim in claims} == {"pass"}


def test_periods_are_the_same_in_the_marts_and_in_the_vocabulary(judged_home):
    with warehouse.connect() as connection:
        periods = warehouse.rows(connection, "select * from marts.dim_periods")

    assert len(periods) == 2 * 19 * (12 + 4 + 2 + 1 + 12)  # 2017 to 2035, twice; the last are the months to date
    for row in periods:
        period = parse_period(row["time_period"], row["calendar"])
        assert row == {
            "time_period": period.code,
            "calendar": period.calendar,
            "frequency": period.frequency,
            "period_start": period.start,
            "period_end": period.end,
            "months": period.months,
            "year": period.year,
            "previous_period": period.previous and period.previous.code,
            "same_period_last_year": period.code.replace(str(period.year), str(period.year - 1), 1),
            "label_vi": period_vi(period),
            "sort": 10000 * period.year + 100 * period.closing_month + (period.months if period.is_reported else 13),
        }


def test_a_report_is_due_on_the_same_day_in_the_marts_and_in_the_vocabulary(judged_home):
    with warehouse.connect() as connection:
        days = warehouse.rows(
            connection,
            "select reach, periods.calendar, time_period, next_working_day "
            "from intermediate.int_periods as periods, range(0, 40) as reaches(reach) "
            "inner join intermediate.int_working_days as days on day = period_end + cast(reach as integer) "
            "where frequency <> 'year_to_date' and period_end between date '2018-01-01' and date '2027-12-31'",
        )

    assert len(days) == 40 * 2 * 10 * (12 + 4 + 2 + 1)
    assert {duty.due_after_days for duty in load_duties()} <= {None, *range(40)}
    a_duty = load_duties()[0]
    for row in days:
        duty = replace(a_duty, due_after_days=row["reach"])
        period = parse_period(row["time_period"], row["calendar"])
        assert duty.due_date(period) == row["next_working_day"], (period, row["reach"])


def test_the_builds_own_tests_fail_when_their_claims_are_broken(judged_home, with_parsed_models):
    damage = {
        "is_key_dim_periods": "insert into marts.dim_periods from marts.dim_periods limit 1",
        "is_key_completeness": "update intermediate.int_reports set form = null where ref_area = '15145'",
        "adds_up_completeness_by_area": (
            "update intermediate.int_reports set report_status = 'lost' where ref_area = '15148'"
        ),
        # Then it is asked, and of what is said of it "lost" is no word.
        "is_key_commune_observations": (
            "update intermediate.int_reports set report_number = null where ref_area = '15148'"
        ),
        "totals_equal_the_sum_of_their_communes": (
            "update intermediate.int_area_totals set sum_of_values = sum_of_values + 1 "
            "where indicator_number = (select indicator_number from staging.stg_indicators "
            "where indicator = 'residential_areas')"
        ),
        "no_figure_is_lost_on_the_way": (
            "update raw.cells set indicator = 'unknown' where indicator = 'households_total'"
        ),
        "a_commune_has_one_ancestor_per_level_and_day": (
            "insert into intermediate.int_area_ancestors "
            "select * replace ('another' as ancestor_key) from intermediate.int_area_ancestors "
            "where ref_area = '15139' and distance = 1"
        ),
        "every_commune_lies_in_a_province": "delete from intermediate.int_area_ancestors where ancestor_area = '40'",
    }
    change(*damage.values())

    with pytest.raises(transform.BuildFailed) as failure:
        transform.run_dbt("test", "--select", *(f"{name}*" for name in damage))

    assert [name for name in damage if name not in str(failure.value)] == []
