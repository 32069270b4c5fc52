"""Mistakes that people make in commune reports, put into a block of true figures.

``KNOWN`` are the causes that the checks have a name for, ``NEW`` are others, which a check can only find by general
principles. Each function returns the cells of one incident with what was reported there; ``make_mistakes`` spends a
budget of wrong cells on them, in a mixture that the seed draws. A cell that comes out right is no mistake.
"""

from itertools import pairwise

import numpy as np

NEW_SHARE = 1 / 3  # of the wrong cells, in the new setting
ODD_EVENTS = frozenset({"one_off_gain", "gift", "reorganisation", "closure", "festival", "epidemic", "catch_up"})
KEYBOARD = {"1": "24", "2": "135", "3": "246", "4": "1357", "5": "2468", "6": "359", "7": "48", "8": "579", "9": "68"}
KEYBOARD["0"] = "9"

Cell = tuple[int, int, int]
Incident = dict[Cell, float]


class Desk:
    """A block on the desk of a careless clerk: figures, relations of the form, and chance."""

    def __init__(self, block, districts: np.ndarray, rng: np.random.Generator):
        self.block, self.districts, self.rng = block, districts, rng
        self.true = block.true
        self.communes, self.periods, self.rows = block.true.shape
        self.a_year = {"month": 12, "quarter": 4, "half_year": 2, "year": 1}[block.frequency]
        place = {row.indicator: index for index, row in enumerate(block.indicators)}
        self.wholes = {index: place[row.whole] for index, row in enumerate(block.indicators) if row.whole in place}
        self.drivers = {index: place[row.driver] for index, row in enumerate(block.indicators) if row.driver in place}
        self.percentages = np.array([row.is_percentage for row in block.indicators])
        kinds = np.array([row.statistical_kind for row in block.indicators])
        self.flows = np.flatnonzero(kinds == "flow")
        self.stocks = np.flatnonzero((kinds == "stock") & ~self.percentages)
        self.counts = np.flatnonzero(~self.percentages)

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return int(self.rng.integers(low, high + 1))

    def one_of(self, *choices, p=None):
        return choices[self.rng.choice(len(choices), p=p)]

    def pick_cell(self, at_least: float = 1, of: np.ndarray | None = None, first: int = 0) -> Cell | None:
        """Return a cell with a figure of at least so much, from the period ``first`` on."""
        of = self.counts if of is None else of
        if not len(of) or first >= self.periods:
            return None
        for _ in range(60):
            cell = (self.between(0, self.communes - 1), self.between(first, self.periods - 1), int(self.rng.choice(of)))
            if self.true[cell] >= at_least:
                return cell
        return None

    def pick_file(self, first: int = 0) -> tuple[int, int] | None:
        cell = self.pick_cell(0, first=first)
        return cell and cell[:2]

    def file(self, area: int, time: int) -> np.ndarray:
        return self.true[area, time]

    def usual(self, area: int, index: int) -> float:
        """Return the middle of what the commune truly reports above zero."""
        values = self.true[area, :, index]
        values = values[values > 0]
        return float(np.median(values)) if len(values) else np.nan

    def neighbour(self, area: int, time: int) -> int | None:
        near = np.flatnonzero(self.districts == self.districts[area])
        near = [other for other in near if other != area and not np.isnan(self.true[other, time]).all()]
        return int(self.rng.choice(near)) if near else None


def make_mistakes(block, districts: np.ndarray, settings, rng: np.random.Generator) -> None:
    """Spend the error rate of the settings on incidents; write ``block.reported`` and ``block.errors``."""
    desk = Desk(block, districts, rng)
    budget = settings.error_rate * np.isfinite(block.true).sum()
    new_share = NEW_SHARE if settings.setting == "new" else 0.0
    for kind, makers, share in (("known", KNOWN, 1 - new_share), ("new", NEW, new_share)):
        weights = rng.dirichlet(np.full(len(makers), 3.0)) * 0.75 + 0.25 / len(makers)
        for (cause, (make, is_file)), weight in zip(makers.items(), weights, strict=True):
            _spend(desk, kind, cause, make, is_file, budget * share * weight)


