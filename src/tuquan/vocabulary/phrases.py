"""Sentences for people, kept in ``seeds/phrases.csv`` and ``seeds/checks.csv``, never in the middle of code."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from tuquan import settings
from tuquan.vocabulary.periods import Period
from tuquan.vocabulary.seeds import read_seed

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


class _Blank(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return ""


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong: the statement that should be true, how grave it is, and what to say."""

    check: str
    stage: str
    level: str
    severity: str
    message_vi: str
    advice_vi: str

    def message(self, **facts: object) -> str:
        """Return the Vietnamese sentence with its facts; a fact that is not known leaves its place empty."""
        return self.message_vi.format_map(_Blank(facts))

    def advice(self, **facts: object) -> str:
        """Return what to do about it, with its facts."""
        return self.advice_vi.format_map(_Blank(facts))


def phrase(name: str, /, **facts: object) -> str:
    """Return the Vietnamese text called ``name`` with its places filled.

    Raises:
        KeyError: there is no such phrase, or one of its places got no fact.
    """
    return _phrases(settings.load().seeds)[name].format_map(facts)


def load_checks(folder: Path | None = None) -> dict[str, Check]:
    """Return the lines of ``seeds/checks.csv`` by name."""
    return _checks(folder or settings.load().seeds)


def number_vi(value: Decimal | int | None, decimals: int = 0) -> str:
    """Write a number as Vietnamese readers expect it: dot for thousands, comma for decimals.

    >>> number_vi(Decimal("1288.0000"))
    '1.288'
    """
    if value is None:
        return ""
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


def shown(text: str) -> str:
    """Return ``text`` on one line, without signs that a screen would obey: names of files and sheets are data.

    >>> shown("xã\\nA\\x1b[31m.xlsx")
    'xã A\ufffd[31m.xlsx'
    """
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in " ".join(text.split()))


def date_vi(day: date) -> str:
    """Write a day as ``14/12/2021``."""
    return day.strftime("%d/%m/%Y")


def in_vietnam(utc: datetime) -> datetime:
    """Return a time of the warehouse, which is UTC without saying so, as clocks in Viet Nam show it."""
    return utc.replace(tzinfo=UTC).astimezone(VIETNAM)


def time_vi(utc: datetime) -> str:
    """Write a time of the warehouse as ``08:12 14/12/2021`` in Viet Nam."""
    return in_vietnam(utc).strftime("%H:%M %d/%m/%Y")


def period_vi(period: Period) -> str:
    """Name a period in Vietnamese, such as "6 tháng đầu năm 2023"."""
    name = period.frequency if period.frequency != "half_year" else f"half_year_{period.number}"
    return phrase(f"period.{name}", number=period.number, year=period.year)


@cache
def _phrases(folder: Path) -> dict[str, str]:
    return {row["phrase"]: row["text_vi"] for row in read_seed("phrases", folder)}


@cache
def _checks(folder: Path) -> dict[str, Check]:
    return {
        row["check"]: Check(
            row["check"], row["stage"], row["level"], row["severity"], row["message_vi"], row["advice_vi"]
        )
        for row in read_seed("checks", folder)
    }
