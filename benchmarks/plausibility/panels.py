"""Panels of commune reports that look like real ones, with mistakes and real events of which the truth is known.

One panel is a folder: ``P.csv`` what was reported, ``I.csv`` the indicators, ``A.csv`` the areas, ``C.csv`` mergers,
``D.csv`` decisions of a reviewer, ``T.csv`` the truth about every wrong cell and every cell of a real event, and
``S.json`` the settings that the seed drew. The same seed writes the same bytes.

    python benchmarks/plausibility/panels.py --setting known --seed 1 --out panel         # 36 months, 500,000 cells
    python benchmarks/plausibility/panels.py --setting new --seed 2 --mixed --out panel   # quarters, half-years, years
    python benchmarks/plausibility/panels.py --seed 3 --communes 60 --periods 12 --out panel

A commune has a size, a bent for each kind of work and an effort that moves all flows of a file together. Stocks grow
slowly, jump rarely and often stay for years; flows have a season, a trend and more zeros than chance; parts come out
of their wholes and attendances out of their sessions. Real events are part of that truth. Rates, noise, gaps, habits
and the mixture of mistakes are drawn anew for each seed, so that nothing can be tuned to one of them.
"""

import argparse
import csv
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import mistakes
import numpy as np

FORMS = Path(__file__).with_name("forms.csv")
COMMUNES, MONTHS, INDICATORS = 420, 36, 36
MIXED_COMMUNES, MIXED_YEARS = 1200, 3
FIRST_YEAR = 2023
PERIODS_IN_YEAR = {"month": 12, "quarter": 4, "half_year": 2, "year": 1}
LETTERS = {"month": "M", "quarter": "Q", "half_year": "S"}
TRUTH = (
    "ref_area",
    "time_period",
    "indicator",
    "true_value",
    "reported_value",
    "kind",
    "cause",
    "incident",
    "is_error",
)


@dataclass(frozen=True)
class Indicator:
    """One row of the form. ``level`` is per 1,000 households, a share of the whole, or a ratio to the driver."""

    indicator: str
    family: str
    statistical_kind: str
    whole: str
    driver: str
    level: float
    spread: float  # between communes, of the logarithm
    noise: float  # between periods, beyond counting
    zero: float
    growth: float  # a month
    season: float
    regular: float  # share of communes that do the same every period
    rounds: float  # share of communes that round

    @property
    def is_percentage(self) -> bool:
        return self.indicator.startswith("pct_")


@dataclass(frozen=True)
class Settings:
    """What the seed decides about a panel."""

    setting: str
    seed: int
    error_rate: float
    effort: float
    noise: float
    spread: float
    missing_files: float
    missing_cells: float
    rounding: float
    static: float
    mergers: float
    campaigns: float  # a commune and year
    jumps: float
    odd_events: float
    surprises: float  # share of flows that are far off for no reason that anybody would tell
    size_power: float  # 1: twice the households, twice the work
    register_gaps: float  # share of communes whose number of households nobody knows
    sizes_after_mergers: bool
    plain_codes: bool


@dataclass
class Block:
    """The reports of one frequency: ``true`` and ``reported`` are areas × periods × indicators, NaN where blank."""

    frequency: str
    periods: list[str]
    indicators: list[Indicator]
    true: np.ndarray
    reported: np.ndarray
    events: dict[tuple[int, int, int], tuple[str, str]] = field(default_factory=dict)  # cell → cause, incident
    errors: dict[tuple[int, int, int], tuple[str, str, str]] = field(
        default_factory=dict
    )  # cell → kind, cause, incident


@dataclass
class Panel:
    """Areas, and what they reported."""

    settings: Settings
    codes: list[str]
    districts: np.ndarray
    types: list[str]
    households: np.ndarray
    registered: np.ndarray  # households as the register has them, NaN where unknown
    blocks: list[Block]
    mergers: list[tuple[int, float, int]]  # survivor, moment in years from the beginning, absorbed


