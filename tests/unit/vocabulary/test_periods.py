from datetime import date, timedelta

import pytest
from hypothesis import given, strategies as st

from tuquan.vocabulary.periods import (
    MONTHS_IN,
    YEAR_TO_DATE,
    Period,
    UnknownPeriod,
    known_years,
    named_periods,
    parse_period,
    parse_reported_period,
    period_in_words,
)
from tuquan.vocabulary.phrases import period_vi

PERIODS = st.sampled_from([*sorted(MONTHS_IN), YEAR_TO_DATE]).flatmap(
    lambda frequency: st.builds(
        Period,
        year=st.sampled_from(known_years("administrative")),
        frequency=st.just(frequency),
        number=st.integers(1, 12 // MONTHS_IN.get(frequency, 1)),
        calendar=st.sampled_from(["administrative", "statistical"]),
    )
)


@pytest.mark.parametrize(
    ("code", "first_day", "last_day"),
    [
        ("2026-M11", date(2026, 10, 15), date(2026, 11, 14)),  # Decree 09/2019, Art. 12
        ("2026-M01", date(2025, 12, 15), date(2026, 1, 14)),
        ("2023-S1", date(2022, 12, 15), date(2023, 6, 14)),
        ("2024-Q1", date(2023, 12, 15), date(2024, 3, 14)),
        ("2021", date(2020, 12, 15), date(2021, 12, 14)),
        ("2026-C09", date(2025, 12, 15), date(2026, 9, 14)),  # the nine months of 2026
    ],
)
def test_an_administrative_period_begins_on_the_15th_of_the_month_before(code, first_day, last_day):
    period = parse_period(code)
    assert (period.start, period.end) == (first_day, last_day)


def test_a_statistical_month_is_the_calendar_month():
    february = parse_period("2024-M02", "statistical")
    assert (february.start, february.end) == (date(2024, 2, 1), date(2024, 2, 29))


@given(PERIODS)
def test_a_code_names_exactly_one_period_and_periods_follow_without_gap(period):
    assert parse_period(period.code, period.calendar) == period
    if period.is_reported:
        assert period.previous.end + timedelta(days=1) == period.start
    elif period.previous:  # what is to date grows by a month, and begins anew with the year
        month = Period(period.year, "month", period.number, period.calendar)
        assert (period.previous.start, period.previous.end) == (period.start, month.start - timedelta(days=1))
    else:
        assert period.months == 1


@given(PERIODS, PERIODS)
def test_codes_of_one_frequency_sort_as_time(first, second):
    if first.frequency == second.frequency:
        assert (first.code < second.code) == ((first.year, first.number) < (second.year, second.number))


@pytest.mark.parametrize(
    "text",
    ["", "2026-M13", "2026-Q5", "2026-S3", "26-M01", "2026-M1", "2026-C13", "2026-m01", "２０２６", "2026 "],
)
def test_what_is_not_a_period_code_is_refused(text):
    with pytest.raises(UnknownPeriod):
        parse_period(text)


def test_a_year_that_the_warehouse_does_not_have_is_refused_and_not_read_from_a_text():
    years = known_years("administrative")
    for year in (years[0] - 1, years[-1] + 1):
        with pytest.raises(UnknownPeriod, match=f"{years[0]} to {years[-1]}"):
            parse_period(f"{year}-Q1")
        assert named_periods(f"Báo cáo quý I năm {year}") == []


@given(PERIODS)
def test_the_name_of_a_period_is_read_as_that_period(period):
    of_half = Period(period.year, "half_year", 1, period.calendar)
    expected = of_half if (period.frequency, period.number) == (YEAR_TO_DATE, 6) else period  # one name for both
    assert [found for found, _ in named_periods(f"Báo cáo {period_vi(period)}", period.calendar)] == [expected]


@pytest.mark.parametrize(
    "text", ["9 tháng đầu năm 2026", "chín tháng đầu năm 2026", "Biểu 9 tháng đầu năm 2026.xlsx", "2026-C09"]
)
def test_nine_months_are_not_the_year_in_which_they_lie(text):
    assert [str(period) for period, _ in named_periods(text)] == ["2026-C09"]


def test_nobody_reports_for_the_months_of_a_year_to_date():
    assert [period_in_words(text) for text in ("2026-C09", "9 tháng đầu năm 2026")] == [None, None]
    with pytest.raises(UnknownPeriod, match="nobody reports for '2026-C09'"):
        parse_reported_period("2026-C09")
