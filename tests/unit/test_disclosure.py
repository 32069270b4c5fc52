"""Small counts cannot be computed: an attacker of its own kind, with a linear programme over all that is published."""

import itertools
import random

import duckdb
import numpy as np
import pytest
from scipy.optimize import linprog

from tuquan import candidates, withholding
from tuquan.disclosure import CannotBeProtected, Problem, Sum

INDICATORS = {"cases": "sum", "settled": "sum", "persons": "last", "pct_settled": "recompute"}
CALENDAR = "administrative"
QUARTERS = [f"2026-Q{number}" for number in range(1, 5)]
# Three districts; one has a single commune, so that its total is the figure of that commune.
HOMES = {f"{number:05}": "001" if number < 5 else "002" if number < 9 else "003" for number in range(1, 10)}


def sealed(connection, period, figures):
    """Lay out the tables of a candidate as a database of its own in memory: communes and their plain totals."""
    connection.execute("attach ':memory:' as sealed; create schema sealed.marts; create schema sealed.quality")
    connection.execute("""
        create table sealed.marts.dim_indicators as
        select * from (values
            ('cases', true, 'sum', 'sum', null, null, null), ('settled', true, 'sum', 'sum', null, null, 'cases'),
            ('persons', true, 'sum', 'last', null, null, null),
            ('pct_settled', true, 'recompute', 'recompute', 'settled', 'cases', null)
        ) as lines (indicator, is_sensitive, rollup_areas, rollup_time, numerator, denominator, whole)
        cross join (select null::varchar as inflow, null::varchar as outflow, null::varchar as driver)
    """)
    connection.execute(
        "create table sealed.marts.dim_periods (calendar varchar, time_period varchar, "
        "previous_period varchar, period_end date)"
    )
    connection.executemany(
        "insert into sealed.marts.dim_periods values (?, ?, ?, null)",
        [[CALENDAR, quarter, before] for before, quarter in itertools.pairwise(QUARTERS)],
    )
    connection.execute(
        "create table sealed.marts.dim_period_parts (calendar varchar, time_period varchar, "
        "part_period varchar, position integer, parts_expected integer, part_frequency varchar)"
    )
    connection.executemany(
        "insert into sealed.marts.dim_period_parts values (?, '2026', ?, ?, 4, 'quarter')",
        [[CALENDAR, quarter, number] for number, quarter in enumerate(QUARTERS, start=1)],
    )
    shape = (
        "ref_area varchar, area_key varchar, district_area varchar, province_area varchar, calendar varchar, "
        "time_period varchar, indicator varchar, obs_value decimal(18, 4), value_status varchar, "
        "numerator decimal(18, 4), denominator decimal(18, 4)"
    )
    levels = {
        "commune": HOMES,
        "district": {home: home for home in HOMES.values()},
        "province": {"38": "38"},
        "national": {"VN": "VN"},
    }
    for level, table in candidates.OBSERVATIONS.items():
        connection.execute(f"create table sealed.{table} ({shape})")
        for area in levels[level]:
            inside = {"commune": [area], "district": [one for one in HOMES if HOMES[one] == area]}.get(level, HOMES)
            for indicator in INDICATORS:
                value = numerator = denominator = None
                if indicator == "pct_settled":
                    numerator, denominator = (
                        sum(figures[one, part] for one in inside) for part in ("settled", "cases")
                    )
                    value = round(100 * numerator / denominator, 4) if denominator else None
                else:
                    value = sum(figures[one, indicator] for one in inside)
                connection.execute(
                    f"insert into sealed.{table} values (?, ?, ?, '38', ?, ?, ?, ?, 'published', ?, ?)",
                    [area, area, HOMES.get(area), CALENDAR, period, indicator, value, numerator, denominator],
                )  # fmt: skip