def draw_settings(setting: str, seed: int, rng: np.random.Generator) -> Settings:
    new = setting == "new"
    return Settings(
        setting=setting,
        seed=seed,
        error_rate=rng.uniform(0.005, 0.015),
        effort=rng.uniform(0.10, 0.32),
        noise=rng.uniform(0.7, 1.35),
        spread=rng.uniform(0.7, 1.25),
        missing_files=rng.uniform(0.01, 0.06),
        missing_cells=rng.uniform(0.005, 0.04),
        rounding=rng.uniform(0.3, 1.5),
        static=rng.uniform(0.25, 0.7),
        mergers=rng.choice([0, rng.uniform(0.005, 0.04)]),
        campaigns=rng.uniform(0.15, 0.4) * (1.5 if new else 1),
        jumps=rng.uniform(0.15, 0.4) * (1.5 if new else 1),
        odd_events=rng.uniform(0.8, 2.2) if new else 0.0,
        surprises=rng.uniform(0.004, 0.014) if new else rng.uniform(0.0, 0.006),
        size_power=rng.uniform(0.65, 1.05),
        register_gaps=rng.choice([0.0, 0.01, 0.01, 0.25]),
        sizes_after_mergers=bool(rng.integers(2)),
        plain_codes=bool(seed % 2 == 0),
    )


def read_indicators() -> list[Indicator]:
    with FORMS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = ("level", "spread", "noise", "zero", "growth", "season", "regular", "rounds")
    return [Indicator(**{key: float(row[key] or 0) if key in numbers else row[key] for key in row}) for row in rows]


def choose_indicators(count: int, rng: np.random.Generator) -> list[Indicator]:
    """Return a form of ``count`` rows: families stay together, and a part or ratio never loses what it refers to."""
    chosen = read_indicators()
    while len(chosen) > count:
        needed = {row.whole for row in chosen} | {row.driver for row in chosen}
        free = [row for row in chosen if row.indicator not in needed]
        chosen.remove(free[rng.integers(len(free))])
    families = list(dict.fromkeys(row.family for row in chosen))
    families = [families[0], *(families[index + 1] for index in rng.permutation(len(families) - 1))]
    return [row for family in families for row in chosen if row.family == family]


def related(indicators: list[Indicator]) -> list[set[str]]:
    """Return the groups of indicators that are bound by a whole or a driver, directly or not."""
    groups: list[set[str]] = []
    for row in indicators:
        bound = {row.indicator, row.whole, row.driver} - {""}
        touched = [group for group in groups if group & bound]
        groups = [group for group in groups if not group & bound] + [bound.union(*touched)]
    return groups


def name_periods(frequency: str, count: int) -> list[str]:
    """Return ``2023-M01``, …: the codes of ``count`` periods from the beginning.

    >>> name_periods("quarter", 5)[-1]
    '2024-Q1'
    """
    a_year = PERIODS_IN_YEAR[frequency]
    if frequency == "year":
        return [str(FIRST_YEAR + index) for index in range(count)]
    width = 2 if frequency == "month" else 1
    return [
        f"{FIRST_YEAR + index // a_year}-{LETTERS[frequency]}{index % a_year + 1:0{width}d}" for index in range(count)
    ]


@dataclass
class Plan:
    """What happens in a block besides ordinary life, laid down before figures are drawn."""

    boost: np.ndarray  # flows are multiplied
    jump: np.ndarray  # stocks are multiplied and stay
    cells: dict[tuple[int, int, int], tuple[str, str]] = field(default_factory=dict)
    catch_ups: list[tuple[int, int]] = field(default_factory=list)  # a report left out, told in the next one
    number: int = 0

    def mark(self, cause: str, areas, times, indicators, dependents: dict[int, list[int]]) -> None:
        self.number += 1
        wanted = {int(index) for index in indicators}
        for index in list(wanted):
            wanted.update(dependents.get(index, ()))
        for area in areas:
            for time in times:
                for index in wanted:
                    self.cells[int(area), int(time), index] = (cause, f"event {self.number}")


def find_dependents(indicators: list[Indicator]) -> dict[int, list[int]]:
    """Return which indicators move when one moves: its parts and what it drives, and theirs."""
    place = {row.indicator: index for index, row in enumerate(indicators)}
    direct: dict[int, list[int]] = {}
    for index, row in enumerate(indicators):
        parent = place.get(row.whole or row.driver)
        if parent is not None:
            direct.setdefault(parent, []).append(index)
    all_of: dict[int, list[int]] = {}
    for index in range(len(indicators)):
        found, queue = [], list(direct.get(index, ()))
        while queue:
            child = queue.pop()
            found.append(child)
            queue.extend(direct.get(child, ()))
        all_of[index] = found
    return all_of


