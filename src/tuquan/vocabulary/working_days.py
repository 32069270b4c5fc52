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


@cache
def _exceptions(folder: Path) -> dict[date, bool]:
    return {date.fromisoformat(row["day"]): as_flag(row["is_working_day"]) for row in read_seed("holidays", folder)}
