"""Who owes a report to whom, from when, until when it is due and corrected. Source: ``seeds/reporting_duties.csv``."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.areas import COUNTRY, Area, AreaRegister
from tuquan.vocabulary.periods import MONTHS_IN, Period
from tuquan.vocabulary.seeds import as_date, load_threshold, read_seed
from tuquan.vocabulary.working_days import next_working_day, working_day_after


@dataclass(frozen=True)
class Duty:
    """Every commune that is, or lies below, ``ref_area`` owes ``form`` for periods that end within the dates.

    ``due_after_days`` and ``closes_after_days`` count calendar days from the end of a period; None = there is no
    deadline, and a period is open until it is released.
    """

    ref_area: str
    form: str
    frequency: str
    valid_from: date
    valid_to: date | None
    due_after_days: int | None
    closes_after_days: int | None

    def due_date(self, period: Period) -> date | None:
        """Return the day until which the report of ``period`` is in time, a working day; None = no deadline."""
        if self.due_after_days is None:
            return None
        return next_working_day(period.end + timedelta(days=self.due_after_days))

    def last_day(self, period: Period) -> date | None:
        """Return the last day on which a correction of ``period`` still counts by itself; None = no cut-off."""
        return None if self.closes_after_days is None else period.end + timedelta(days=self.closes_after_days)

    def is_in_force(self, form: str, period: Period) -> bool:
        in_time = self.valid_from <= period.end and (self.valid_to is None or period.end < self.valid_to)
        return self.form == form and in_time


def answer_due(asked: date) -> date:
    """Return the day until which a commune answers what it was asked on ``asked`` (seeds/thresholds.csv)."""
    return working_day_after(asked, int(load_threshold("answer_days") or 0))


def duty_of(area: Area, form: str, period: Period, register: AreaRegister, folder: Path | None = None) -> Duty | None:
    """Return the duty by which ``area`` has to send ``form`` for ``period``; None when it owes nothing.

    The nearest area with duties decides: a province's own rows replace those of the country.
    """
    duties = [duty for duty in load_duties(folder) if duty.is_in_force(form, period)]
    day = area.last_day_within(period.start, period.end) or period.end
    for ref_area in [area.ref_area, *(parent.ref_area for parent in register.parents(area, day)), COUNTRY]:
        own = [duty for duty in duties if duty.ref_area == ref_area]
        if own:
            return next((duty for duty in own if duty.frequency == period.frequency), None)
    return None


def owes_report(area: Area, form: str, period: Period, register: AreaRegister, folder: Path | None = None) -> bool:
    """Return whether ``area`` has to send ``form`` for ``period``."""
    return duty_of(area, form, period, register, folder) is not None


def last_owed_period(area: Area, form: str, calendar: str, day: date, register: AreaRegister) -> Period | None:
    """Return the period that ended last before ``day`` and for which ``area`` owes ``form``; the shortest duty wins."""
    for frequency in MONTHS_IN:
        period = Period(day.year + 1, frequency, 1, calendar)
        while period.end >= day:
            period = period.previous
        owner = register.at(area.ref_area, period.end)
        if owner is not None and owes_report(owner, form, period, register):
            return period
    return None


def load_duties(folder: Path | None = None) -> list[Duty]:
    """Read the duties from ``folder`` (default: the seeds of the settings)."""
    return _load_duties(folder or settings.load().seeds)


@cache
def _load_duties(folder: Path) -> list[Duty]:
    return [
        Duty(
            ref_area=row["ref_area"],
            form=row["form"],
            frequency=row["frequency"],
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=as_date(row["valid_to"]),
            due_after_days=_days(row["due_after_days"]),
            closes_after_days=_days(row["closes_after_days"]),
        )
        for row in read_seed("reporting_duties", folder)
    ]


def _days(text: str) -> int | None:
    return int(text) if text else None