def plan_events(
    settings: Settings, indicators: list[Indicator], districts: np.ndarray, periods: int, a_year: int, rng
) -> Plan:
    """Lay down campaigns, new models and national action months, and in the new setting whatever else happens."""
    communes, rows = len(districts), len(indicators)
    plan = Plan(np.ones((communes, periods, rows)), np.ones((communes, periods, rows)))
    below = find_dependents(indicators)
    roots = [index for index, row in enumerate(indicators) if not (row.whole or row.driver or row.is_percentage)]
    flows = [index for index in roots if indicators[index].statistical_kind == "flow"]
    flows += [
        index
        for index, row in enumerate(indicators)
        if row.statistical_kind == "flow" and row.driver and index not in flows and row.noise and not below[index]
    ]
    flows = [index for index in flows if not _driven_by_flow(indicators, index)]
    stocks = [index for index in roots if indicators[index].statistical_kind == "stock" and index > 2]
    years = periods / a_year

    def some(count: int, of: list[int]) -> np.ndarray:
        return rng.choice(np.array(of, int), size=min(count, len(of)), replace=False)

    def area_group() -> np.ndarray:
        district = np.flatnonzero(districts == rng.choice(districts))
        if rng.random() < 0.35:
            return district
        return rng.choice(district, size=min(len(district), int(rng.integers(1, 5))), replace=False)

    done, wanted = 0, settings.campaigns * communes * years / 4
    while done < wanted and flows:
        areas, time = area_group(), int(rng.integers(periods))
        chosen = some(int(rng.integers(2, 6)), flows)
        for index in chosen:
            plan.boost[areas, time, index] *= rng.uniform(1.8, 6) * rng.lognormal(0, 0.2, len(areas))
        plan.mark("campaign", areas, [time], chosen, below)
        done += len(areas)
    done, wanted = 0, settings.jumps * communes * years / 4
    while done < wanted and stocks:
        areas = area_group() if rng.random() < 0.3 else rng.integers(communes, size=1)
        time = int(rng.integers(1, periods)) if periods > 1 else 0
        chosen = some(int(rng.integers(1, 4)), stocks)
        plan.jump[np.ix_(areas, [time], chosen)] *= rng.uniform(1.3, 3.5)
        plan.mark("new_model", areas, range(time, min(periods, time + 3)), chosen, below)
        done += len(areas)
    for _ in range(round(periods / 12 * rng.uniform(0.6, 1.6))):
        time, chosen = int(rng.integers(periods)), some(int(rng.integers(2, 5)), flows)
        factor = rng.uniform(1.6, 3.5)
        for index in chosen:
            plan.boost[:, time, index] *= factor * rng.lognormal(0, 0.25, communes)
        plan.mark("national_month", range(communes), [time], chosen, below)
    if settings.odd_events:
        _plan_odd_events(settings, indicators, districts, plan, flows, stocks, below, years, area_group, some, rng)
    return plan


def _driven_by_flow(indicators: list[Indicator], index: int) -> bool:
    kinds = {row.indicator: row.statistical_kind for row in indicators}
    return kinds.get(indicators[index].driver) == "flow"


