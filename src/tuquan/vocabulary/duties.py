"""Who owes a report to whom, from when. Source: ``seeds/reporting_duties.csv``."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.areas import COUNTRY, Area, AreaRegister
from tuquan.vocabulary.periods import Period
from tuquan.vocabulary.seeds import as_date, read_seed


@dataclass(frozen=True)
class Duty:
    """Every commune that is, or lies below, ``ref_area`` owes ``form`` for periods that end within the dates."""

    ref_area: str
    form: str
    frequency: str
    valid_from: date
    valid_to: date | None

    def is_in_force(self, form: str, period: Period) -> bool:
        in_time = self.valid_from <= period.end and (self.valid_to is None or period.end < self.valid_to)
        return self.form == form and in_time


def owes_report(area: Area, form: str, period: Period, register: AreaRegister, folder: Path | None = None) -> bool:
    """Return whether ``area`` has to send ``form`` for ``period``.

    The nearest area with duties decides: a province's own rows replace those of the country.
    """
    duties = [duty for duty in load_duties(folder) if duty.is_in_force(form, period)]
    for ref_area in [area.ref_area, *(parent.ref_area for parent in register.parents(area, period.end)), COUNTRY]:
        own = [duty for duty in duties if duty.ref_area == ref_area]
        if own:
            return any(duty.frequency == period.frequency for duty in own)
    return False


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
        )
        for row in read_seed("reporting_duties", folder)
    ]