class Office:
    """Publishes one release after the other, and keeps what each of them said."""

    def __init__(self):
        self.said = []
        self.tables = []  # (period, {level: rows as released})
        self.truth = []

    def publish(self, period, figures, copies=()):
        connection = duckdb.connect()
        sealed(connection, period, figures)
        if copies:
            connection.execute(
                "create table sealed.marts.completeness as select null::varchar as area_key, "
                "null::varchar as time_period, true as is_unchanged_copy where false"
            )
            connection.executemany("insert into sealed.marts.completeness values (?, ?, true)", copies)
        rules = withholding.read_rules(connection, "sealed")
        withholding.withhold(connection, "sealed", period, self.said)
        self.said.append(withholding.read_said(connection, "sealed", rules))
        released = {}
        columns = [name for name, *_ in connection.execute("describe sealed.marts.commune_observations").fetchall()]
        for level, table in candidates.OBSERVATIONS.items():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(withholding, "released_columns", lambda table=table: {table: columns})
                query = withholding.release_table(connection, "sealed", table)
            released[level] = [dict(zip(columns, row, strict=True)) for row in connection.execute(query).fetchall()]
        self.tables.append((period, released))
        self.truth.append((period, dict(figures)))
        return released


def attack(office):
    """Return the bounds of every small figure of a commune that is nowhere published, from published numbers alone.

    One unknown per release, area and count; figures that did not change between revisions are taken for the same, and
    longer periods for the sum of their parts, where that is so: whoever attacks may guess as much.
    """
    unknown = {}
    rows, right = [], []

    def variable(*name):
        return unknown.setdefault(name, len(unknown))

    def equation(row, value):
        rows.append(row)
        right.append(value)

    true = {}
    below = []
    for number, (_, released) in enumerate(office.tables):
        figures = office.truth[number][1]
        for level, lines in released.items():
            for line in lines:
                area, indicator = line["ref_area"], line["indicator"]
                inside = {"commune": [area], "district": [one for one in HOMES if HOMES[one] == area]}.get(level, HOMES)
                if indicator == "pct_settled":
                    for part, name in (("settled", "numerator"), ("cases", "denominator")):
                        if line[name] is not None:
                            equation({variable(number, level, area, part): 1}, float(line[name]))
                    if line["obs_value"] is not None:
                        share = float(line["obs_value"]) / 100
                        cell = {variable(number, level, area, "settled"): 1}
                        cases = variable(number, level, area, "cases")
                        below.append((cell | {cases: -share - 1e-6}, 0))
                        below.append(({key: -one for key, one in cell.items()} | {cases: share - 1e-6}, 0))
                    continue
                cell = variable(number, level, area, indicator)
                true[cell] = sum(figures[one, indicator] for one in inside)
                if line["obs_value"] is not None:
                    equation({cell: 1}, float(line["obs_value"]))
                if level != "commune":
                    equation({cell: -1} | {variable(number, "commune", one, indicator): 1 for one in inside}, 0)
        below += [
            ({variable(number, "commune", area, "settled"): 1, variable(number, "commune", area, "cases"): -1}, 0)
            for area in HOMES
        ]
    for one, other in itertools.combinations(range(len(office.tables)), 2):
        for level, area, indicator in {name[1:] for name in unknown}:
            first, second = (variable(number, level, area, indicator) for number in (one, other))
            same_period = office.tables[one][0] == office.tables[other][0]
            if same_period and true.get(first) == true.get(second):
                equation({first: 1, second: -1}, 0)
    newest = {period: number for number, (period, _) in enumerate(office.tables)}
    if {*QUARTERS, "2026"} <= newest.keys():
        for level, area, indicator in {name[1:] for name in unknown}:
            whole = variable(newest["2026"], level, area, indicator)
            parts = [variable(newest[quarter], level, area, indicator) for quarter in QUARTERS]
            parts = parts[-1:] if indicator == "persons" else parts
            if true[whole] == sum(true[part] for part in parts):
                equation({whole: -1} | dict.fromkeys(parts, 1), 0)

    def matrix(lines):
        filled = np.zeros((len(lines), len(unknown)))
        for number, line in enumerate(lines):
            for column, factor in line.items():
                filled[number, column] = factor
        return filled

    equal, above = matrix(rows), matrix([row for row, _ in below])
    published = {
        (period, line["ref_area"], line["indicator"], float(line["obs_value"]))
        for period, released in office.tables
        for line in released["commune"]
        if line["obs_value"] is not None
    }
    found = {}
    for number, (period, figures) in enumerate(office.truth):
        for (area, indicator), value in figures.items():
            if not 1 <= value <= 4 or (period, area, indicator, float(value)) in published:
                continue
            goal = np.zeros(len(unknown))
            goal[variable(number, "commune", area, indicator)] = 1
            ends = []
            for sign in (1, -1):
                answer = linprog(
                    sign * goal,
                    A_ub=above,
                    b_ub=np.zeros(len(below)),
                    A_eq=equal,
                    b_eq=right,
                    bounds=(0, 1e6),
                    method="highs",
                )
                assert answer.status == 0, answer.message
                ends.append(sign * answer.fun)
            found[period, number, area, indicator] = (value, *ends)
    return found