def _plan_odd_events(settings, indicators, districts, plan, flows, stocks, below, years, area_group, some, rng) -> None:
    communes, periods, _ = plan.boost.shape
    wanted, done = settings.odd_events * communes * years / 3, 0
    while done < wanted:
        areas = area_group()
        time = int(rng.integers(1, periods)) if periods > 1 else 0
        kind = rng.choice(
            ["gain", "gift", "reorganisation", "closure", "festival", "epidemic", "catch_up"],
            p=[0.26, 0.14, 0.12, 0.12, 0.1, 0.06, 0.2],
        )
        if kind == "gain":  # one indicator, one commune, one period
            areas, chosen = areas[:1], some(1, flows)
            plan.boost[np.ix_(areas, [time], chosen)] *= rng.uniform(3, 9)
            plan.mark("one_off_gain", areas, [time], chosen, below)
        elif kind == "gift":  # cameras, extinguishers given to one commune: the stock multiplies and stays
            areas, chosen = areas[:1], some(1, stocks)
            plan.jump[np.ix_(areas, [time], chosen)] *= rng.uniform(2, 6)
            plan.mark("gift", areas, range(time, min(periods, time + 3)), chosen, below)
        elif kind == "reorganisation":
            chosen = some(2, stocks)
            plan.jump[np.ix_(areas, [time], chosen)] *= rng.choice([0.35, 0.5, 0.6, 1.6])
            plan.mark("reorganisation", areas, range(time, min(periods, time + 3)), chosen, below)
        elif kind == "closure":
            areas, chosen = areas[:2], some(1, flows)
            plan.boost[np.ix_(areas, range(time, periods), chosen)] = 0
            plan.mark("closure", areas, range(time, min(periods, time + 4)), chosen, below)
        elif kind == "festival":
            down, up = np.array_split(some(4, flows), 2)
            plan.boost[np.ix_(areas, [time], down)] *= 0.15
            plan.boost[np.ix_(areas, [time], up)] *= rng.uniform(1.5, 4)
            plan.mark("festival", areas, [time], [*down, *up], below)
        elif kind == "epidemic":
            last = min(periods, time + int(rng.integers(2, 5)))
            areas = np.flatnonzero(np.isin(districts, rng.choice(districts, size=2))) if rng.random() < 0.3 else areas
            down = some(4, flows)
            plan.boost[np.ix_(areas, range(time, last), down)] *= rng.uniform(0.05, 0.35)
            plan.mark("epidemic", areas, range(time, last), down, below)
        elif time + 1 < periods:
            area = int(areas[0])
            plan.catch_ups.append((area, time))
            chosen = [index for index, row in enumerate(indicators) if row.statistical_kind == "flow"]
            plan.mark("catch_up", [area], [time + 1], chosen, {})
        done += len(areas)


def draw_figures(settings: Settings, households: np.ndarray, districts: np.ndarray, indicators: list[Indicator],
                 periods: int, frequency: str, effort: np.ndarray, plan: Plan, rng) -> np.ndarray:  # fmt: skip
    """Return true figures, areas × periods × indicators. All relations between them hold."""
    a_year = PERIODS_IN_YEAR[frequency]
    months = 12 // a_year
    communes = len(households)
    figures = np.zeros((communes, periods, len(indicators)))
    place = {row.indicator: index for index, row in enumerate(indicators)}
    kinds = {row.indicator: row.statistical_kind for row in indicators}
    district_bent = {name: rng.normal(0, 0.6, len(indicators)) for name in np.unique(districts)}
    bent = 0.85 * rng.normal(size=(communes, len(indicators))) + 0.5 * np.array([district_bent[d] for d in districts])
    families = {row.family: rng.normal(0, 0.08, (communes, periods)) for row in indicators}
    order = sorted(range(len(indicators)), key=lambda index: _depth(indicators, index))
    clock = np.arange(periods) * months
    for index in order:
        row = indicators[index]
        own = bent[:, index] * row.spread * settings.spread
        parent = place.get(row.whole or row.driver)
        jitter = rng.lognormal(0, 0.25)
        boost, jump = plan.boost[:, :, index], plan.jump[:, :, index]
        if row.is_percentage:
            figures[:, :, index] = _percentages(own, communes, periods, rng)
            continue
        if row.statistical_kind == "stock":
            figures[:, :, index] = _stock(
                row, settings, own, jitter, households, None if parent is None else figures[:, :, parent],
                months, a_year, jump, rng)  # fmt: skip
        else:
            season = row.season * np.sin(2 * np.pi * (np.arange(periods) / a_year + rng.random())) if a_year > 1 else 0
            surge = rng.uniform(0.2, 0.9) * row.season * (np.arange(periods) % a_year == rng.integers(a_year))
            drift = season + (surge if a_year > 1 else 0) + row.growth * clock
            load = rng.uniform(0.35, 1.2)
            mood = np.exp(load * effort + families[row.family] + drift)
            base = None if parent is None else figures[:, :, parent]
            parent_is_flow = parent is not None and kinds[indicators[parent].indicator] == "flow"
            figures[:, :, index] = _flow(
                row, settings, own, jitter, households, base, parent_is_flow, months, mood, boost, rng)  # fmt: skip
    return figures


def _depth(indicators: list[Indicator], index: int) -> int:
    place = {row.indicator: place for place, row in enumerate(indicators)}
    parent = indicators[index].whole or indicators[index].driver
    return 0 if parent not in place else 1 + _depth(indicators, place[parent])


