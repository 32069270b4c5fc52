"""On which days offices work: Monday to Friday, but for what ``seeds/holidays.csv`` says of single days.

The same rule as the model ``int_working_days``. Days off that the government has not announced yet are not known here.
"""

from datetime import date, timedelta
from functools import cache
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.seeds import as_flag, read_seed

FRIDAY = 5


def is_working_day(day: date, folder: Path | None = None) -> bool:
    """Return whether offices work on ``day``; a Saturday is worked only instead of another day."""
    return _exceptions(folder or settings.load().seeds).get(day, day.isoweekday() <= FRIDAY)


def next_working_day(day: date, folder: Path | None = None) -> date:
    """Return ``day`` where it is a working day, else the first one after it.

    >>> next_working_day(date(2024, 4, 29))  # off, as are the two holidays after it
    datetime.date(2024, 5, 2)
    """
    while not is_working_day(day, folder):
        day += timedelta(days=1)
    return day


def working_day_after(day: date, count: int, folder: Path | None = None) -> date:
    """Return the ``count``-th working day after ``day``.

    >>> working_day_after(date(2024, 4, 26), 1)  # Monday the 29th is off, as are the two holidays after it
    datetime.date(2024, 5, 2)
    """
    for _ in range(count):
        day = next_working_day(day + timedelta(days=1), folder)
    return day


def working_days_between(day: date, later: date, folder: Path | None = None) -> int:
    """Return how many working days there are after ``day`` up to and including ``later``; none when it is not later.

    >>> working_days_between(date(2024, 4, 26), date(2024, 5, 3))
    2
    """
    return sum(is_working_day(day + timedelta(days=number), folder) for number in range(1, (later - day).days + 1))


@cache
def _exceptions(folder: Path) -> dict[date, bool]:
    return {date.fromisoformat(row["day"]): as_flag(row["is_working_day"]) for row in read_seed("holidays", folder)}
