import re
from datetime import date, timedelta

import pytest

from tuquan.vocabulary.seeds import read_seed
from tuquan.vocabulary.working_days import is_working_day, next_working_day

DAYS_OFF = {date.fromisoformat(row["day"]): row for row in read_seed("holidays") if row["is_working_day"] == "false"}
WORKED = {date.fromisoformat(row["day"]): row for row in read_seed("holidays") if row["is_working_day"] == "true"}


@pytest.mark.parametrize(
    ("day", "moved"),
    [
        ("2026-11-17", "2026-11-17"),  # a Tuesday
        ("2026-01-17", "2026-01-19"),  # a Saturday
        ("2026-02-17", "2026-02-23"),  # first day of the lunar year Bính Ngọ: nine days off
        ("2023-04-29", "2023-05-04"),  # Giỗ Tổ on a Saturday, before two holidays: two days more
        ("2024-05-04", "2024-05-04"),  # a Saturday that was worked for Monday 29 April
        ("2026-01-02", "2026-01-05"),  # between New Year and a Saturday, worked on 10 January
    ],
)
def test_a_deadline_on_a_day_off_moves_to_the_next_working_day(day, moved):
    assert next_working_day(date.fromisoformat(day)) == date.fromisoformat(moved)


def test_a_saturday_is_worked_only_instead_of_the_day_that_it_names():
    assert len(WORKED) == 6
    for saturday, row in WORKED.items():
        assert (saturday.isoweekday(), is_working_day(saturday)) == (6, True)
        day, month, year = map(int, re.search(r"(\d\d)/(\d\d)/(\d{4})", row["name_vi"]).groups())
        exchanged = date(year, month, day)
        assert DAYS_OFF[exchanged]["source"] == row["source"]
        assert exchanged.isoweekday() <= 5


@pytest.mark.parametrize("year", range(2018, 2028))
def test_each_year_has_the_days_off_of_the_labour_code(year):
    """Ten or eleven days (2 September has a day beside it since 2021), moved to a working day when they are no such."""
    of_law = [
        day
        for day, row in DAYS_OFF.items()
        if day.year == year and row["name_vi"].startswith(("Tết Dương", "Giỗ Tổ", "Ngày Chiến", "Ngày Quốc tế", "Quốc"))
    ]
    weekdays = [day for day in of_law if day.isoweekday() <= 5]
    not_announced = 1 if year == 2027 else 0  # which day beside 2 September
    assert len(weekdays) == (6 if year >= 2021 else 5) - not_announced
    tet = [day for day, row in DAYS_OFF.items() if day.year == year and row["name_vi"] == "Tết Âm lịch"]
    assert tet == [tet[0] + timedelta(days=number) for number in range(len(tet))]
    assert len([day for day in tet if day.isoweekday() <= 5]) == (4 if year == 2027 else 5)