def some_figures(random_numbers):
    figures = {}
    for area in HOMES:
        figures[area, "cases"] = random_numbers.choice([0, 1, 2, 3, 4, 6, 9, 14, 30])
        figures[area, "settled"] = random_numbers.randint(0, figures[area, "cases"])
        figures[area, "persons"] = random_numbers.choice([0, 1, 3, 4, 7, 12])
    return figures


def corrected(figures, random_numbers):
    """One commune corrects its figures; all others stay."""
    area = random_numbers.choice(sorted(HOMES))
    changed = some_figures(random_numbers)
    return figures | {(area, name): changed[area, name] for name in ("cases", "settled", "persons")}


@pytest.mark.parametrize("seed", range(4))
def test_no_small_count_follows_from_all_that_is_published(seed):
    random_numbers = random.Random(seed)  # noqa: S311
    office = Office()
    quarters = {quarter: some_figures(random_numbers) for quarter in QUARTERS}
    for quarter in QUARTERS:
        office.publish(quarter, quarters[quarter])
    quarters["2026-Q2"] = corrected(quarters["2026-Q2"], random_numbers)
    office.publish("2026-Q2", quarters["2026-Q2"])
    year = {
        key: quarters["2026-Q4"][key] if key[1] == "persons" else sum(quarters[quarter][key] for quarter in QUARTERS)
        for key in quarters["2026-Q1"]
    }
    office.publish("2026", year)
    bounds = attack(office)
    assert len(bounds) > 20
    for place, (value, low, high) in bounds.items():
        assert low <= 1 + 1e-4, (place, value, low, high)
        assert high >= 4 - 1e-4, (place, value, low, high)


def test_the_attack_finds_what_is_not_protected():
    office = Office()
    figures = dict.fromkeys([(area, name) for area in HOMES for name in ("cases", "settled", "persons")], 9)
    figures["00001", "persons"] = 3
    released = office.publish("2026-Q1", figures)
    withheld = [line for line in released["commune"] if line["value_status"] == "withheld"]
    assert {(line["ref_area"], line["indicator"]) for line in withheld} > {("00001", "persons")}
    for line in released["commune"]:
        if line["value_status"] == "withheld" and line["ref_area"] != "00001":
            line["obs_value"] = figures[line["ref_area"], line["indicator"]]  # as if nothing but the small one were
    assert attack(office)["2026-Q1", 0, "00001", "persons"] == (3, pytest.approx(3), pytest.approx(3))


