"""The indicator catalogue: what is counted, how often, and how figures relate. Source: ``seeds/indicators.csv``."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.periods import MONTHS_IN, Period
from tuquan.vocabulary.seeds import as_date, as_decimal, read_seed


@dataclass(frozen=True)
class Indicator:
    """One line of the catalogue. ``value_min``, ``value_max`` hold per commune and per ``frequency``."""

    indicator: str
    name_vi: str
    name_en: str
    indicator_group: str
    statistical_kind: str
    unit_measure: str
    form: str
    form_order: int
    frequency: str
    rollup_areas: str
    value_min: Decimal | None
    value_max: Decimal | None
    valid_from: date | None
    valid_to: date | None
    decimals: int

    @property
    def is_flow(self) -> bool:
        return self.statistical_kind == "flow"

    @property
    def has_year_to_date(self) -> bool:
        """Only flows run up from the start of the year; a stock has no "lũy kế"."""
        return self.is_flow

    def in_force(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)

    def highest_possible(self, period: Period) -> Decimal | None:
        """Return ``value_max`` for a period, which for a flow grows with the months that the period covers."""
        if self.value_max is None or not self.is_flow:
            return self.value_max
        return self.value_max * max(1, Decimal(period.months) / MONTHS_IN[self.frequency])


@dataclass(frozen=True)
class Catalogue:
    """All indicators by code, in the order of the form."""

    indicators: dict[str, Indicator]
    groups: dict[str, str]

    def __getitem__(self, indicator: str) -> Indicator:
        return self.indicators[indicator]

    def __contains__(self, indicator: str) -> bool:
        return indicator in self.indicators

    def __iter__(self) -> Iterator[Indicator]:
        return iter(self.indicators.values())

    def on_form(self, form: str, period: Period) -> list[Indicator]:
        """Return what ``form`` asks for ``period``: everything counted at least as often, and in force at its end."""
        asked = (
            item
            for item in self
            if item.form == form and MONTHS_IN[item.frequency] <= period.months and item.in_force(period.end)
        )
        return sorted(asked, key=lambda item: item.form_order)


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Read the catalogue from ``folder`` (default: the seeds of the settings)."""
    return _load_catalogue(folder or settings.load().seeds)


@cache
def _load_catalogue(folder: Path) -> Catalogue:
    groups = sorted(read_seed("indicator_groups", folder), key=lambda row: int(row["group_order"]))
    return Catalogue(
        indicators={item.indicator: item for item in _indicators(read_seed("indicators", folder))},
        groups={row["indicator_group"]: row["name_vi"] for row in groups},
    )


def _indicators(rows: Iterable[dict[str, str]]) -> Iterator[Indicator]:
    for row in rows:
        yield Indicator(
            indicator=row["indicator"],
            name_vi=row["name_vi"],
            name_en=row["name_en"],
            indicator_group=row["indicator_group"],
            statistical_kind=row["statistical_kind"],
            unit_measure=row["unit_measure"],
            form=row["form"],
            form_order=int(row["form_order"] or 0),
            frequency=row["frequency"],
            rollup_areas=row["rollup_areas"],
            value_min=as_decimal(row["value_min"]),
            value_max=as_decimal(row["value_max"]),
            valid_from=as_date(row["valid_from"]),
            valid_to=as_date(row["valid_to"]),
            decimals=int(row["decimals"] or 0),
        )
