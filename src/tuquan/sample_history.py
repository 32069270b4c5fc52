"""Lay out 36 months of one former district: series long enough to show what is hard to believe in them.

Nothing here is a statistic; nobody published a figure of this district. Every commune has a size, a level of its own
for each kind of work (``sample_data/levels.csv``), a season and an effort that moves all that a file counts together.
Stocks stay or move a little, flows vary as counts do, parts come out of their wholes. The lines of
``sample_data/history.csv`` are put into that: mistakes, which should be found, and real events, which should not.

A file is what an office of the time would send: one table a month with all communes of the district, and in the month
that closes a quarter or half-year the reports for these as well. It has no figures since the start of the year, so
that a mistake stands in one cell only. The same bytes at every call.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from io import StringIO
from pathlib import Path
from statistics import NormalDist

from tuquan.simulate import (
    HOUSEHOLDS,
    SAMPLE_DATA,
    Figures,
    Level,
    Rules,
    chance,
    household_size,
    level_of,
    load_rules,
    season,
)
from tuquan.vocabulary.areas import Area, load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import MONTHS_IN, Period, parse_period
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.records import LONG

DISTRICT = "263"  # 14 communes, the same ones all the time; no figure of it was published
FIRST_YEAR, YEARS = 2020, 3  # in no period of another report of the sample, so that none of its releases changes
MONTHS = 12 * YEARS
FREQUENCIES = ("month", "quarter", "half_year")  # of three years a yearly figure has no history
EVENT = "event"
GROWTH = 0.012  # of households in a year, at most
FEW = 150  # a stock of fewer is known by heart
STAYS = 0.6  # how often it is the same as in the period before
MOVED = 0.1  # unless what it hangs on has changed by 10 %
STRAYS = 0.1  # how far a stock wanders in a period: 1 % of a hundred, 0.2 % of two thousand
EFFORT = (0.06, 0.18)  # how much the effort of a file varies, from the steadiest commune to the least steady
INERTIA = 0.5  # of the effort of one month in the next
TOGETHER = 0.06  # what a month does to the whole district
OVERDISPERSION = 0.1  # beyond what counts vary anyway
AUDIENCE = 0.25  # the people at one meeting vary by 25 %
MANY = 100  # from here on counts are as good as normal
ROUNDING_CLERKS = 0.25  # share of communes that write tens from a hundred on

Report = tuple[str, str]  # commune and period, by their codes


@dataclass(frozen=True)
class Incident:
    """One line of ``history.csv``: a mistake or a part of a real event, and what should come of it.

    A mistake stands in ``time_period`` alone and names its ``cause``; ``detail`` is the other indicator or commune
    that it needs. An event lifts ``indicator`` to ``detail`` times as much, from ``time_period`` to ``last_period``
    (blank: from then on).
    """

    incident: str
    kind: str
    ref_area: str
    time_period: str
    last_period: str
    indicator: str
    detail: str
    cause: str
    expect: str

    @property
    def is_event(self) -> bool:
        return self.kind == EVENT

    def covers(self, period: Period) -> bool:
        """Return whether ``period`` ends within the event."""
        calendar = current_form().calendar
        last = parse_period(self.last_period, calendar).end if self.last_period else period.end
        return parse_period(self.time_period, calendar).end <= period.end <= last

    def is_about(self, ref_area: str, time_period: str, indicator: str) -> bool:
        """Return whether a figure is one that the mistake, or the event, touched."""
        if self.is_event:
            is_then = self.covers(parse_period(time_period, current_form().calendar))
        else:
            is_then = self.time_period == time_period
        return is_then and self.ref_area == ref_area and self.indicator in ("", indicator)


def lay_out_history(inbox: Path) -> list[Path]:
    """Write one CSV for each of the 36 months below ``inbox``; return them in the order of their months."""
    figures = with_mistakes(true_history())
    area, communes = district()
    folder = inbox / area.name_vi
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, month in enumerate(months(), start=1):
        table = StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(LONG)
        for period in closing_with(month):
            for commune in communes:
                report = figures[commune.ref_area, period.code]
                writer.writerows((commune.ref_area, period.code, *figure) for figure in report.items())
        # The name states no period, since a table may hold several.
        path = folder / f"tong-hop-xa-{number:02d}.csv"
        path.write_text(table.getvalue(), encoding="utf-8")
        written.append(path)
    return written


@cache
def load_incidents() -> tuple[Incident, ...]:
    """Read the mistakes and events of the history."""
    return tuple(Incident(**row) for row in read_seed("history", SAMPLE_DATA))


def district() -> tuple[Area, list[Area]]:
    """Return the district and its communes, which are the same ones at the end of each month."""
    register, day = load_register(), months()[-1].end
    area = register.at(DISTRICT, day)
    if area is None:
        raise ValueError(f"no area {DISTRICT} was in force on {day}")
    return area, register.communes(DISTRICT, day)


def months() -> list[Period]:
    """Return the months of the history."""
    calendar = current_form().calendar
    return [Period(FIRST_YEAR + index // 12, "month", index % 12 + 1, calendar) for index in range(MONTHS)]


def closing_with(month: Period) -> list[Period]:
    """Return the periods for which a report is owed when ``month`` ends, the shortest first."""
    ends = [frequency for frequency in FREQUENCIES if month.number % MONTHS_IN[frequency] == 0]
    return [Period(month.year, name, month.number // MONTHS_IN[name], month.calendar) for name in ends]


def true_history(*, has_events: bool = True) -> dict[Report, Figures]:
    """Return what every report would state without a mistake, in the order of the form."""
    events = [one for one in load_incidents() if one.is_event and has_events]
    history: dict[Report, Figures] = {}
    for commune in district()[1]:
        series = _Series(commune, [one for one in events if one.ref_area == commune.ref_area])
        for month in months():
            for period in closing_with(month):
                history[commune.ref_area, period.code] = series.report(period)
    return history


def with_mistakes(history: Mapping[Report, Figures]) -> dict[Report, Figures]:
    """Return the reports as they were sent: each mistake in its place, all else as it is."""
    sent = {report: dict(figures) for report, figures in history.items()}
    for mistake in (one for one in load_incidents() if not one.is_event):
        sent[mistake.ref_area, mistake.time_period] |= _mistaken(mistake, history)
    return sent


def _mistaken(mistake: Incident, history: Mapping[Report, Figures]) -> Figures:
    """Return the cells of a report in which something else stands than should."""
    period = parse_period(mistake.time_period, current_form().calendar)
    right = history[mistake.ref_area, period.code]
    name, detail = mistake.indicator, mistake.detail
    match mistake.kind:
        case "ten_times":
            return {name: right[name] * 10}
        case "digits_exchanged":
            first, second, *rest = str(right[name])
            return {name: int(second + first + "".join(rest))}
        case "cells_exchanged":
            return {name: right[detail], detail: right[name]}
        case "report_before":
            return dict(history[mistake.ref_area, period.previous.code])
        case "year_so_far":
            so_far = [Period(period.year, period.frequency, number + 1) for number in range(period.number)]
            return {name: sum(history[mistake.ref_area, one.code][name] for one in so_far)}
        case "zero":
            return {name: 0}
        case "report_of":
            return dict(history[detail, period.code])
    raise ValueError(f"{mistake.incident}: no such kind of mistake: {mistake.kind!r}")


class _Series:
    """All figures of one commune: stocks at the end of each of their periods, flows for each of them.

    Periods are named by the number of the month that closes them, counted from the first; 0 is the day before.
    """

    def __init__(self, commune: Area, events: Sequence[Incident]) -> None:
        self.key, self.events = commune.area_key, events
        self.size = household_size(commune.area_key)
        last = months()[-1]
        self.rules = {
            name: rule
            for name, rule in load_rules().items()
            if rule.item.form and rule.item.frequency in FREQUENCIES and rule.item.in_force(last.end)
        }
        self.stock_of = {
            movement: name
            for name, rule in self.rules.items()
            if rule.has_movements
            for movement in (rule.inflow, rule.outflow)
        }
        self.effort = self._effort()
        self.values: dict[str, dict[int, int]] = {}
        for name in self.rules:
            self._fill(name)

    def report(self, period: Period) -> Figures:
        """Return what the form asks for ``period``: a stock at its end, a flow summed over its parts."""
        end = _place(period)
        report = {}
        for item in load_catalogue().on_form(current_form().form, period):
            values = self.values[item.indicator]
            if item.is_flow:
                report[item.indicator] = sum(values[at] for at in values if end - period.months < at <= end)
            else:
                report[item.indicator] = values[end]
        return report

    def _fill(self, name: str) -> None:
        """Make the series of an indicator, after those on which it hangs."""
        if name in self.values or name not in self.rules:
            return
        rule = self.rules[name]
        self.values[name] = {}
        if name != HOUSEHOLDS:  # on which all hangs, also the population that it is called a part of
            for need in (level_of(rule).per, rule.whole, rule.driver, self.stock_of.get(name, "")):
                self._fill(need)
        step = MONTHS_IN[rule.item.frequency]
        make = self._flow if rule.item.is_flow else self._stock
        for end in range(step if rule.item.is_flow else 0, MONTHS + 1, step):
            self.values[name][end] = make(rule, end)

    def _at(self, name: str, end: int) -> int | None:
        """Return the figure of a period, of a stock the last one known by then; None = there is none."""
        values = self.values.get(name, {})
        return values.get(max((at for at in values if at <= end), default=-1))

    def _stock(self, rule: Rules, end: int) -> int:
        name, level, step = rule.item.indicator, level_of(rule), MONTHS_IN[rule.item.frequency]
        usual = self._usual_stock(rule, end)
        before = self.values[name].get(end - step)
        if before is not None and before < FEW and self._chance(name, end, "stays") < STAYS:
            is_moved = abs(usual - self._usual_stock(rule, end - step)) > MOVED * usual
            if not is_moved:
                return self._within(rule, before, end)
        if level.low < level.high:
            pace = STRAYS / math.sqrt(max(usual, 1))
            usual *= 1 + pace * sum(self._normal(name, at, "strays") for at in range(step, end + 1, step))
        return self._within(rule, max(math.floor(usual + self._chance(name, "rounding")), level.least), end)

    def _usual_stock(self, rule: Rules, end: int) -> float:
        name, level = rule.item.indicator, level_of(rule)
        if name == HOUSEHOLDS:
            return self.size * (1 + GROWTH * self._chance(name, "growth") * end / 12)
        base = self._at(level.per, end) if level.per else 1
        return base * self._share(name, level) * self._lift(name, end)

    def _flow(self, rule: Rules, end: int) -> int:
        name, level = rule.item.indicator, level_of(rule)
        if name in self.stock_of:
            return self._movement(self.rules[self.stock_of[name]], name, end)
        base = self.size if not level.per else self._at(level.per, end)
        share = self._share(name, level) * self._lift(name, end)
        if level.per in self.rules and self.rules[level.per].item.is_flow:
            if rule.whole == level.per:  # each case ends in one way or the other
                return sum(self._chance(name, end, number) < share for number in range(base))
            wobble = AUDIENCE / math.sqrt(max(base, 1)) * self._normal(name, end, "audience")
            return self._within(rule, self._written(round(base * share * math.exp(wobble))), end)
        span = range(end - MONTHS_IN[rule.item.frequency] + 1, end + 1)
        load = 0.4 + 0.7 * chance(name, "load")
        mood = sum(season(level, months()[at - 1]) * math.exp(load * self.effort[at]) for at in span) / len(span)
        expected = base * share * mood * math.exp(OVERDISPERSION * self._normal(name, end, "noise"))
        counted = _count(expected, self._chance(name, end, "count"))
        if level.least:  # what never fails to happen is planned, and at least half of a plan is carried out
            counted = max(counted, math.ceil(expected / 2), level.least)
        return self._within(rule, self._written(counted), end)

    def _movement(self, stock: Rules, name: str, end: int) -> int:
        """Return what came or went: the stock before plus what came minus what went is the stock now."""
        step = MONTHS_IN[stock.item.frequency]
        now, before = (self.values[stock.item.indicator][at] for at in (end, end - step))
        usual = before * self._share(stock.outflow, level_of(self.rules[stock.outflow]))
        exchanged = min(_count(usual, self._chance(stock.outflow, end, "count")), now - max(now - before, 0))
        rise = now - before if name == stock.inflow else before - now
        return max(exchanged, 0) + max(rise, 0)

    def _within(self, rule: Rules, value: int, end: int) -> int:
        """Return the figure, kept inside its relations to others of the same day."""
        whole, driver = self._at(rule.whole, end), self._at(rule.driver, end)
        if driver is not None:
            value = max(value, math.ceil(rule.driver_min * driver))
            if rule.driver_max is not None:
                value = min(value, math.floor(rule.driver_max * driver))
        if rule.typical_max is not None:
            value = min(value, int(rule.typical_max))
        return value if whole is None else min(value, whole)

    def _lift(self, name: str, end: int) -> float:
        """Return how many times as much the events of the time make of an indicator."""
        if end <= 0:
            return 1.0
        period = months()[end - 1]
        lifts = (Decimal(one.detail) for one in self.events if one.indicator == name and one.covers(period))
        return float(math.prod(lifts))

    def _written(self, value: int) -> int:
        return round(value, -1) if value >= 100 and self._chance("rounds") < ROUNDING_CLERKS else value

    def _effort(self) -> list[float]:
        """Return how busy a commune was in each month, around 0; the whole district has busy months, too."""
        low, high = EFFORT
        pace, effort = low + (high - low) * self._chance("pace"), [0.0]
        for month in range(1, MONTHS + 1):
            effort.append(INERTIA * effort[-1] + pace * self._normal("effort", month))
        return [own + TOGETHER * _normal(DISTRICT, "effort", month) for month, own in enumerate(effort)]

    def _share(self, name: str, level: Level) -> float:
        return level.low + (level.high - level.low) * self._chance(name, "level")

    def _chance(self, *words: object) -> float:
        return chance(self.key, "history", *words)

    def _normal(self, *words: object) -> float:
        return _normal(self.key, "history", *words)


def _place(period: Period) -> int:
    """Return the number of the month that closes a period."""
    return 12 * (period.year - FIRST_YEAR) + period.closing_month


def _normal(*words: object) -> float:
    """Return a number of the normal distribution that only the words decide, never a far one."""
    return NormalDist().inv_cdf(0.005 + 0.99 * chance(*words))


def _count(expected: float, position: float) -> int:
    """Return a Poisson count with this mean: the first one at which ``position`` of the probability is used up."""
    if expected > MANY:
        return round(NormalDist(expected, math.sqrt(expected)).inv_cdf(min(max(position, 1e-9), 1 - 1e-9)))
    count, term = 0, math.exp(-expected)
    used = term
    while used < position and term > 0:
        count += 1
        term *= expected / count
        used += term
    return count