def _percentages(own, communes: int, periods: int, rng) -> np.ndarray:
    level = 92 + 4 * own
    path = level[:, None] + np.cumsum(rng.normal(0, 0.4, (communes, periods)) * (rng.random((communes, 1)) < 0.6), 1)
    return np.round(np.clip(path + rng.normal(0, 0.5, (communes, periods)), 20, 100), 1)


def _thousands(households: np.ndarray, settings: Settings) -> np.ndarray:
    """Return thousands of households, as far as work grows with them; a median commune stays what it is."""
    middle = np.median(households)
    return middle / 1000 * (households / middle) ** settings.size_power


def _logit_normal(level: float, own: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.log(level / (1 - level)) + own)))


def _stock(row, settings, own, jitter, households, parent, months, a_year, jump, rng) -> np.ndarray:
    communes, periods = jump.shape
    still = rng.random(communes) < settings.static
    pace = np.where(still, 0.0, rng.uniform(0.05, 0.5, communes) * min(1.0, months / 2 + 0.5))
    if row.whole:
        share = _logit_normal(row.level, own)
        share = np.where((rng.random(communes) < 0.35) & (row.level > 0.85), 1.0, share)
        change = (rng.random((communes, periods)) < 0.2 * pace[:, None]) * rng.normal(0, 0.05, (communes, periods))
        shares = np.clip(share[:, None] + np.cumsum(change, 1), 0, 1)
        return np.round(np.minimum(shares * parent, parent))
    if row.driver:
        change = (rng.random((communes, periods)) < 0.3 * pace[:, None]) * rng.normal(0, 0.06, (communes, periods))
        ratio = row.level * np.exp(own)[:, None] * np.exp(np.cumsum(change, 1))
        return _round_as_people_do(np.round(parent * ratio), row, settings, rng)
    level = np.maximum(_thousands(households, settings) * row.level * jitter * np.exp(own), 0.4)
    if row.indicator == "households":
        level = households * np.exp(rng.normal(0, 0.03, communes))
    level = np.where(rng.random(communes) < row.zero, 0, np.maximum(np.round(level), row.zero == 0))
    value, figures = level.astype(float), np.zeros((communes, periods))
    revises = rng.random() < 0.35  # an indicator that many communes count anew at the beginning of the year
    for time in range(periods):
        if time:
            step = np.maximum(1, np.round(value * np.abs(rng.normal(0, 0.015, communes)) * np.sqrt(months)))
            up = rng.random(communes) < 0.5 + np.clip(row.growth * 40, -0.3, 0.35)
            moves = rng.random(communes) < pace * np.minimum(1, value / 20)  # few of a kind change rarely
            value = value + np.where(moves, np.where(up, step, -np.minimum(step, value)), 0)
            value = np.round(value * np.where(rng.random(communes) < row.growth * months * 3, 1.1, 1))
            leap = rng.random(communes) < 0.002 * months
            value = np.where(leap, np.round(value * rng.lognormal(0.15, 0.25, communes)), value)
            if revises and time % a_year == 0:
                counts = rng.random(communes) < 0.3
                value = np.where(counts, np.round(value * rng.lognormal(0, 0.07, communes)), value)
        value = np.where(jump[:, time] != 1, np.round(value * jump[:, time] + (jump[:, time] > 1)), value)
        figures[:, time] = value
    return _round_as_people_do(figures, row, settings, rng)


