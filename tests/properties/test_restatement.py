"""Over any history of the map nothing is lost or counted twice: sums are equal as reported and on any other day's map.

Histories are drawn: communes merge, divide, take over others, pass parts on, get other names, move to another district
of their province, end without a successor, or begin later than those before them ended; and reports come from some of
those that were in force in a month, before or after a change. What the models make of them is laid beside a walk over
the same history in plain Python, with fractions instead of floating points.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import given, strategies as st
from replayed_models import Replica, examples
from small_country import (
    BEGIN,
    COUNTRY,
    WITH_ONE_DECIMAL,
    Area,
    Change,
    Report,
    area_rows,
    catalogue,
    change_rows,
    raw_rows,
)

from tuquan.vocabulary.periods import Period, parse_period

MOVING = ("areas", "area_changes", "raw.submissions", "raw.cells")
MODELS = ("commune_observations", "province_observations", "national_observations", "area_map", "dim_area_ancestors")
PERIODS = ("2025-M02", "2025-M03", "2025-M04", "2025-M05")
# The first day of the administrative month 2025-M03, two inside it, its last, and one inside 2025-M05.
CHANGE_DAYS = (date(2025, 2, 15), date(2025, 3, 3), date(2025, 3, 10), date(2025, 3, 14), date(2025, 4, 20))
DAYS = (date(2025, 1, 20), date(2025, 3, 3), date(2025, 3, 12), date(2025, 4, 1), date(2025, 6, 1))
DISTRICTS = {"001": "01", "002": "01", "003": "02"}
KINDS = {row["indicator"]: row["rollup_areas"] for row in catalogue()}
ADDITIVE = sorted(name for name, rule in KINDS.items() if rule in ("sum", "register"))
CLASSES = sorted(name for name, rule in KINDS.items() if rule == "count_true")
RATIO, RATIO_OF_CLASSES = "pct_households_pledged", "pct_communes_pledged"
NOT_ADDITIVE = sorted({name for name, rule in KINDS.items() if rule in ("bounds", "count_true")} | {RATIO_OF_CLASSES})


@dataclass
class History:
    """What became of the areas, as it is drawn."""

    areas: list[Area] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    codes: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def begin(self, day: date, district: str, code: str = "") -> Area:
        area = Area(code or f"{next(self.codes):05}", "commune", district, day)
        self.areas.append(area)
        return area

    def end(self, area: Area, day: date) -> Area:
        """Let ``area`` end; in changes it is called by its key, which stays."""
        ended = replace(area, valid_to=day)
        self.areas[self.areas.index(area)] = ended
        return ended

    def pass_on(self, day: date, before: Area, after: Area, share: Fraction, basis: str = "only_successor") -> None:
        self.changes.append(Change(day, before, after, Decimal(share.numerator) / share.denominator, basis))

    @property
    def communes(self) -> list[Area]:
        return [area for area in self.areas if area.level == "commune"]


@st.composite
def histories(draw) -> tuple[History, bool]:
    """Draw a history, and whether all shares in it are so many 64ths, which floating points hold exactly."""
    is_exact = draw(st.booleans())
    history = History()
    history.areas.append(Area(COUNTRY, "country", "", BEGIN))
    history.areas += [Area(code, "province", COUNTRY, BEGIN) for code in sorted(set(DISTRICTS.values()))]
    history.areas += [Area(code, "district", province, BEGIN) for code, province in DISTRICTS.items()]
    for district in DISTRICTS:
        for _ in range(draw(st.integers(1, 3))):
            history.begin(BEGIN, district)
    for day in sorted(draw(st.sets(st.sampled_from(CHANGE_DAYS), min_size=1, max_size=4))):
        free = {area.area_key for area in history.communes if area.in_force(day) and area.valid_from < day}
        for kind in draw(st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=3)):
            province = draw(st.sampled_from(sorted(set(DISTRICTS.values()))))
            live = [a for a in history.communes if a.area_key in free and DISTRICTS[a.parent_area] == province]
            least, change = CHANGES[kind]
            if len(live) >= least:
                chosen = draw(st.permutations(live))[: draw(st.integers(least, least + 1))]
                free -= {area.area_key for area in chosen}
                change(draw, history, day, chosen, is_exact)
    return history, is_exact


def _shares(draw, parts: int, is_exact: bool) -> list[Fraction]:
    whole = 64 if is_exact else 1_000_000
    cuts = sorted(draw(st.sets(st.integers(1, whole - 1), min_size=parts - 1, max_size=parts - 1)))
    return [Fraction(right - left, whole) for left, right in pairwise([0, *cuts, whole])]


def _merge(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    code = draw(st.sampled_from(["", chosen[0].ref_area]))
    ended = [history.end(area, day) for area in chosen]
    after = history.begin(day, chosen[-1].parent_area, code)
    for before in ended:
        history.pass_on(day, before, after, Fraction(1))


def _take_over(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    """The one that takes the others over stays what it was, key and all."""
    for before in chosen[1:]:
        history.pass_on(day, history.end(before, day), chosen[0], Fraction(1), "assumed_whole")


def _divide(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    before = history.end(chosen[0], day)
    for share in _shares(draw, draw(st.integers(2, 4)), is_exact):
        history.pass_on(day, before, history.begin(day, before.parent_area), share, "equal_split_estimate")
    if draw(st.booleans()):  # somebody gets land on which nobody lives
        history.pass_on(day, before, history.begin(day, before.parent_area), Fraction(0), "area_only")


def _redraw(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    """One goes over whole together with a part of another, whose rest goes elsewhere."""
    whole, parted = (history.end(area, day) for area in chosen[:2])
    one, other = history.begin(day, whole.parent_area), history.begin(day, parted.parent_area)
    history.pass_on(day, whole, one, Fraction(1))
    for after, share in zip((one, other), _shares(draw, 2, is_exact), strict=True):
        history.pass_on(day, parted, after, share, "whole_population")


def _rename(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    before = history.end(chosen[0], day)
    history.begin(day, before.parent_area, before.ref_area)


def _transfer(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    before = history.end(chosen[0], day)
    others = [code for code, province in DISTRICTS.items() if province == DISTRICTS[before.parent_area]]
    after = history.begin(day, draw(st.sampled_from(others)), before.ref_area)
    if draw(st.booleans()):
        history.pass_on(day, before, after, Fraction(1))


def _vanish(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    history.end(chosen[0], day)


def _begin_late(draw, history: History, day: date, chosen: Sequence[Area], is_exact: bool) -> None:
    before = history.end(chosen[0], day)
    history.pass_on(day, before, history.begin(day + timedelta(days=25), before.parent_area), Fraction(1))


# By name: how many communes it takes, and what it does to them.
CHANGES: dict[str, tuple[int, Callable[..., None]]] = {
    "merge": (2, _merge),
    "take over": (2, _take_over),
    "divide": (1, _divide),
    "redraw": (2, _redraw),
    "rename": (1, _rename),
    "transfer": (1, _transfer),
    "vanish": (1, _vanish),
    "begin late": (1, _begin_late),
}

COUNTS = st.one_of(st.integers(0, 20), st.integers(0, 2_000_000), st.none(), st.just("held"))
FIGURES = st.fixed_dictionaries(
    {row["indicator"]: COUNTS for row in catalogue() if row["form"] and row["rollup_areas"] != "count_true"}
    | {row["indicator"]: st.sampled_from([0, 1, None]) for row in catalogue() if row["rollup_areas"] == "count_true"}
    | {WITH_ONE_DECIMAL: st.one_of(st.integers(0, 9999).map(lambda tenths: Decimal(tenths) / 10), st.none())}
)


@st.composite
def reported_histories(draw) -> tuple[History, bool, list[Report], list[date]]:
    """Draw a history, reports of some communes that were in force on some day of a month, and days to restate to."""
    history, is_exact = draw(histories())
    reports = []
    for code in PERIODS:
        period = parse_period(code)
        for area in history.communes:
            ends = area.valid_to or date.max
            if area.valid_from <= period.end and period.start < ends and draw(st.integers(0, 4)):
                reports.append(Report(area, code, draw(FIGURES)))
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=2, unique=True))
    return history, is_exact, reports, days


class Walk:
    """The oracle: where the figures of a commune version lie on the map of a day, found step by step."""

    def __init__(self, history: History) -> None:
        self.areas = {area.area_key: area for area in history.communes}
        self.successors: dict[str, list[tuple[str, Fraction, bool]]] = {}
        self.days: dict[str, date] = {}  # on which a version handed on
        for change in history.changes:
            if change.share > 0:
                is_estimated = change.share < 1 or change.share_basis.endswith("estimate")
                step = (change.after.area_key, Fraction(change.share), is_estimated)
                self.successors.setdefault(change.before.area_key, []).append(step)
                self.days[change.before.area_key] = change.event_date
        for area in history.communes:
            goes_on = [one.area_key for one in history.communes
                       if one.ref_area == area.ref_area and one.valid_from == area.valid_to]  # fmt: skip
            if goes_on and area.area_key not in self.successors:
                self.successors[area.area_key] = [(goes_on[0], Fraction(1), False)]
                self.days[area.area_key] = area.valid_to

    def map_of(self, day: date) -> dict[str, dict[str, tuple[Fraction, bool]]]:
        """Return for each version who has which share of its figures on ``day``, and whether that is an estimate."""
        towards_later = {key: self._onward(key, day) for key, area in self.areas.items() if area.valid_from <= day}
        return towards_later | {key: self._back(key, day) for key, area in self.areas.items() if area.valid_from > day}

    def _onward(self, key: str, day: date) -> dict[str, tuple[Fraction, bool]]:
        ends = self.areas[key].valid_to
        if ends is None or ends > day or key not in self.successors:
            return {key: (Fraction(1), False)}
        found: dict[str, tuple[Fraction, bool]] = {}
        for after, share, is_estimated in self.successors[key]:
            for last, (part, is_estimated_later) in self._onward(after, day).items():
                before, was_estimated = found.get(last, (Fraction(0), False))
                found[last] = (before + share * part, was_estimated or is_estimated or is_estimated_later)
        return found

    def _back(self, key: str, day: date) -> dict[str, tuple[Fraction, bool]]:
        weights = {one: self._flow(one, key) for one, area in self.areas.items() if area.in_force(day)}
        origins = {one: weight for one, weight in weights.items() if weight}
        if not origins:
            return {key: (Fraction(1), False)}
        return {one: (weight / sum(origins.values()), len(origins) > 1) for one, weight in origins.items()}

    def _flow(self, one: str, other: str) -> Fraction:
        """Return which share of ``one`` goes into ``other`` in the end, whatever ``other`` becomes later."""
        if one == other:
            return Fraction(1)
        return sum((share * self._flow(after, other) for after, share, _ in self.successors.get(one, ())), Fraction(0))

    def hands_on(self, before: str, after: str, period: Period) -> bool:
        """Return whether ``after`` has something of ``before`` through changes inside ``period``."""
        if before not in self.days or not period.start < self.days[before] <= period.end:
            return False
        return any(one == after or self.hands_on(one, after, period) for one, *_ in self.successors[before])


def portions(figure: Decimal, shares: Sequence[Fraction], decimals: int) -> list[Fraction]:
    """Share out whole units by largest remainder; the first of equal remainders goes first."""
    units = Fraction(figure) * 10**decimals
    exact = [units * share for share in shares]
    whole = [floor(part) for part in exact]
    by_remainder = sorted(range(len(shares)), key=lambda index: (whole[index] - exact[index], index))
    for index in by_remainder[: int(units) - sum(whole)]:
        whole[index] += 1
    return [Fraction(part, 10**decimals) for part in whole]


@pytest.fixture(scope="module")
def replica(recording):
    return Replica(recording, MOVING, MODELS)


def test_a_territory_that_changes_twice_in_one_month_is_counted_once(replica):
    history = History()
    history.areas += [Area(COUNTRY, "country", "", BEGIN), Area("01", "province", COUNTRY, BEGIN)]
    history.areas.append(Area("001", "district", "01", BEGIN))
    first = history.begin(BEGIN, "001")
    for day in (date(2025, 3, 3), date(2025, 3, 10)):
        before = history.end(history.communes[-1], day)
        history.pass_on(day, before, history.begin(day, "001"), Fraction(1))
    reports = [Report(area, "2025-M03", {"households_total": 100}) for area in (first, history.communes[-1])]
    _lay_out(replica, history, reports)

    query = "select obs_value, areas_included from marts.province_observations where indicator = 'households_total'"
    assert replica.rows(query) == [(100, 1)]


@examples(12)
@given(reported_histories())
def test_nothing_is_lost_or_counted_twice_on_any_map(replica, drawn):
    history, is_exact, reports, days = drawn
    walk = Walk(history)
    _lay_out(replica, history, reports)

    observations = _records(replica, "marts.commune_observations")
    _each_territory_is_counted_once(walk, reports, observations)
    _sums_are_those_of_the_communes(history, observations, replica)
    for day in days:
        _the_map_is_the_walk(walk, day, replica)
        _sums_are_equal_on_both_maps(day, replica)
        _figures_of_communes_are_moved_by_the_map(walk, day, is_exact, observations, replica)
        _areas_are_counted_where_none_changed(walk, day, observations, replica)


def _lay_out(replica: Replica, history: History, reports: Sequence[Report]) -> None:
    replica.clear()
    for seed, rows in (("areas", area_rows(history.areas)), ("area_changes", change_rows(history.changes))):
        replica.connection.execute(f"delete from seeds.{seed}")
        blanks_are_null = [{name: value or None for name, value in row.items()} for row in rows]
        replica.append({f"seeds.{seed}": blanks_are_null})
    replica.append(raw_rows(reports))
    replica.build(PERIODS[-1], on_top=False)


def _records(replica: Replica, query: str) -> list[dict]:
    result = replica.connection.execute(f"from {query}")
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _each_territory_is_counted_once(walk: Walk, reports: Sequence[Report], observations: list[dict]) -> None:
    """Of a month with a change either vintage counts, never both for one territory, and one of them always does."""
    sent: dict[str, dict[str, Report]] = defaultdict(dict)
    for report in reports:
        sent[report.time_period][report.area.area_key] = report
    told = {(row["area_key"], row["time_period"], row["indicator"]): row for row in observations}
    for time_period, by_key in sent.items():
        period = parse_period(time_period)
        counted = {
            key for key in by_key if told[key, time_period, "households_total"]["value_status"] != "not_applicable"
        }
        for key, report in by_key.items():
            relatives = {one for one in by_key if walk.hands_on(one, key, period) or walk.hands_on(key, one, period)}
            if key in counted:
                assert not relatives & counted, f"{key} and {relatives & counted} are one territory in {time_period}"
                for name, value in report.figures.items():
                    row = told[key, time_period, name]
                    assert row["obs_value"] == (None if value == "held" else value), (key, time_period, name)
            else:
                assert relatives & counted, f"{key} is lost in {time_period}"
                assert not (report.area.valid_from <= period.start and report.area.in_force(period.end))


def _sums_are_those_of_the_communes(history: History, observations: list[dict], replica: Replica) -> None:
    provinces = {area.area_key: DISTRICTS[area.parent_area] for area in history.communes}
    sums: dict[tuple[str, ...], Decimal] = {}
    for row in observations:
        if row["indicator"] in ADDITIVE and row["obs_value"] is not None:
            for area in (provinces[row["area_key"]], COUNTRY):
                key = (area, row["time_period"], row["indicator"])
                sums[key] = sums.get(key, Decimal(0)) + row["obs_value"]
    assert (
        _sums(replica, "marts.province_observations", "obs_value")
        | _sums(replica, "marts.national_observations", "obs_value")
        == sums
    )


def _sums(replica: Replica, query: str, value: str) -> dict[tuple[str, ...], Decimal]:
    return {
        (row["ref_area"], row["time_period"], row["indicator"]): row[value]
        for row in _records(replica, query)
        if row["indicator"] in ADDITIVE and row[value] is not None
    }


def _the_map_is_the_walk(walk: Walk, day: date, replica: Replica) -> None:
    mapped: dict[str, dict[str, tuple[float, bool]]] = defaultdict(dict)
    for row in _records(replica, f"marts.area_map_on(date '{day}')"):
        mapped[row["from_key"]][row["to_key"]] = (pytest.approx(row["share"], abs=1e-9), row["is_estimated"])
        assert row["is_on_map"] == walk.areas[row["to_key"]].in_force(day)
    for key, shares in walk.map_of(day).items():
        assert sum(share for share, _ in shares.values()) == 1
        walked = {to_key: (float(share), is_estimated) for to_key, (share, is_estimated) in shares.items()}
        assert walked == mapped.pop(key), (key, day)
    assert not mapped


def _sums_are_equal_on_both_maps(day: date, replica: Replica) -> None:
    reported = _sums(replica, "marts.province_observations", "obs_value")
    assert _sums(replica, f"marts.province_restated_on(date '{day}')", "restated_value") == reported
    national = _sums(replica, "marts.national_observations", "obs_value")
    assert _sums(replica, f"marts.national_restated_on(date '{day}')", "restated_value") == national
    included = {
        (row["ref_area"], row["time_period"], row["indicator"]): row["areas_included"]
        for row in _records(replica, "marts.province_observations")
        if row["areas_included"]
    }
    for row in _records(replica, f"marts.province_restated_on(date '{day}')"):
        if row["indicator"] in ADDITIVE:
            key = (row["ref_area"], row["time_period"], row["indicator"])
            assert row["areas_included"] == included.get(key, 0), key
            assert not row["is_estimated"], "a commune was divided inside its province"
    of_communes: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in _records(replica, f"marts.commune_restated_on(date '{day}')"):
        if row["indicator"] in ADDITIVE and row["restated_value"] is not None:
            of_communes[row["district_area"], row["time_period"], row["indicator"]] += row["restated_value"]
    assert _sums(replica, f"marts.district_restated_on(date '{day}')", "restated_value") == of_communes


def _figures_of_communes_are_moved_by_the_map(
    walk: Walk, day: date, is_exact: bool, observations: list[dict], replica: Replica
) -> None:
    area_map = {key: dict(sorted(shares.items())) for key, shares in walk.map_of(day).items()}
    arriving: dict[tuple[str, str, str], list[tuple[dict, list[Fraction], int, bool]]] = defaultdict(list)
    for row in observations:
        if row["value_status"] == "not_applicable" and row["numerator"] is None:
            continue
        shares = [share for share, _ in area_map[row["area_key"]].values()]
        for position, (to_key, (_, is_estimated)) in enumerate(area_map[row["area_key"]].items()):
            arriving[to_key, row["time_period"], row["indicator"]].append((row, shares, position, is_estimated))
    restated = {
        (row["area_key"], row["time_period"], row["indicator"]): row
        for row in _records(replica, f"marts.commune_restated_on(date '{day}')")
    }
    assert set(restated) == set(arriving)
    for key, came in arriving.items():
        row = restated[key]
        if key[2] in NOT_ADDITIVE:
            is_unchanged = len(came) == 1 and len(came[0][1]) == 1
            assert row["restated_value"] == (came[0][0]["obs_value"] if is_unchanged else None), key
            assert is_unchanged or row["value_status"] == "not_restatable", key
            continue
        assert row["is_estimated"] == any(is_estimated for *_, is_estimated in came), key
        # Of other shares floating points may take the other one of two equal remainders.
        is_sure = is_exact and all(
            share.denominator & (share.denominator - 1) == 0 for _, shares, *_ in came for share in shares
        )
        for column, source in _columns(key[2]):
            decimals = 1 if key[2] == WITH_ONE_DECIMAL else 0
            figures = [(one[source], shares, position) for one, shares, position, _ in came if one[source] is not None]
            if not figures:
                assert row[column] is None, key
                continue
            assert row[column] * 10**decimals == int(row[column] * 10**decimals), (key, "is no whole figure")
            moved = sum((portions(figure, shares, decimals)[place] for figure, shares, place in figures), Fraction(0))
            if is_sure:
                assert Fraction(row[column]) == moved, (key, column)
            assert abs(Fraction(row[column]) - moved) <= Fraction(len(figures), 10**decimals), (key, column)
        if key[2] == RATIO and row["denominator"]:
            expected = 100 * Fraction(row["numerator"]) / Fraction(row["denominator"])
            assert abs(Fraction(row["restated_value"]) - expected) <= Fraction(1, 10_000), key


def _areas_are_counted_where_none_changed(walk: Walk, day: date, observations: list[dict], replica: Replica) -> None:
    """Yes or no adds up to a number of communes; that stays while every commune in it went over whole and alone."""
    area_map = walk.map_of(day)
    origins: dict[str, list[Area]] = defaultdict(list)
    for from_key, shares in area_map.items():
        for to_key in shares:
            origins[to_key].append(walk.areas[from_key])

    def is_whole(key: str) -> bool:
        if len(area_map[key]) > 1:
            return False
        area, (to_key,) = walk.areas[key], area_map[key]
        return not any(
            other.area_key != key
            and other.valid_from < (area.valid_to or date.max)
            and area.valid_from < (other.valid_to or date.max)
            for other in origins[to_key]
        )

    place = {
        row["area_key"]: {"district": row["district_area"], "province": row["province_area"], "national": COUNTRY}
        for row in _records(replica, f"marts.commune_restated_on(date '{day}')")
    }
    for level in ("district", "province", "national"):
        arriving: dict[tuple[str, str, str], list[dict]] = defaultdict(list)
        for row in observations:
            if row["value_status"] != "not_applicable" or row["numerator"] is not None:
                for to_key in area_map[row["area_key"]]:
                    arriving[place[to_key][level], row["time_period"], row["indicator"]].append(row)
        for row in _records(replica, f"marts.{level}_restated_on(date '{day}')"):
            key = (row["ref_area"], row["time_period"], row["indicator"])
            if key[2] not in (*CLASSES, RATIO_OF_CLASSES):
                continue
            came = arriving[key]
            figures = [one["obs_value"] for one in came if one["obs_value"] is not None]
            if not all(is_whole(one["area_key"]) for one in came):
                is_one = len(came) == 1 and len(area_map[came[0]["area_key"]]) == 1
                assert row["restated_value"] == (came[0]["obs_value"] if is_one else None), key
                assert is_one or row["value_status"] == "not_restatable", key
            elif not figures:
                assert row["restated_value"] is None, key
                assert row["value_status"] != "not_restatable", key
            elif key[2] in CLASSES:
                assert row["restated_value"] == sum(figure > 0 for figure in figures), key
            else:
                pledged = sum(one["numerator"] for one in came if one["obs_value"] is not None)
                assert row["denominator"] == len(figures), key
                assert row["restated_value"] == round(100 * pledged / len(figures), 4), key


def _columns(indicator: str) -> list[tuple[str, str]]:
    """Return the columns of a restated figure and those that they come from."""
    if indicator == RATIO:
        return [("numerator", "numerator"), ("denominator", "denominator")]
    return [("restated_value", "obs_value")]
