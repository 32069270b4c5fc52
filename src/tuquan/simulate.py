"""Fill forms with illustrative figures that hang together, for trials, benchmarks and the sample.

Nothing here is a statistic. The figures of a commune follow from its code, so two runs write the same bytes: a size in
households, then each indicator as a share of another one (``sample_data/levels.csv``), kept inside every relation of
the catalogue. An indicator without a line there gets its level from the catalogue alone.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from pathlib import Path
from statistics import NormalDist

from tuquan import settings
from tuquan.vocabulary.areas import COUNTRY, Area, load_register
from tuquan.vocabulary.catalogue import Indicator, load_catalogue
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import MONTHS_IN, Period, parse_period
from tuquan.vocabulary.phrases import period_vi
from tuquan.vocabulary.seeds import as_decimal, read_seed
from tuquan.workbook.template import write_form

SAMPLE_DATA = Path(__file__).with_name("sample_data")
HOUSEHOLDS = "households_total"  # the size of a commune; every other level hangs on it
# Communes of 2018: 26.9 million households (census of 2019) in some 11,000 communes.
MEDIAN_HOUSEHOLDS, LOG_SPREAD = 2000, 0.45
SMALLEST_PART = 1000  # no commune of today is drawn smaller, whatever share of an old one it is said to hold
FIRST_MONTH = "2026-M01"
LEVELS_SINCE = 2018
HIGHEST_YEARLY_GROWTH = 0.015
BUSY = 1.4  # how much more happens in a busy month
NOISE = 0.1  # a flow varies by 10 % from one period to the next
UNEVEN = 0.15  # a split of a published total varies by 15 % around the size

Figures = dict[str, int]


@dataclass(frozen=True)
class Share:
    """A published percentage: ``numerator`` is ``pct`` of ``denominator`` ("=") or more than that (">")."""

    numerator: str
    denominator: str
    pct: Decimal
    qualifier: str = "="


@dataclass(frozen=True)
class Level:
    """What is usual: between ``low`` and ``high`` of ``per`` (blank: of the commune) in one period of its frequency."""

    per: str
    low: float
    high: float
    least: int = 0
    busy_months: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Rules:
    """The relations of one indicator, as the catalogue has them."""

    item: Indicator
    whole: str
    driver: str
    driver_min: Decimal
    driver_max: Decimal | None
    inflow: str
    outflow: str
    ceiling: str
    typical_max: Decimal | None

    @property
    def has_movements(self) -> bool:
        return bool(self.inflow and self.outflow)


def simulate(areas: int, periods: int | Sequence[str], out: Path, seed: int = 0) -> int:
    """Write a filled TQ01 for each of ``areas`` communes and each of ``periods`` below ``out``; return how many.

    ``periods`` is a number of months from January 2026, or period codes. Periods of one frequency in a row show the
    one before in its column and run up in the year to date.

    Raises:
        UnknownPeriod: one of ``periods`` is not a period code.
        ValueError: fewer communes than ``areas`` are in force at the end of a period.
    """
    codes = _months(periods) if isinstance(periods, int) else periods
    calendar = current_form().calendar
    written = 0
    earlier: dict[str, dict[str, Figures]] = {}
    for period in sorted((parse_period(code, calendar) for code in codes), key=lambda one: (one.months, one.code)):
        communes = _first_communes(areas, period)
        figures = illustrate(communes, period, seed=seed)
        before = earlier.get(period.previous.code, {})
        year_so_far = _add_up(earlier[code] for code in earlier if _runs_up_to(period, code))
        for area in communes:
            file = out / period_vi(period) / _province_name(area, period) / f"{area.ref_area} {area.name_vi}.xlsx"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_form(
                file,
                area,
                period,
                values=form_values(figures[area.area_key], period, year_so_far.get(area.area_key)),
                previous={(name, "period"): Decimal(value) for name, value in before.get(area.area_key, {}).items()},
            )
            written += 1
        earlier[period.code] = figures
    return written


def form_values(
    figures: Mapping[str, int], period: Period, year_so_far: Mapping[str, int] | None = None
) -> dict[tuple[str, str], int]:
    """Return the cells of the form: each figure, and for a flow what it adds up to since the start of the year."""
    values: dict[tuple[str, str], int] = {}
    for item in load_catalogue().on_form(current_form().form, period):
        values[item.indicator, "period"] = figures[item.indicator]
        if item.has_year_to_date:
            values[item.indicator, "year_to_date"] = figures[item.indicator] + (year_so_far or {}).get(
                item.indicator, 0
            )
    return values


def illustrate(
    areas: Sequence[Area],
    period: Period,
    *,
    totals: Mapping[str, int] | None = None,
    shares: Sequence[Share] = (),
    seed: int = 0,
) -> dict[str, Figures]:
    """Return plausible figures of each area (by its key) for every indicator in force, whether on the form or not.

    Args:
        areas: communes in force at the end of ``period``.
        period: flows grow with its months.
        totals: what an indicator has to add up to over ``areas``; cut to the ceiling where there is one.
        shares: percentages that the sum of ``areas`` has to show.
        seed: another seed, other figures.

    Raises:
        ValueError: the totals and the relations of the catalogue contradict each other.
    """
    return _Illustration(areas, period, totals or {}, shares, seed).figures()


def split(total: int, weights: Sequence[float], low: Sequence[int], high: Sequence[int]) -> list[int]:
    """Split ``total`` by ``weights``, each part between its ``low`` and ``high``, remainders to the largest.

    >>> split(10, [1, 1, 8], [0, 0, 0], [9, 9, 6])
    [2, 2, 6]

    Raises:
        ValueError: the bounds leave no room for ``total``.
    """
    if not sum(low) <= total <= sum(high):
        raise ValueError(f"{total} does not fit between {sum(low)} and {sum(high)}")
    usable = [max(weight, 1e-9) for weight in weights]

    def parts(scale: float) -> list[float]:
        return [min(max(scale * weight, a), b) for weight, a, b in zip(usable, low, high, strict=True)]

    under, over = 0.0, max(b / weight for b, weight in zip(high, usable, strict=True))
    for _ in range(100):
        middle = (under + over) / 2
        under, over = (middle, over) if sum(parts(middle)) < total else (under, middle)
    exact = parts(over)
    whole = [math.floor(part + 1e-9) for part in exact]
    by_remainder = sorted(range(len(whole)), key=lambda index: (whole[index] - exact[index], index))
    rest = total - sum(whole)
    while rest:
        step = 1 if rest > 0 else -1
        for index in by_remainder[::step]:
            if rest and low[index] <= whole[index] + step <= high[index]:
                whole[index] += step
                rest -= step
    return whole


@cache
def household_size(area_key: str, seed: int = 0) -> float:
    """Return an illustrative number of households: drawn for a commune of 2018, afterwards by mergers and splits."""
    changes = _changes_into(settings.load().seeds).get(area_key)
    if changes:
        return max(SMALLEST_PART, sum(share * household_size(before, seed) for before, share in changes))
    quantile = 0.02 + 0.96 * chance(seed, area_key, HOUSEHOLDS)
    return MEDIAN_HOUSEHOLDS * math.exp(LOG_SPREAD * NormalDist().inv_cdf(quantile))


def load_rules(folder: Path | None = None) -> dict[str, Rules]:
    """Read the relations between indicators from the catalogue, in the order of the form."""
    return _load_rules(folder or settings.load().seeds)


@cache
def _load_rules(folder: Path) -> dict[str, Rules]:
    catalogue = load_catalogue(folder)
    rules = (
        Rules(
            item=catalogue[row["indicator"]],
            whole=row["whole"],
            driver=row["driver"],
            driver_min=as_decimal(row["driver_min"]) or Decimal(0),
            driver_max=as_decimal(row["driver_max"]),
            inflow=row["inflow"],
            outflow=row["outflow"],
            ceiling=row["ceiling"],
            typical_max=as_decimal(row["typical_max"]),
        )
        for row in read_seed("indicators", folder)
    )
    return {rule.item.indicator: rule for rule in sorted(rules, key=lambda rule: rule.item.form_order)}


@cache
def _levels() -> dict[str, Level]:
    return {
        row["indicator"]: Level(
            per=row["per"],
            low=float(row["low"]),
            high=float(row["high"]),
            least=int(row["least"] or 0),
            busy_months=frozenset(int(month) for month in row["busy_months"].split(";") if month),
        )
        for row in read_seed("levels", SAMPLE_DATA)
    }


def level_of(rule: Rules) -> Level:
    """Return the usual level; for an indicator that nobody described it follows from the catalogue."""
    known = _levels().get(rule.item.indicator)
    if known is not None:
        return known
    if rule.whole and not rule.has_movements and rule.item.indicator != HOUSEHOLDS:
        return Level(rule.whole, 0.8, 1)
    if rule.driver and rule.driver_max is not None:
        usual = math.sqrt(float(max(rule.driver_min, rule.driver_max / 100) * rule.driver_max))
        return Level(rule.driver, 0.8 * usual, 1.2 * usual)
    largest = load_rules()[HOUSEHOLDS].typical_max
    if rule.typical_max is None or largest is None or rule.ceiling:
        return Level("", 0, 1)
    usual = float(rule.typical_max / largest)
    return Level(HOUSEHOLDS, 0.3 * usual, 0.6 * usual)


class _Illustration:
    """The figures of some communes for one period, indicator by indicator: first what was published, then the rest."""

    def __init__(
        self, areas: Sequence[Area], period: Period, totals: Mapping[str, int], shares: Sequence[Share], seed: int
    ) -> None:
        self.areas, self.period, self.totals, self.seed = areas, period, totals, seed
        self.shares = {share.numerator: share for share in shares}
        self.rules = {
            name: rule for name, rule in load_rules().items() if rule.item.form and rule.item.in_force(period.end)
        }
        self.levels = {name: level_of(rule) for name, rule in self.rules.items()}
        self.parts = {name: [one for one, rule in self.rules.items() if rule.whole == name] for name in self.rules}
        self.driven = {name: [one for one, rule in self.rules.items() if rule.driver == name] for name in self.rules}
        self.stock_of = {
            movement: name
            for name, rule in self.rules.items()
            if rule.has_movements
            for movement in (rule.inflow, rule.outflow)
        }
        self.sizes = [household_size(area.area_key, seed) for area in areas]
        self.table: list[Figures] = [{} for _ in areas]

    def figures(self) -> dict[str, Figures]:
        for name in self._order():
            for figures, value in zip(self.table, self._column(name), strict=True):
                figures[name] = value
        return {area.area_key: figures for area, figures in zip(self.areas, self.table, strict=True)}

    def _order(self) -> list[str]:
        """Return the indicators so that each comes after what it hangs on; what is published comes first of all."""
        ordered: list[str] = []

        def visit(name: str, among: Iterable[str], path: tuple[str, ...] = ()) -> None:
            if name in ordered or name in path or name not in self.rules or name not in among:
                return
            needs = [self.levels[name].per, self.stock_of.get(name, "")]
            if name in self.shares:
                needs += [self.shares[name].denominator, self.rules[name].whole]
            for need in needs:
                visit(need, among, (*path, name))
            ordered.append(name)

        for group in (self.totals, self.rules):
            for name in self.rules:
                visit(name, group)
        return ordered

    def _column(self, name: str) -> list[int]:
        """Return the figures of one indicator, in the order of the areas."""
        bounds = [self._bounds(self.rules[name], figures) for figures in self.table]
        for area, (low, high) in zip(self.areas, bounds, strict=True):
            if low > high:
                raise ValueError(f"{name} of {area.area_key} in {self.period}: relations ask for {low} to {high}")
        total = self._part_of(self.shares[name]) if name in self.shares else self.totals.get(name)
        if total is not None:
            return self._split(total, self.rules[name], bounds)
        return [min(max(self._draw(self.rules[name], index), low), high) for index, (low, high) in enumerate(bounds)]

    def _bounds(self, rule: Rules, figures: Figures) -> tuple[int, int]:
        """Return the lowest and highest figure that the relations with the figures known so far allow."""
        name = rule.item.indicator
        low, high = [int(rule.item.value_min or 0)], [10**9]
        if rule.typical_max is not None:
            high.append(int(rule.typical_max * _repeats(rule.item, self.period)))
        if rule.ceiling:
            high.append(1)
        if rule.whole in figures:
            high.append(figures[rule.whole])
        low += [figures[part] for part in self.parts[name] if part in figures]
        if rule.driver in figures:
            driver = figures[rule.driver]
            low.append(math.ceil(rule.driver_min * driver))
            if rule.driver_max is not None or driver == 0:
                high.append(math.floor((rule.driver_max or 0) * driver))
        for driven in self.driven[name]:
            other = self.rules[driven]
            if figures.get(driven):
                low.append(math.ceil(figures[driven] / other.driver_max) if other.driver_max else 1)
            if driven in figures and other.driver_min:
                high.append(math.floor(figures[driven] / other.driver_min))
        return max(low), min(high)

    def _part_of(self, share: Share) -> int:
        """Return the sum that shows the percentage; what is only a lower bound is exceeded by half of what is left."""
        whole = sum(figures.get(share.denominator, 1) for figures in self.table)
        pct = share.pct if share.qualifier == "=" else (share.pct + 100) / 2
        return round(whole * pct / 100)

    def _split(self, total: int, rule: Rules, bounds: Sequence[tuple[int, int]]) -> list[int]:
        name = rule.item.indicator
        low, high = [pair[0] for pair in bounds], [pair[1] for pair in bounds]
        if total >= 2 * len(self.areas):  # where everybody can have some, nobody has none
            low = [max(a, min(1, b)) for a, b in zip(low, high, strict=True)]
        if rule.ceiling:
            total = min(total, sum(high))
        weights = [
            _base(self.levels[name], figures, size)
            * (1 + UNEVEN * (2 * chance(self.seed, area.area_key, name, self.period.code, "split") - 1))
            for area, figures, size in zip(self.areas, self.table, self.sizes, strict=True)
        ]
        try:
            return split(total, weights, low, high)
        except ValueError as error:
            raise ValueError(f"{name} in {self.period}: {error}") from None

    def _draw(self, rule: Rules, index: int) -> int:
        """Return a figure near its usual level, the same at every call."""
        item, area, figures, size = rule.item, self.areas[index], self.table[index], self.sizes[index]
        name, level = item.indicator, self.levels[item.indicator]
        if name in self.stock_of:
            return self._movement(self.rules[self.stock_of[name]], item, index)
        if name == HOUSEHOLDS or rule.has_movements:
            return self._trend(rule, index, self.period)
        expected = _base(level, figures, size) * self._share(name, area)
        rounding = chance(self.seed, area.area_key, name, "rounding")
        if item.is_flow:
            rounding = chance(self.seed, area.area_key, name, self.period.code, "rounding")
            expected *= 1 + NOISE * (2 * chance(self.seed, area.area_key, name, self.period.code) - 1)
            if not (level.per in self.rules and self.rules[level.per].item.is_flow):
                expected *= float(_repeats(item, self.period)) * season(level, self.period)
        has_base = not level.per or figures.get(level.per, size) > 0
        return max(math.floor(expected + rounding), level.least if has_base else 0)

    def _movement(self, stock: Rules, item: Indicator, index: int) -> int:
        """Return what came or went, so that the stock before plus inflow minus outflow is the stock now."""
        name, area, figures = stock.item.indicator, self.areas[index], self.table[index]
        rise = 0
        if name not in self.totals:
            rise = self._trend(stock, index, self.period) - self._trend(stock, index, self.period.previous)
        usual = figures[name] * self._share(stock.outflow, area) * float(_repeats(item, self.period))
        exchanged = math.floor(usual + chance(self.seed, area.area_key, name, self.period.code, "rounding"))
        # What is new is part of the stock now, so a small commune exchanges less.
        exchanged = max(0, min(exchanged, figures[name] - max(rise, 0)))
        return exchanged + max(rise if item.indicator == stock.inflow else -rise, 0)

    def _trend(self, rule: Rules, index: int, period: Period) -> int:
        """Return a stock that hangs on the size alone and grows a little from month to month."""
        name, area = rule.item.indicator, self.areas[index]
        years = period.year - LEVELS_SINCE + period.closing_month / 12
        growth = 1 + HIGHEST_YEARLY_GROWTH * chance(self.seed, area.area_key, name, "growth") * years
        share = 1.0 if name == HOUSEHOLDS else self._share(name, area)
        rounding = chance(self.seed, area.area_key, name, "rounding")
        return max(math.floor(self.sizes[index] * share * growth + rounding), self.levels[name].least)

    def _share(self, name: str, area: Area) -> float:
        level = self.levels[name]
        return level.low + (level.high - level.low) * chance(self.seed, area.area_key, name, "level")


def _base(level: Level, figures: Mapping[str, int], size: float) -> float:
    return figures.get(level.per, size) if level.per else 1.0


def season(level: Level, period: Period) -> float:
    """Return how many times as much as in an ordinary month happens in the months of a period."""
    months = range(period.closing_month - period.months + 1, period.closing_month + 1)
    return sum(BUSY if month in level.busy_months else 1.0 for month in months) / period.months


def _repeats(item: Indicator, period: Period) -> Decimal:
    """Return how many periods of its own frequency a flow adds up; a stock is itself."""
    return max(Decimal(1), Decimal(period.months) / MONTHS_IN[item.frequency]) if item.is_flow else Decimal(1)


def chance(*words: object) -> float:
    """Return a number from 0 to below 1 that only the words decide."""
    digest = blake2b("|".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


@cache
def _changes_into(folder: Path) -> dict[str, list[tuple[str, float]]]:
    changes: dict[str, list[tuple[str, float]]] = {}
    for row in read_seed("area_changes", folder):
        if row["from_key"] != row["to_key"] and row["share"]:
            changes.setdefault(row["to_key"], []).append((row["from_key"], float(row["share"])))
    return changes


def _months(count: int) -> list[str]:
    first = parse_period(FIRST_MONTH)
    ahead = range(first.number - 1, first.number - 1 + count)
    return [Period(first.year + month // 12, "month", month % 12 + 1).code for month in ahead]


def _first_communes(count: int, period: Period) -> list[Area]:
    communes = load_register().communes(COUNTRY, period.end)
    if count > len(communes):
        raise ValueError(f"{len(communes)} communes were in force at the end of {period}, so not {count}")
    return communes[:count]


def _province_name(area: Area, period: Period) -> str:
    parents = load_register().parents(area, period.end)
    return parents[-1].name_vi if parents else area.ref_area


def _runs_up_to(period: Period, code: str) -> bool:
    other = parse_period(code)
    return (other.year, other.frequency) == (period.year, period.frequency) and other.number < period.number


def _add_up(periods: Iterator[dict[str, Figures]]) -> dict[str, Figures]:
    total: dict[str, Figures] = {}
    for figures in periods:
        for key, values in figures.items():
            sums = total.setdefault(key, {})
            for name, value in values.items():
                sums[name] = sums.get(name, 0) + value
    return total