def test_the_total_of_a_district_with_one_commune_is_withheld_with_it():
    figures = dict.fromkeys([(area, name) for area in HOMES for name in ("cases", "settled", "persons")], 20)
    figures["00009", "persons"] = 2
    released = Office().publish("2026-Q1", figures)
    districts = {
        line["ref_area"]: line["value_status"] for line in released["district"] if line["indicator"] == "persons"
    }
    assert districts["003"] == "withheld"
    assert "withheld" in (districts["001"], districts["002"])
    assert {line["value_status"] for line in released["province"]} == {"published"}


def test_a_ratio_goes_with_its_parts():
    figures = dict.fromkeys([(area, name) for area in HOMES for name in ("cases", "settled", "persons")], 20)
    figures["00001", "settled"] = 3
    for line in Office().publish("2026-Q1", figures)["commune"]:
        if line["ref_area"] == "00001" and line["indicator"] in ("settled", "pct_settled"):
            assert (line["value_status"], line["obs_value"], line["numerator"], line["denominator"]) == (
                *("withheld", None, None, None),
            )


def test_a_revision_that_would_tell_a_figure_by_its_difference_withholds_totals():
    office = Office()
    figures = dict.fromkeys([(area, name) for area in HOMES for name in ("cases", "settled", "persons")], 20)
    office.publish("2026-Q1", figures)
    released = office.publish("2026-Q1", figures | {("00001", "persons"): 3})
    told = [line for level in ("district", "province", "national") for line in released[level]]
    persons = {line["ref_area"]: line["value_status"] for line in told if line["indicator"] == "persons"}
    assert persons == {"001": "withheld", "002": "published", "003": "published", "38": "withheld", "VN": "withheld"}
    assert all(line["value_status"] == "published" for line in told if line["indicator"] == "cases")


def test_a_copy_of_the_period_before_tells_nothing_either():
    """A report that is told to be a copy has the figures of the period before, and those are published."""
    figures = dict.fromkeys([(area, name) for area in HOMES for name in ("cases", "settled", "persons")], 20)
    office = Office()
    office.publish("2026-Q1", figures)
    figures |= {("00001", "persons"): 3, ("00003", "persons"): 40}
    copies = [("00002", "2026-Q2")]
    persons = {
        line["ref_area"]: line["value_status"]
        for line in office.publish("2026-Q2", figures, copies)["commune"]
        if line["indicator"] == "persons"
    }
    assert persons["00001"] == "withheld"
    assert persons["00002"] == "published"  # to withhold it would hide nothing
    assert "withheld" in (persons["00003"], persons["00004"])


def test_what_is_public_already_cannot_be_protected():
    problem = Problem(
        values={"a": 3, "b": 9, "total": 12},
        hidden={"a"},
        protected={"a"},
        candidates={},
        sums=[Sum("total", ("a", "b"))],
    )
    assert problem.bounds("a") == (3, 3)
    with pytest.raises(CannotBeProtected, match="1 small figures"):
        problem.protect()


def test_a_release_that_would_tell_a_figure_whatever_it_withholds_is_refused_in_words():
    office = Office()
    figures = dict.fromkeys([(area, name) for area in HOMES for name in ("cases", "settled", "persons")], 20)
    for quarter in QUARTERS[:3]:
        office.publish(quarter, figures)
    office.publish("2026", {key: 63 if key == ("00001", "cases") else 80 for key in figures})
    with pytest.raises(
        withholding.NotProtected, match=r"2026-Q4 may not be published: 1 small counts .*00001 cases 2026-Q4"
    ):
        office.publish("2026-Q4", figures | {("00001", "cases"): 3})


def test_figures_of_zero_hide_nothing():
    problem = Problem(
        values={"a": 3, "b": 0, "c": 7, "total": 10},
        hidden={"a"},
        protected={"a"},
        candidates={"b": 0, "c": 0, "total": 1},
        sums=[Sum("total", ("a", "b", "c"))],
    )
    assert problem.protect() == {"c"}
    assert problem.bounds("a") == (1, 9)