def _flow(row, settings, own, jitter, households, base, base_is_flow, months, mood, boost, rng) -> np.ndarray:
    communes, periods = boost.shape
    noise = row.noise * settings.noise
    blanks = np.minimum(0.97, rng.beta(2, 2 * (1 - row.zero) / max(row.zero, 1e-3), (communes, 1))) if row.zero else 0
    quiet = rng.random((communes, periods)) < blanks / np.sqrt(months) if row.zero else np.zeros(boost.shape, bool)
    quiet &= boost <= 1.5  # a campaign is never nothing
    if row.whole and base_is_flow:
        share = _logit_normal(row.level, own)[:, None] * np.ones(periods)
        share = np.clip(rng.beta(share * 40 + 1e-3, (1 - share) * 40 + 1e-3), 0, 1)
        return rng.binomial(base.astype(int), share).astype(float)
    if row.driver and base_is_flow:
        ratio = row.level * jitter * np.exp(own)[:, None]
        wobble = rng.normal(0, 1, boost.shape) * np.sqrt(noise**2 / np.maximum(base, 1) + 0.06**2)
        figures = np.where(base > 0, np.maximum(np.round(base * ratio * np.exp(wobble)), base), 0)
        return _round_as_people_do(figures, row, settings, rng)
    scale = _thousands(households, settings)[:, None] if base is None else base
    mean = scale * row.level * jitter * np.exp(own)[:, None] * months
    typical = np.round(mean[:, :1] * np.ones(periods))
    mean = mean * mood * boost / np.maximum(1 - blanks, 0.25)
    drawn = rng.gamma(1 / noise**2, noise**2, boost.shape) if noise else 1
    mean = mean * np.where(rng.random(boost.shape) < settings.surprises, rng.lognormal(0.6, 0.8, boost.shape), 1)
    figures = rng.poisson(np.minimum(mean * drawn, 1e7)).astype(float)
    figures[quiet] = 0
    same = (rng.random((communes, 1)) < row.regular) & (rng.random(boost.shape) < 0.88) & (boost == 1)
    figures = np.where(same, np.maximum(typical, 1), figures)
    if row.whole:
        figures = np.minimum(figures, base)
    return _round_as_people_do(figures, row, settings, rng)


def _round_as_people_do(figures: np.ndarray, row: Indicator, settings: Settings, rng) -> np.ndarray:
    who = rng.random(len(figures)) < row.rounds * settings.rounding
    unit = rng.choice([5, 10, 10, 50], size=len(figures))[:, None]
    rounded = np.maximum(np.round(figures / unit) * unit, unit * (figures > 0))
    return np.where(who[:, None] & (figures > 3 * unit), rounded, figures)


def merge(panel_blocks: list[Block], mergers: list[tuple[int, float, int]], households: np.ndarray) -> None:
    """Add the figures of an absorbed commune to the survivor's from the moment on; it reports no more."""
    for survivor, moment, absorbed in mergers:
        for block in panel_blocks:
            first = int(np.ceil(moment * PERIODS_IN_YEAR[block.frequency] - 1e-9))
            for index, row in enumerate(block.indicators):
                one, other = block.true[survivor, first:, index], block.true[absorbed, first:, index]
                if row.is_percentage:
                    weight = households[survivor] / (households[survivor] + households[absorbed])
                    block.true[survivor, first:, index] = np.round(weight * one + (1 - weight) * other, 1)
                else:
                    block.true[survivor, first:, index] = one + other
                if first < len(block.periods):
                    block.events[survivor, first, index] = ("merger", f"merger of {absorbed}")
            block.true[absorbed, first:, :] = np.nan


