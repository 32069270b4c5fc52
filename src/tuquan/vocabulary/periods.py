"""Reporting periods and the two calendars in which they run.

A period is named by its closing month. In the administrative calendar (Decree 09/2019, Art. 12) a month runs from the
15th of the month before to the 14th; in the statistical calendar (Decree 60/2018) it is the calendar month. Which days
these are stands in ``seeds/calendars.csv``. Codes sort as text: ``2026-M11``, ``2026-Q4``, ``2026-S2``, ``2026``.

The first months of a year are periods too, such as the nine months ``2026-C09``. They are only made of others: nobody
reports for them.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from tuquan.vocabulary.seeds import read_seed

MONTHS_IN = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}  # of the periods for which people report
YEAR_TO_DATE = "year_to_date"
_LETTERS = {"month": "M", "quarter": "Q", "half_year": "S", "year": "", YEAR_TO_DATE: "C"}
_CODE = re.compile(r"(\d{4})(?:-(?:M(0[1-9]|1[0-2])|Q([1-4])|S([12])|C(0[1-9]|1[0-2])))?", re.ASCII)
_YEAR = r"(?P<year>(?:19|20|21)\d\d)(?!\d)"
_TO_YEAR = rf"(?:\s*(?:năm|[-/.,_])\s*|\s+){_YEAR}"
_SPELLED = {"ba": 3, "bốn": 4, "năm": 5, "bảy": 7, "tám": 8, "chín": 9, "mười": 10, "mười một": 11}
# How people name a period, most precise first. Roman numbers stand for quarters only.
_WORDINGS: tuple[tuple[str | None, re.Pattern[str]], ...] = (
    (None, re.compile(rf"(?<![\w-]){_YEAR}[-_ ]?(?P<letter>[mqsc])(?P<number>\d{{1,2}})(?!\w)")),
    ("half_year", re.compile(rf"(?:6|sáu)\s*tháng\s*(?P<half>đầu|cuối){_TO_YEAR}")),
    (YEAR_TO_DATE, re.compile(rf"(?<!\w)(?P<number>\d{{1,2}}|{'|'.join(_SPELLED)})\s*tháng\s*đầu{_TO_YEAR}")),
    ("month", re.compile(rf"(?<!\w)(?:tháng\s*|t)(?P<number>0?[1-9]|1[0-2]){_TO_YEAR}")),
    ("quarter", re.compile(rf"(?<!\w)(?:quý\s*|q)(?P<number>[1-4]|iv|i{{1,3}}){_TO_YEAR}")),
    ("year", re.compile(rf"(?<!\w)năm\s*{_YEAR}")),
)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_FREQUENCY_OF = {letter.lower(): frequency for frequency, letter in _LETTERS.items()}


class UnknownPeriod(ValueError):
    """The text is not a period code."""


@dataclass(frozen=True)
class Period:
    """A year, half-year, quarter, month or the first months of a year of one calendar. ``number`` counts from 1."""

    year: int
    frequency: str
    number: int
    calendar: str = "administrative"

    @property
    def code(self) -> str:
        if self.frequency == "year":
            return f"{self.year:04d}"
        width = 2 if self.frequency in ("month", YEAR_TO_DATE) else 1
        return f"{self.year:04d}-{_LETTERS[self.frequency]}{self.number:0{width}d}"

    @property
    def months(self) -> int:
        return self.number if self.frequency == YEAR_TO_DATE else MONTHS_IN[self.frequency]

    @property
    def is_reported(self) -> bool:
        """Whether people report for it; what is not is made of other periods."""
        return self.frequency in MONTHS_IN

    @property
    def closing_month(self) -> int:
        return self.number * MONTHS_IN.get(self.frequency, 1)

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
    def previous(self) -> "Period | None":
        """The period of the same length just before; of the months to date those without the last, at first none."""
        if self.number > 1:
            return Period(self.year, self.frequency, self.number - 1, self.calendar)
        if self.frequency == YEAR_TO_DATE:
            return None
        return Period(self.year - 1, self.frequency, 12 // self.months, self.calendar)

    def __str__(self) -> str:
        return self.code


def parse_period(code: str, calendar: str = "administrative") -> Period:
    """Return the period that ``code`` names, one for which people report or one that is only derived.

    Raises:
        UnknownPeriod: ``code`` is not exactly a period code, or of a year that the calendar does not know.

    >>> parse_period("2026-M11").start
    datetime.date(2026, 10, 15)
    """
    match = _CODE.fullmatch(code)
    if match is None:
        raise UnknownPeriod(f"{code!r} is not a period; expected 2026, 2026-S2, 2026-Q4 or 2026-M11")
    if int(match[1]) not in known_years(calendar):
        years = known_years(calendar)
        raise UnknownPeriod(f"{code!r} is no period of the years {years[0]} to {years[-1]}; see seeds/calendars.csv")
    year, *numbers = match.groups()
    for frequency, number in zip(("month", "quarter", "half_year", YEAR_TO_DATE), numbers, strict=True):
        if number:
            return Period(int(year), frequency, int(number), calendar)
    return Period(int(year), "year", 1, calendar)


def parse_reported_period(code: str, calendar: str = "administrative") -> Period:
    """Return the period that ``code`` names, for which people report: a month, quarter, half-year or year.

    Raises:
        UnknownPeriod: ``code`` is no period code, or that of the first months of a year.
    """
    period = parse_period(code, calendar)
    if not period.is_reported:
        raise UnknownPeriod(f"nobody reports for {code!r}, which is made of other periods; expected one of those")
    return period


def named_periods(text: str, calendar: str = "administrative") -> list[tuple[Period, str]]:
    """Return each period that ``text`` names in words or by a code, with the words: what is more precise goes first.

    >>> [str(period) for period, _ in named_periods("Báo cáo quý II năm 2026 (6 tháng đầu năm 2026)")]
    ['2026-S1', '2026-Q2']
    """
    rest = unicodedata.normalize("NFC", text).casefold()
    found: list[tuple[Period, str]] = []
    for kind, wording in _WORDINGS:
        while match := wording.search(rest):
            said = match.groupdict()
            frequency = kind or _FREQUENCY_OF[said["letter"]]
            number = _number(said)
            year = int(said["year"])
            if year in known_years(calendar) and 1 <= number <= 12 // MONTHS_IN.get(frequency, 1):
                found.append((Period(year, frequency, number, calendar), match[0]))
            rest = rest[: match.start()] + "\0" + rest[match.end() :]  # "tháng 6 năm 2026" is not the year 2026 as well
    return found


def period_in_words(text: str, calendar: str = "administrative") -> Period | None:
    """Return the period when ``text`` is nothing but its code or its name and people report for it, else None.

    >>> str(period_in_words("6 tháng đầu năm 2023"))
    '2023-S1'
    """
    told = " ".join(text.split()).strip(".,;: ")
    try:
        return parse_reported_period(told.upper(), calendar)
    except UnknownPeriod:
        found = named_periods(told, calendar)
    is_all = len(found) == 1 and len(found[0][1]) == len(unicodedata.normalize("NFC", told))
    return found[0][0] if is_all and found[0][0].is_reported else None


def _number(said: dict[str, str | None]) -> int:
    if said.get("half"):
        return 1 if said["half"] == "đầu" else 2
    written = said.get("number") or "1"
    return _ROMAN.get(written) or _SPELLED.get(written) or int(written)


def calendar_days(calendar: str) -> tuple[int, int]:
    """Return (day on which a month of ``calendar`` begins, months by which it begins early)."""
    row = _calendar(calendar)
    return int(row["month_first_day"]), int(row["month_offset"])


def known_years(calendar: str) -> range:
    """Return the years whose periods the warehouse has; what is of another year could be stored and never found."""
    row = _calendar(calendar)
    return range(int(row["first_year"]), int(row["last_year"]) + 1)


@cache
def _calendar(calendar: str) -> dict[str, str]:
    for row in read_seed("calendars"):
        if row["calendar"] == calendar:
            return row
    raise UnknownPeriod(f"calendar {calendar!r} is not in seeds/calendars.csv")


def _day(year: int, month: int, day: int) -> date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, day)
