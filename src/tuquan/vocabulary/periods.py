"""Reporting periods and the two calendars in which they run.

A period is named by its closing month. In the administrative calendar (Decree 09/2019, Art. 12) a month runs from the
15th of the month before to the 14th; in the statistical calendar (Decree 60/2018) it is the calendar month. Which days
these are stands in ``seeds/calendars.csv``. Codes sort as text: ``2026-M11``, ``2026-Q4``, ``2026-S2``, ``2026``.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from tuquan.vocabulary.seeds import read_seed

MONTHS_IN = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
_LETTERS = {"month": "M", "quarter": "Q", "half_year": "S", "year": ""}
_CODE = re.compile(r"(\d{4})(?:-(?:M(0[1-9]|1[0-2])|Q([1-4])|S([12])))?", re.ASCII)


class UnknownPeriod(ValueError):
    """The text is not a period code."""


@dataclass(frozen=True)
class Period:
    """A year, half-year, quarter or month of one calendar. ``number`` counts from 1 inside the year."""

    year: int
    frequency: str
    number: int
    calendar: str = "administrative"

    @property
    def code(self) -> str:
        if self.frequency == "year":
            return f"{self.year:04d}"
        width = 2 if self.frequency == "month" else 1
        return f"{self.year:04d}-{_LETTERS[self.frequency]}{self.number:0{width}d}"

    @property
    def months(self) -> int:
        return MONTHS_IN[self.frequency]

    @property
    def closing_month(self) -> int:
        return self.number * self.months

    @property
    def start(self) -> date:
        """First day of the period."""
        first_day, offset = calendar_days(self.calendar)
        return _day(self.year, self.closing_month - self.months + 1 + offset, first_day)

    @property
    def end(self) -> date:
        """Last day of the period."""
        first_day, offset = calendar_days(self.calendar)
        return _day(self.year, self.closing_month + 1 + offset, first_day) - timedelta(days=1)

    @property
    def previous(self) -> "Period":
        """The period of the same length just before."""
        if self.number > 1:
            return Period(self.year, self.frequency, self.number - 1, self.calendar)
        return Period(self.year - 1, self.frequency, 12 // self.months, self.calendar)

    def __str__(self) -> str:
        return self.code


def parse_period(code: str, calendar: str = "administrative") -> Period:
    """Return the period that ``code`` names.

    Raises:
        UnknownPeriod: ``code`` is not exactly a period code.

    >>> parse_period("2026-M11").start
    datetime.date(2026, 10, 15)
    """
    match = _CODE.fullmatch(code)
    if match is None or not 1900 <= int(match[1]) <= 2199:
        raise UnknownPeriod(f"{code!r} is not a period; expected 2026, 2026-S2, 2026-Q4 or 2026-M11")
    year, month, quarter, half = match.groups()
    for frequency, number in (("month", month), ("quarter", quarter), ("half_year", half)):
        if number:
            return Period(int(year), frequency, int(number), calendar)
    return Period(int(year), "year", 1, calendar)


@cache
def calendar_days(calendar: str) -> tuple[int, int]:
    """Return (day on which a month of ``calendar`` begins, months by which it begins early)."""
    for row in read_seed("calendars"):
        if row["calendar"] == calendar:
            return int(row["month_first_day"]), int(row["month_offset"])
    raise UnknownPeriod(f"calendar {calendar!r} is not in seeds/calendars.csv")


def _day(year: int, month: int, day: int) -> date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, day)