def leave_gaps(block: Block, settings: Settings, plan: Plan, rng) -> None:
    """Blank what nobody sent: reports, rows that a commune never fills, single cells; some begin late."""
    communes, periods, rows = block.true.shape
    careless = rng.beta(1, 4, communes)[:, None] * 5
    gone = rng.random((communes, periods)) < settings.missing_files * careless
    starts = np.where(rng.random(communes) < 0.03, rng.integers(0, max(2, periods // 2), communes), 0)
    gone |= np.arange(periods) < starts[:, None]
    never = rng.random((communes, rows)) < 0.015
    begins = np.where(rng.random(rows) < 0.06, rng.integers(0, max(2, periods // 2), rows), 0)
    for index, row in enumerate(block.indicators):
        if any(row.indicator in (other.whole, other.driver) for other in block.indicators):
            begins[index] = 0
    young = np.arange(periods)[:, None] < begins
    blank = rng.random(block.true.shape) < settings.missing_cells * careless[:, :, None]
    flows = [index for index, row in enumerate(block.indicators) if row.statistical_kind == "flow"]
    for area, time in plan.catch_ups:
        if np.isnan(block.true[area, time : time + 2]).any():
            continue
        caps = [
            next((place for place, other in enumerate(block.indicators) if other.indicator == row.whole), None)
            for row in block.indicators
        ]
        for index in flows:
            total = block.true[area, time, index] + block.true[area, time + 1, index]
            cap = caps[index]
            if cap is not None and cap not in flows:
                total = min(total, block.true[area, time + 1, cap])
            block.true[area, time + 1, index] = total
        gone[area, time], gone[area, time + 1] = True, False
    block.true[gone[:, :, None] | never[:, None, :] | young[None] | blank] = np.nan


def make_panel(setting: str, seed: int, communes: int = COMMUNES, periods: int = MONTHS, indicators: int = INDICATORS,
               mixed: bool = False) -> Panel:  # fmt: skip
    """Return a panel with its truth. ``periods`` are months, or years of a mixed panel."""
    rng = np.random.default_rng([seed, 20 if setting == "new" else 10, int(mixed)])
    settings = draw_settings(setting, seed, rng)
    sizes = np.array([], int)
    while sizes.sum() < communes:
        sizes = np.append(sizes, rng.integers(6, 26))
    districts = np.repeat([f"D{number:02d}" for number in range(1, len(sizes) + 1)], sizes)[:communes]
    types = rng.choice(["xa", "phuong", "dac_khu"], p=[0.79, 0.2, 0.01], size=communes).tolist()
    medians = {"xa": 6700, "phuong": 12500, "dac_khu": 2500}
    households = np.round(np.array([medians[name] for name in types]) * rng.lognormal(0, 0.55, communes)).clip(60)
    form = choose_indicators(indicators, rng)
    names = {row.indicator: f"x{number:02d}" for number, row in enumerate(form, 1)} if settings.plain_codes else {}
    if mixed:
        groups = related(form)
        biggest = max(groups, key=len)
        frequency_of = {}
        for group in groups:
            drawn = "quarter" if group is biggest else rng.choice(["quarter", "half_year", "year"], p=[0.5, 0.25, 0.25])
            frequency_of.update(dict.fromkeys(group, str(drawn)))
        plan_of = {name: periods * PERIODS_IN_YEAR[name] for name in ("quarter", "half_year", "year")}
    else:
        frequency_of = {row.indicator: "month" for row in form}
        plan_of = {"month": periods}
    pairs = _choose_mergers(settings, districts, periods if mixed else periods / 12, rng)
    blocks, plans = [], []
    for frequency, count in plan_of.items():
        rows = [row for row in form if frequency_of[row.indicator] == frequency]
        if not rows:
            continue
        effort = np.zeros((communes, count))
        drive = settings.effort * np.where(rng.random(communes) < 0.25, 0.4, 1)
        for time in range(count):
            before = effort[:, time - 1] if time else 0
            effort[:, time] = 0.45 * before + 0.9 * drive * rng.normal(size=communes)
        plan = plan_events(settings, rows, districts, count, PERIODS_IN_YEAR[frequency], rng)
        true = draw_figures(settings, households, districts, rows, count, frequency, effort, plan, rng)
        block = Block(frequency, name_periods(frequency, count), rows, true, true)
        block.events.update(plan.cells)
        blocks.append(block)
        plans.append(plan)
    merge(blocks, pairs, households)
    for block, plan in zip(blocks, plans, strict=True):
        leave_gaps(block, settings, plan, rng)
        block.true = np.round(block.true, 1)
        block.reported = block.true.copy()
        block.events = {cell: event for cell, event in block.events.items() if not np.isnan(block.true[cell])}
        mistakes.make_mistakes(block, districts, settings, rng)
        block.indicators = [_renamed(row, names) for row in block.indicators]
    registered = households.copy()
    if settings.sizes_after_mergers:
        for survivor, _, absorbed in pairs:
            registered[survivor] += households[absorbed]
    registered = np.round(registered * rng.lognormal(0, 0.05, communes))
    registered[rng.random(communes) < settings.register_gaps] = np.nan
    codes = [f"{number:05d}" for number in sorted(rng.choice(np.arange(1, 33000), size=communes, replace=False))]
    return Panel(settings, codes, districts, types, households, registered, blocks, pairs)


def _renamed(row: Indicator, names: dict[str, str]) -> Indicator:
    values = asdict(row)
    for key in ("indicator", "whole", "driver"):
        values[key] = names.get(values[key], values[key])
    return Indicator(**values)


def _choose_mergers(settings: Settings, districts: np.ndarray, years: float, rng) -> list[tuple[int, float, int]]:
    pairs, used = [], set()
    for _ in range(round(settings.mergers * len(districts))):
        survivor = int(rng.integers(len(districts)))
        near = [int(area) for area in np.flatnonzero(districts == districts[survivor]) if area not in used | {survivor}]
        if survivor in used or not near:
            continue
        absorbed = int(rng.choice(near))
        used |= {survivor, absorbed}
        pairs.append((survivor, float(rng.uniform(0.3, max(0.5, years - 0.2))), absorbed))
    return sorted(pairs)


def write_number(value: float) -> str:
    """Return the shortest spelling.

    >>> write_number(1288.0), write_number(1.288), write_number(-3.0)
    ('1288', '1.288', '-3')
    """
    return str(int(value)) if value == int(value) else f"{value:.4f}".rstrip("0")


def write_panel(panel: Panel, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "P.csv", ("ref_area", "time_period", "indicator", "obs_value"), _cells(panel))
    rows = [row for block in panel.blocks for row in block.indicators]
    _write(
        folder / "I.csv",
        ("indicator", "statistical_kind", "whole", "driver", "form_order"),
        ((row.indicator, row.statistical_kind, row.whole, row.driver, 10 * place) for place, row in enumerate(rows, 1)),
    )
    known = zip(panel.codes, panel.districts, panel.types, panel.registered, strict=True)
    _write(
        folder / "A.csv",
        ("ref_area", "district", "area_type", "households"),
        ((code, name, kind, "" if np.isnan(size) else int(size)) for code, name, kind, size in known),
    )
    changes = []
    for survivor, moment, absorbed in panel.mergers:
        block = panel.blocks[0]
        first = int(np.ceil(moment * PERIODS_IN_YEAR[block.frequency] - 1e-9))
        if first < len(block.periods):
            changes.append((panel.codes[survivor], block.periods[first], "absorbs", panel.codes[absorbed]))
    _write(folder / "C.csv", ("ref_area", "time_period", "change", "other_area"), changes)
    _write(folder / "T.csv", TRUTH, _truth(panel))
    _write(
        folder / "D.csv",
        ("ref_area", "time_period", "indicator", "obs_value", "decision", "corrected_value"),
        _decisions(panel),
    )
    settings = json.dumps(asdict(panel.settings), indent=1, default=float)
    (folder / "S.json").write_text(settings + "\n", encoding="utf-8")


def _write(path: Path, names: tuple[str, ...], rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def _cells(panel: Panel):
    for block in panel.blocks:
        for area, code in enumerate(panel.codes):
            for time, period in enumerate(block.periods):
                values = block.reported[area, time].tolist()
                for row, value in zip(block.indicators, values, strict=True):
                    if value == value:
                        yield code, period, row.indicator, write_number(value)


def _truth(panel: Panel):
    for block in panel.blocks:
        for cell in sorted(block.errors.keys() | block.events.keys()):
            area, time, index = cell
            error = block.errors.get(cell)
            kind, cause, incident = error or ("known", *block.events[cell])
            if not error and cause in mistakes.ODD_EVENTS:
                kind = "new"
            yield (
                panel.codes[area],
                block.periods[time],
                block.indicators[index].indicator,
                write_number(block.true[cell]),
                write_number(block.reported[cell]),
                kind,
                cause,
                f"{block.frequency} {incident}",
                int(bool(error)),
            )


def _decisions(panel: Panel):
    """A reviewer has confirmed every tenth cell of a real event of the first half."""
    for block in panel.blocks:
        for number, cell in enumerate(sorted(block.events.keys() - block.errors.keys())):
            area, time, index = cell
            if number % 10 == 0 and time < len(block.periods) // 2:
                value = write_number(block.reported[cell])
                yield panel.codes[area], block.periods[time], block.indicators[index].indicator, value, "confirmed", ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a panel of commune reports with its truth.")
    parser.add_argument("--setting", choices=["known", "new"], default="known")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--communes", type=int)
    parser.add_argument("--periods", type=int, help="months, or years of a mixed panel")
    parser.add_argument("--indicators", type=int, default=INDICATORS)
    parser.add_argument("--mixed", action="store_true", help="quarters, half-years and years instead of months")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    communes = asked.communes or (MIXED_COMMUNES if asked.mixed else COMMUNES)
    periods = asked.periods or (MIXED_YEARS if asked.mixed else MONTHS)
    panel = make_panel(asked.setting, asked.seed, communes, periods, asked.indicators, asked.mixed)
    write_panel(panel, asked.out)


if __name__ == "__main__":
    main()
