"""What a form asks for a period, as the catalogue stands today, and why it does not ask something."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tuquan.vocabulary.areas import Area, canonical_name
from tuquan.vocabulary.catalogue import Indicator, load_catalogue
from tuquan.vocabulary.figures import highest_possible
from tuquan.vocabulary.periods import Period
from tuquan.vocabulary.phrases import date_vi, phrase
from tuquan.workbook.stamp import layout_digest


class Asked(NamedTuple):
    """One figure that a form asks, with the highest value it can have."""

    indicator: Indicator
    measure: str
    tag: str
    highest: Decimal | None


@dataclass(frozen=True)
class Layout:
    """What a form asks for one period, as the catalogue stands today."""

    indicators: dict[str, Indicator]
    figures: dict[str, list[Asked]]
    names: dict[str, str]
    digest: str


@lru_cache(maxsize=64)
def layout_of(form: str, period: Period, seeds: Path) -> Layout:
    """Return the layout of ``form`` for ``period``; kept, because thousands of files share it."""
    asked = load_catalogue(seeds).on_form(form, period)
    return Layout(
        indicators={item.indicator: item for item in asked},
        figures={
            item.indicator: [
                Asked(item, measure, f"#{measure}", highest_possible(item, period, measure))
                for measure in (("period", "year_to_date") if item.has_year_to_date else ("period",))
            ]
            for item in asked
        },
        names={canonical_name(item.name_vi): item.indicator for item in asked},
        digest=layout_digest(asked),
    )


def reason_of_dates(area: Area) -> str:
    """Say from when to when an area held."""
    until = phrase("reason.valid_to", date=date_vi(area.valid_to)) if area.valid_to else ""
    return ", ".join(filter(None, (phrase("reason.valid_from", date=date_vi(area.valid_from)), until)))


def reason_not_asked(item: Indicator, period: Period) -> str:
    """Say why a form of ``period`` does not ask an indicator of the catalogue."""
    if not item.form:
        return phrase("reason.not_on_form")
    if item.valid_from is not None and period.end < item.valid_from:
        return phrase("quality.valid_from", date=date_vi(item.valid_from))
    if item.valid_to is not None and period.end >= item.valid_to:
        return phrase("quality.valid_to", date=date_vi(item.valid_to))
    return phrase("reason.asked_less_often", frequency=phrase(f"frequency.{item.frequency}"))