def _spend(desk: Desk, kind: str, cause: str, make, is_file: bool, budget: float) -> None:
    spent, tries, number = 0, 0, 0
    while spent < budget and tries < 40 + 12 * budget:
        tries += 1
        found = make(desk)
        clean = {
            cell: value
            for cell, value in found.items()
            if np.isfinite(desk.true[cell]) and np.isfinite(value) and abs(value - desk.true[cell]) > 1e-9
        }
        if not clean or any(cell in desk.block.errors for cell in clean):
            continue
        if is_file and len(clean) < min(4, desk.rows // 2):
            continue
        lively = [cell for cell in clean if desk.block.events.get(cell, ("national_month",))[0] != "national_month"]
        if lively and not is_file and desk.chance(0.95):
            continue
        if spent + len(clean) > budget and not desk.chance((budget - spent) / len(clean)):
            break  # the rest would not do for another one: on average, none is spent too much
        number += 1
        for cell, value in clean.items():
            desk.block.reported[cell] = value
            desk.block.errors[cell] = (kind, cause, f"{cause} {number}")
        spent += len(clean)


def _keep_on(desk: Desk, cell: Cell | None, change, more: float = 0.1) -> Incident:
    """Change a cell, and with a small chance the same cell of the next periods too: a clerk repeats a mistake."""
    if cell is None:
        return {}
    area, time, index = cell
    run = desk.between(2, 4) if desk.chance(more) else 1
    found = {}
    for moment in range(time, min(time + run, desk.periods)):
        value = desk.true[area, moment, index]
        if value > 0:
            found[area, moment, index] = change(float(value))
    return found


def scale_error(desk: Desk) -> Incident:
    if desk.percentages.any() and desk.chance(0.15):
        cell = desk.pick_cell(5, np.flatnonzero(desk.percentages))
        return _keep_on(desk, cell, lambda value: round(value / 100, 4))
    if desk.chance(0.5):
        factor = desk.one_of(10, 100, 1000, p=[0.6, 0.22, 0.18])
        return _keep_on(desk, desk.pick_cell(1), lambda value: value * factor)
    if desk.chance(0.5):  # 1.288 read as a decimal, or what stands behind or before the dot
        cell = desk.pick_cell(1000)
        way = desk.one_of("decimal", "before", "behind", p=[0.5, 0.35, 0.15])
        ways = {
            "decimal": lambda value: value / 1000,
            "before": lambda value: value // 1000,
            "behind": lambda value: value % 1000,
        }
        return _keep_on(desk, cell, ways[way])
    factor = desk.one_of(10, 100, p=[0.8, 0.2])
    return _keep_on(desk, desk.pick_cell(2 * factor), lambda value: np.floor(value / factor))


def slip(desk: Desk, value: float) -> float:
    """Return the number with one digit dropped, doubled, replaced, or two exchanged."""
    digits = list(str(int(value)))
    place = desk.between(0, len(digits) - 1)
    kind = desk.one_of("drop", "double", "replace", "transpose", "insert", p=[0.2, 0.2, 0.25, 0.25, 0.1])
    if kind == "drop" and len(digits) > 1:
        digits.pop(place)
    elif kind == "double":
        digits.insert(place, digits[place])
    elif kind == "replace":
        digits[place] = str(desk.between(0, 9))
    elif kind == "transpose" and len(digits) > 1:
        place = min(place, len(digits) - 2)
        digits[place], digits[place + 1] = digits[place + 1], digits[place]
    else:
        digits.insert(place, str(desk.between(1, 9)))
    return float("".join(digits))


def digit_error(desk: Desk) -> Incident:
    cell = desk.pick_cell(10)
    if cell is None:
        return {}
    value = desk.true[cell]
    wrong = slip(desk, value)
    tiny = abs(wrong - value) < 0.1 * value
    return {} if tiny and desk.chance(0.85) else {cell: wrong}


def swapped_cells(desk: Desk) -> Incident:
    cell = desk.pick_cell(0)
    if cell is None:
        return {}
    area, time, index = cell
    other = index + desk.one_of(1, 1, 1, 2, -2)
    if not 0 <= other < desk.rows or desk.percentages[[index, other]].any():
        return {}
    one, two = desk.true[cell], desk.true[area, time, other]
    alike = abs(one - two) < 3 or max(one, two) < 1.3 * min(one, two)
    return {} if alike and desk.chance(0.9) else {cell: two, (area, time, other): one}


def shifted_block(desk: Desk) -> Incident:
    found = desk.pick_file()
    if found is None:
        return {}
    area, time = found
    length, step = desk.between(3, 9), desk.one_of(1, 1, -1)
    begin = desk.between(0, max(0, desk.rows - length))
    rows = [index for index in range(begin, min(begin + length, desk.rows)) if not desk.percentages[index]]
    rows = rows if step == 1 else rows[::-1]
    wrong = {(area, time, row): desk.true[area, time, before] for before, row in pairwise(rows)}
    if rows and desk.chance(0.4):
        wrong[area, time, rows[0]] = 0.0
    return wrong


def stale_copy(desk: Desk) -> Incident:
    found = desk.pick_file(first=1)
    if found is None:
        return {}
    area, time = found
    lag = desk.one_of(1, 2, desk.between(1, 6), desk.a_year, p=[0.6, 0.15, 0.15, 0.1])
    if time < lag:
        return {}
    wrong = {(area, time, index): desk.true[area, time - lag, index] for index in range(desk.rows)}
    if desk.chance(0.5):  # some rows were typed anew
        for index in desk.rng.choice(desk.rows, size=min(desk.rows, desk.between(1, 4)), replace=False):
            wrong.pop((area, time, int(index)))
    return wrong


def cumulative_reported(desk: Desk) -> Incident:
    if desk.a_year == 1:
        return {}
    cell = desk.pick_cell(1, desk.flows, first=1)
    if cell is None or cell[1] % desk.a_year == 0:
        return {}
    area, time, index = cell
    rows = desk.flows if desk.chance(0.35) else [index]
    year_end = time - time % desk.a_year + desk.a_year
    last = min(time + desk.one_of(1, desk.between(2, 6)), year_end, desk.periods)
    wrong = {}
    for moment in range(time, last):
        months = desk.true[area, time - time % desk.a_year : moment + 1, :]
        for row in rows:
            wrong[area, moment, int(row)] = float(np.nansum(months[:, row]))
    return wrong


def increment_reported(desk: Desk) -> Incident:
    cell = desk.pick_cell(5, desk.stocks, first=1)
    if cell is None:
        return {}
    area, time, index = cell
    rows = desk.stocks if desk.chance(0.3) else [index]
    wrong = {}
    for row in rows:
        now, before = desk.true[area, time, row], desk.true[area, time - 1, row]
        if now >= 5:
            wrong[area, time, int(row)] = max(0.0, now - before)
    return wrong


def blank_as_zero(desk: Desk) -> Incident:
    cell = desk.pick_cell(2)
    if cell is None:
        return {}
    area, time, index = cell
    some = range(index, min(desk.rows, index + desk.between(2, 8)))
    rows = desk.one_of([index], some, range(desk.rows), p=[0.7, 0.25, 0.05])
    return {(area, time, row): 0.0 for row in rows}


def wrong_unit_file(desk: Desk) -> Incident:
    found = desk.pick_file()
    if found is None:
        return {}
    area, time = found
    other = desk.neighbour(area, time) if desk.chance(0.8) else desk.between(0, desk.communes - 1)
    if other is None or other == area:
        return {}
    return {(area, time, index): desk.true[other, time, index] for index in range(desk.rows)}


def double_count(desk: Desk) -> Incident:
    cell = desk.pick_cell(3)
    if cell is None:
        return {}
    area, time, index = cell
    children = [child for child, whole in desk.wholes.items() if whole == index]
    if children and desk.chance(0.3):  # "of which" added once more
        return {cell: desk.true[cell] + desk.true[area, time, desk.one_of(*children)]}
    rows = range(index, min(desk.rows, index + desk.between(2, 5))) if desk.chance(0.3) else [index]
    return {(area, time, row): 2 * desk.true[area, time, row] for row in rows if not desk.percentages[row]}


def upper_level_total(desk: Desk) -> Incident:
    cell = desk.pick_cell(1)
    if cell is None:
        return {}
    area, time, index = cell
    near = desk.districts == desk.districts[area]
    rows = range(index, min(desk.rows, index + desk.between(2, 6))) if desk.chance(0.25) else [index]
    return {
        (area, time, row): float(np.nansum(desk.true[near, time, row])) for row in rows if not desk.percentages[row]
    }


def relation_broken(desk: Desk) -> Incident:
    if desk.drivers and desk.chance(0.3):  # people came, but there was no meeting
        child = desk.one_of(*desk.drivers)
        for _ in range(60):
            area, time = desk.between(0, desk.communes - 1), desk.between(0, desk.periods - 1)
            usual = desk.usual(area, child)
            if desk.true[area, time, desk.drivers[child]] == 0 and usual > 0:
                return {(area, time, child): np.round(usual * desk.rng.uniform(0.5, 1.5)) + 1}
        return {}
    if not desk.wholes:
        return {}
    child = desk.one_of(*desk.wholes)
    cell = desk.pick_cell(5, np.array([desk.wholes[child]]))
    if cell is None:
        return {}
    area, time, whole = cell
    return {(area, time, child): np.floor(desk.true[area, time, whole] * desk.rng.uniform(1.05, 1.7)) + 1}


def fabricated_pattern(desk: Desk) -> Incident:
    if desk.chance(0.25) or desk.periods < 5:  # a whole report of round numbers
        found = desk.pick_file()
        if found is None:
            return {}
        area, time = found
        wrong = {}
        for row in desk.flows:
            value = desk.true[area, time, row]
            if value >= 4:
                unit = 10 if value < 150 else 50 if value < 800 else 100
                wrong[area, time, int(row)] = max(unit, unit * np.round(value * desk.rng.uniform(0.8, 1.3) / unit))
        return wrong
    cell = desk.pick_cell(4, desk.flows)
    if cell is None:
        return {}
    area, _, row = cell
    length = desk.between(5, min(10, desk.periods))
    begin = desk.between(0, desk.periods - length)
    usual = np.round(desk.usual(area, row))
    unit = 5 if usual < 40 else 10 if usual < 200 else 50
    kind = desk.one_of("equal", "series", "round")
    step = desk.one_of(1, 2, 3, -1) * max(1.0, np.round(usual / 25))
    wrong = {}
    for place in range(length):
        if kind == "equal":
            value = usual
        elif kind == "series":
            value = max(1.0, usual + step * (place - length // 2))
        else:
            value = max(unit, unit * (np.round(usual / unit) + desk.between(-1, 1)))
        wrong[area, begin + place, row] = value
    return wrong


# Kinds that no check has a name for.


def odd_unit(desk: Desk) -> Incident:
    """Persons for households, dozens, minutes for hours."""
    factor = desk.one_of(3.6, 1 / 3.6, 12, 1 / 12, 7, 60, 24, 2.5, 0.4)
    return _keep_on(desk, desk.pick_cell(max(4, 3 / factor)), lambda value: float(np.round(value * factor)), 0.3)


def plan_for_result(desk: Desk) -> Incident:
    """The round figure of the plan for the year, or a month's part of it."""
    cell = desk.pick_cell(3, desk.flows)
    if cell is None:
        return {}
    area, _, row = cell
    year = desk.usual(area, row) * desk.a_year * desk.rng.uniform(1.05, 1.4)
    plan = 10 * np.ceil(year / 10) if year > 40 else np.ceil(year)
    return {cell: plan if desk.chance(0.6) or desk.a_year == 1 else np.ceil(plan * 1.3 / desk.a_year / 5) * 5}


def half_the_villages(desk: Desk) -> Incident:
    found = desk.pick_file()
    if found is None:
        return {}
    area, time = found
    share = desk.rng.uniform(0.3, 0.65)
    draw = desk.rng.normal(share, 0.07, desk.rows).clip(0.05, 0.9)
    return {(area, time, int(row)): float(np.round(desk.true[area, time, row] * draw[row])) for row in desk.counts}


def typed_down(desk: Desk) -> Incident:
    cell = desk.pick_cell(2)
    if cell is None:
        return {}
    area, time, index = cell
    rows = range(index + 1, min(desk.rows, index + desk.between(3, 8)))
    return {(area, time, row): desk.true[cell] for row in rows if not desk.percentages[row]}


def three_digits(desk: Desk) -> Incident:
    return _keep_on(desk, desk.pick_cell(1000), lambda value: float(str(int(value))[:3]), 0.3)


def row_below_last_period(desk: Desk) -> Incident:
    cell = desk.pick_cell(1, first=1)
    if cell is None:
        return {}
    area, time, index = cell
    other = index + desk.one_of(-1, 1)
    return {cell: desk.true[area, time - 1, other]} if 0 <= other < desk.rows else {}


def next_hundred(desk: Desk) -> Incident:
    return _keep_on(desk, desk.pick_cell(11), lambda value: 100.0 * np.ceil(value / 100), 0.2)


def neighbours_cell(desk: Desk) -> Incident:
    cell = desk.pick_cell(1)
    if cell is None:
        return {}
    area, time, index = cell
    other = desk.neighbour(area, time)
    return {} if other is None else {cell: desk.true[other, time, index]}


def sum_of_two(desk: Desk) -> Incident:
    cell = desk.pick_cell(1)
    if cell is None or cell[2] + 1 >= desk.rows or desk.percentages[cell[2] + 1]:
        return {}
    area, time, index = cell
    return {cell: desk.true[cell] + desk.true[area, time, index + 1]}


def next_key(desk: Desk) -> Incident:
    cell = desk.pick_cell(100)
    if cell is None:
        return {}
    digits = list(str(int(desk.true[cell])))
    for place in desk.rng.choice(len(digits), size=min(len(digits), desk.between(2, 3)), replace=False):
        digits[place] = desk.one_of(*KEYBOARD[digits[place]])
    return {cell: float("".join(digits))}


def run_of_zeros(desk: Desk) -> Incident:
    cell = desk.pick_cell(4)
    if cell is None:
        return {}
    area, time, index = cell
    return {(area, moment, index): 0.0 for moment in range(time, min(desk.periods, time + desk.between(3, 6)))}


def last_file_and_a_bit(desk: Desk) -> Incident:
    """All flows of the last report, a few percent more."""
    found = desk.pick_file(first=1)
    if found is None:
        return {}
    area, time = found
    factor = 1 + desk.one_of(0.03, 0.05, 0.1, -0.05)
    before = desk.true[area, time - 1]
    return {(area, time, int(row)): float(np.round(before[row] * factor)) for row in desk.flows}


def quarter_for_month(desk: Desk) -> Incident:
    cell = desk.pick_cell(2, desk.flows, first=2)
    if cell is None:
        return {}
    area, time, row = cell
    return {cell: float(np.nansum(desk.true[area, time - 2 : time + 1, row]))}


def strange_number(desk: Desk) -> Incident:
    """A telephone number, a year, the number of the row, a minus sign."""
    cell = desk.pick_cell(1)
    if cell is None:
        return {}
    phone = float(900000000 + desk.between(0, 89999999))
    year, row = float(2020 + desk.between(0, 6)), float(cell[2] + 1)
    return {cell: desk.one_of(phone, year, row, -desk.true[cell], 1e15, p=[0.15, 0.3, 0.35, 0.15, 0.05])}


def one_village_added_up(desk: Desk) -> Incident:
    """One village was entered again and again: part of the flows of a report grow by a third to a half."""
    found = desk.pick_file()
    if found is None:
        return {}
    area, time = found
    extra = 1 + desk.rng.uniform(0.5, 1.2)
    rows = desk.rng.choice(desk.flows, size=max(1, len(desk.flows) // 2), replace=False) if len(desk.flows) else []
    return {(area, time, int(row)): float(np.round(desk.true[area, time, row] * extra)) for row in rows}


KNOWN = {  # cause → maker, and whether an incident is a whole file
    "scale_error": (scale_error, False),
    "digit_error": (digit_error, False),
    "swapped_cells": (swapped_cells, False),
    "shifted_block": (shifted_block, False),
    "stale_copy": (stale_copy, True),
    "cumulative_reported": (cumulative_reported, False),
    "increment_reported": (increment_reported, False),
    "blank_as_zero": (blank_as_zero, False),
    "wrong_unit_file": (wrong_unit_file, True),
    "double_count": (double_count, False),
    "upper_level_total": (upper_level_total, False),
    "relation_broken": (relation_broken, False),
    "fabricated_pattern": (fabricated_pattern, False),
}
NEW = {
    "odd_unit": (odd_unit, False),
    "plan_for_result": (plan_for_result, False),
    "half_the_villages": (half_the_villages, True),
    "typed_down": (typed_down, False),
    "three_digits": (three_digits, False),
    "row_below_last_period": (row_below_last_period, False),
    "next_hundred": (next_hundred, False),
    "neighbours_cell": (neighbours_cell, False),
    "sum_of_two": (sum_of_two, False),
    "next_key": (next_key, False),
    "run_of_zeros": (run_of_zeros, False),
    "last_file_and_a_bit": (last_file_and_a_bit, True),
    "quarter_for_month": (quarter_for_month, False),
    "strange_number": (strange_number, False),
    "one_village_added_up": (one_village_added_up, True),
}
