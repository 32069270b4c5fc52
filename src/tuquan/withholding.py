"""What a release must not say: small counts of persons and cases, what would tell them, and what is not for everybody.

The figures of a candidate lie whole in a sealed database that stays in the office; what is released is copied out of it
column by column (``expectations/released_columns.yml``), so that nothing withheld ever stands in a released file. What
all releases before have said counts as known (:mod:`tuquan.disclosure`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tuquan import candidates, settings, warehouse
from tuquan.candidates import quoted
from tuquan.disclosure import LEAST, SMALL, CannotBeProtected, Problem, Sum
from tuquan.vocabulary.periods import MONTHS_IN, parse_period
from tuquan.vocabulary.phrases import phrase

WITHHELD = "meta.withheld"  # in a sealed database: the figures that its release does not say
NUMBERS = ("obs_value", "numerator", "denominator", "lower_bound", "upper_bound", "estimated_value")
COMMUNE = "commune"
GROUP = "group"
_RANKS = {COMMUNE: 0, "district": 1, GROUP: 2, "province": 3, "national": 4}
_FIGURE_TABLES = {**candidates.OBSERVATIONS, GROUP: "marts.group_observations"}
_MOST_COMBINATIONS = 64  # of revisions of the parts of one period

_MEMBERS = """
select distinct members.group_kind || ':' || members.group_code, members.area_key
from intermediate.int_group_members as members
inner join {database}.marts.dim_periods as periods on periods.time_period = $time_period
    and members.valid_from <= periods.period_end
    and periods.period_end < coalesce(members.valid_to, date '9999-12-31')
where members.group_kind <> 'former_district'
"""
# A figure of a commune that is, or ever was, small: sentences about it quote it, or the figures beside it.
_EVER_SMALL = """
select distinct figures.area_key, figures.indicator
from marts.commune_observations as figures
inner join marts.dim_indicators as indicators on figures.indicator = indicators.indicator
where indicators.is_sensitive and figures.obs_value between {least} and {most}
"""


class NotProtected(RuntimeError):
    """A release would let somebody compute a small count; the message says which."""


class Figure(NamedTuple):
    """One line of a table of figures. ``area`` is the key of the area, or kind and code of a group."""

    level: str
    area: str
    ref_area: str
    district_area: str | None
    province_area: str | None
    calendar: str
    time_period: str
    indicator: str
    value: float | None
    status: str
    numerator: float | None
    denominator: float | None


class Cell(NamedTuple):
    """What can be known: the value of a figure. The same figure with the same value in two revisions is one cell."""

    level: str
    area: str
    calendar: str
    time_period: str
    indicator: str  # or "ratio/numerator": over the communes that have both parts
    value: float


@dataclass(frozen=True)
class Said:
    """The figures of one release of a period, and which of them it withholds."""

    figures: Sequence[Figure]
    withheld: frozenset[tuple[str, ...]]
    members: Sequence[tuple[str, str]]  # group, area_key
    # Communes whose report is told to be a copy of the one of the period before, with the period.
    copies: Sequence[tuple[str, str]] = ()

    def is_withheld(self, figure: Figure) -> bool:
        return _place(figure) in self.withheld


@dataclass(frozen=True)
class Rules:
    """What the catalogue says: which counts are sensitive, of which parts ratios consist, what is part of what."""

    indicators: dict[str, dict[str, Any]]

    @cached_property
    def counts(self) -> set[str]:
        return {name for name, row in self.indicators.items() if row["is_sensitive"] and row["rollup_areas"] == "sum"}

    @cached_property
    def ratios(self) -> dict[str, tuple[str, str]]:
        return {
            name: (row["numerator"], row["denominator"])
            for name, row in self.indicators.items()
            if {row["numerator"], row["denominator"]} & self.counts
        }

    @cached_property
    def cells(self) -> set[str]:
        """Counts whose figures hang together with sensitive ones."""
        related = {part for parts in self.ratios.values() for part in parts}
        related |= {whole for part, whole in self.wholes if part in self.counts}
        related |= {part for part, whole in self.wholes if whole in self.counts}
        return {
            name
            for name in self.counts | related
            if self.indicators.get(name, {}).get("rollup_areas") in ("sum", "register")
        }

    @cached_property
    def wholes(self) -> list[tuple[str, str]]:
        return [(name, row["whole"]) for name, row in self.indicators.items() if row["whole"]]

    @cached_property
    def movements(self) -> list[tuple[str, str, str]]:
        return [
            (name, row["inflow"], row["outflow"])
            for name, row in self.indicators.items()
            if name in self.counts and row["inflow"] and row["outflow"]
        ]

    def related(self, indicator: str) -> set[str]:
        """Indicators that a sentence about ``indicator`` may quote."""
        names = ("numerator", "denominator", "whole", "driver", "inflow", "outflow")
        found = {row[key] for row in [self.indicators.get(indicator, {})] for key in names if row.get(key)}
        return found | {name for name, row in self.indicators.items() if indicator in [row.get(key) for key in names]}


def withhold(connection: warehouse.Connection, sealed: str, time_period: str, earlier: Iterable[Said]) -> None:
    """Decide what the release of the attached database ``sealed`` withholds, prove it, and note it there.

    Args:
        connection: the warehouse, in use.
        sealed: name of the attached database with all tables of the candidate.
        time_period: its period.
        earlier: what the releases of related periods said; those of this period among them.

    Raises:
        NotProtected: a small count would follow from what is published already.
    """
    rules = read_rules(connection, sealed)
    now = read_said(connection, sealed, rules, read_members(connection, sealed, time_period))
    system = _System(rules, read_parts(connection, sealed), read_previous(connection, sealed))
    for said in earlier:
        system.add(said, is_new=False)
    system.add(now, is_new=True)
    try:
        hidden = system.solve()
    except CannotBeProtected as error:
        places = ", ".join(f"{cell.area} {cell.indicator} {cell.time_period}" for cell in error.names[:5])
        raise NotProtected(
            f"{time_period} may not be published: {len(error.names)} small counts of communes could be computed from "
            f"what is published already, whatever is withheld ({places}); correct the reports of those communes first"
        ) from error
    places = sorted({_place(figure) for figure in now.figures if system.is_hidden(figure, hidden)})
    connection.execute(f"create schema if not exists {sealed}.meta")
    connection.execute(
        f"create table {sealed}.{WITHHELD} "
        "(level varchar, area varchar, calendar varchar, time_period varchar, indicator varchar)"
    )
    if places:
        connection.executemany(f"insert into {sealed}.{WITHHELD} values (?, ?, ?, ?, ?)", places)


def read_rules(connection: warehouse.Connection, database: str) -> Rules:
    """Read what the catalogue of a release says about its indicators."""
    rows = warehouse.rows(connection, f"select * from {database}.marts.dim_indicators")
    return Rules({row["indicator"]: row for row in rows})


def read_members(connection: warehouse.Connection, database: str, time_period: str) -> list[tuple[str, str]]:
    """Return the communes of each other grouping of communes in a period."""
    if not warehouse.has_table(connection, "intermediate.int_group_members"):
        return []
    return connection.execute(_MEMBERS.format(database=database), {"time_period": time_period}).fetchall()


def read_parts(connection: warehouse.Connection, database: str) -> list[tuple[str, str, str, int, int, str]]:
    """Return which shorter periods fill a longer one: calendar, whole, part, position, number, length of the parts."""
    return connection.execute(
        "select calendar, time_period, part_period, position, parts_expected, part_frequency "
        f"from {database}.marts.dim_period_parts order by all"
    ).fetchall()


def read_previous(connection: warehouse.Connection, database: str) -> dict[tuple[str, str], str]:
    """Return the period before each period, by calendar and code."""
    rows = connection.execute(
        f"select calendar, time_period, previous_period from {database}.marts.dim_periods "
        "where previous_period is not null"
    ).fetchall()
    return {(calendar, period): previous for calendar, period, previous in rows}


def related_periods(rules: Rules, time_period: str, released: Iterable[str]) -> list[str]:
    """Return the released periods whose figures add up to those of ``time_period``, or that it runs on from or into."""
    asked = parse_period(time_period)
    shortest = min((MONTHS_IN[rules.indicators[name]["frequency"]] for name in rules.counts), default=0)
    related = []
    for code in released:
        period = parse_period(code)
        is_next = code == asked.previous.code or period.previous.code == time_period
        if period.months >= shortest and (period.year == asked.year or is_next):
            related.append(code)
    return related


def read_said(
    connection: warehouse.Connection, database: str, rules: Rules, members: Sequence[tuple[str, str]] = ()
) -> Said:
    """Read the figures of the sensitive indicators, and what is withheld of them, from an attached database."""
    known = candidates.tables_of(connection, database)
    wanted = ", ".join(f"'{quoted(name)}'" for name in sorted(rules.cells | rules.ratios.keys())) or "''"
    figures: list[Figure] = []
    for level, table in _FIGURE_TABLES.items():
        if table not in known:
            continue
        columns = {
            "area": "group_kind || ':' || ref_area" if level == GROUP else "area_key",
            "ref_area": "ref_area",
            "district_area": "district_area" if level == COMMUNE else "null",
            "province_area": "province_area" if level in (COMMUNE, "district") else "null",
        }
        selected = ", ".join(f"{expression} as {name}" for name, expression in columns.items())
        figures += [
            Figure(level, *row)
            for row in connection.execute(
                f"select {selected}, calendar, time_period, indicator, obs_value::double, value_status, "
                f"numerator::double, denominator::double from {database}.{table} where indicator in ({wanted}) "
                "order by all"
            ).fetchall()
        ]
    withheld = (
        connection.execute(f"select * from {database}.{WITHHELD}").fetchall()
        if WITHHELD in known
        else [_place(figure) for figure in figures if figure.status == "withheld"]
    )
    copies = []
    if "is_unchanged_copy" in known.get("marts.completeness", ()):
        copies = connection.execute(
            f"select distinct area_key, time_period from {database}.marts.completeness where is_unchanged_copy"
        ).fetchall()
    return Said(figures, frozenset(withheld), members, copies)


def _place(figure: Figure) -> tuple[str, str, str, str, str]:
    return figure.level, figure.area, figure.calendar, figure.time_period, figure.indicator


# What is released


def released_columns() -> dict[str, list[str]]:
    """Return which columns of which tables may leave the office (``expectations/released_columns.yml``)."""
    return _released_columns(settings.load().expectations / "released_columns.yml")


@cache
def _released_columns(path: Path) -> dict[str, list[str]]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def numbers_of_revisions(columns: Iterable[str]) -> list[str]:
    """Return those columns of ``marts.revisions`` that tell what a figure was or is."""
    numbers = ("old_value", "new_value", "difference", "effect_on_totals")
    return [name for name in columns if name in numbers or name.endswith(("_numerator", "_denominator", "_bound"))]


def release_table(connection: warehouse.Connection, sealed: str, table: str, source: str | None = None) -> str:
    """Return the query for what a release holds of a table of the attached database ``sealed``, or ``source``.

    Raises:
        LookupError: a column that may be released is not in the table.
    """
    source = source or sealed
    known = [name for name, _ in warehouse.columns(connection, f"{source}.{table}")]
    allowed = released_columns()[table]
    if strange := [name for name in allowed if name not in known]:
        raise LookupError(f"expectations/released_columns.yml: {table} has no column {', '.join(strange)}")
    changed = {name: f"figures.{name}" for name in allowed}
    joins, where = "", "true"
    levels = {name: level for level, name in _FIGURE_TABLES.items()}
    if table in levels:
        level = levels[table]
        joins = _join(
            sealed, "withheld", f"'{level}'", "group_kind || ':' || figures.ref_area" if level == GROUP else None
        )
        changed |= {
            name: f"case when withheld.area is null then figures.{name} end" for name in NUMBERS if name in allowed
        }
        changed["value_status"] = "case when withheld.area is null then figures.value_status else 'withheld' end"
    elif table == "marts.revisions":
        joins = _join(sealed, "withheld", "figures.level") + _join("before", "before", "figures.level", table="before")
        is_said = "withheld.area is null and before.area is null"
        changed |= {name: f"case when {is_said} then figures.{name} end" for name in numbers_of_revisions(allowed)}
        changed["old_status"] = "case when before.area is null then figures.old_status else 'withheld' end"
        changed["new_status"] = "case when withheld.area is null then figures.new_status else 'withheld' end"
    elif table == "quality.flags":
        joins = "left join quiet on figures.area_key = quiet.area_key and figures.indicator = quiet.indicator"
        joins += f" left join {sealed}.marts.dim_indicators as indicators on figures.indicator = indicators.indicator"
        of_sums = "quiet.area_key is null and not coalesce(indicators.is_sensitive, false)"
        # A statement may be about several periods, of which one is withheld.
        is_said = f"quiet.area_key is null and (figures.level <> 'statement' or {of_sums})"
        for name in ("obs_value", "expected_low", "expected_high", "suggested_value"):
            changed[name] = f"case when {is_said} then figures.{name} end"
        for name in (
            "impact_on_province",
            "province_total",
            "priority",
        ):  # over other communes than the published total
            changed[name] = f"case when {of_sums} then figures.{name} end"
        text = quoted(phrase("disclosure.question", area="{area}", indicator="{indicator}"))
        said = f"replace(replace('{text}', '{{area}}', figures.area_name_vi), '{{indicator}}', indicators.name_vi)"
        changed["message_vi"] = f"case when {is_said} then figures.message_vi else {said} end"
        changed["reason_vi"] = f"case when {is_said} then figures.reason_vi end"
    elif table == "marts.cumulative_reconciliation":
        # A figure from the start of the year tells those of its periods.
        joins = f"inner join {sealed}.marts.dim_indicators as indicators on figures.indicator = indicators.indicator"
        for name in ("cumulative_value", "periods_value", "partial_value", "difference"):
            changed[name] = f"case when not indicators.is_sensitive then figures.{name} end"
    elif table == "marts.statement_reconciliation":
        joins = f"left join {sealed}.marts.dim_indicators as indicators on figures.indicator = indicators.indicator"
        joins += f" left join (select distinct area, indicator from {sealed}.{WITHHELD}) as withheld"
        joins += " on figures.area_key = withheld.area and figures.indicator = withheld.indicator"
        # The sum of several periods would tell one that is withheld, and so would the difference to a stated figure.
        where = "not coalesce(indicators.is_sensitive, false) or withheld.area is null and figures.periods_expected = 1"
    selected = ", ".join(f"{expression} as {name}" for name, expression in changed.items())
    order = [f"figures.{name}" for name in candidates.ORDER if name in allowed]
    return (
        f"select {selected} from {source}.{table} as figures {joins} where {where} order by {', '.join(order) or 'all'}"
    )


def _join(database: str, alias: str, level: str, area: str | None = None, table: str | None = None) -> str:
    return (
        f" left join {table or f'{database}.{WITHHELD}'} as {alias} on {alias}.level = {level} "
        f"and {alias}.area = figures.{area or 'area_key'} and figures.indicator = {alias}.indicator "
        f"and figures.calendar = {alias}.calendar"
    )


def prepare(connection: warehouse.Connection, sealed: str, rules: Rules, before: Said | None) -> None:
    """Lay out what :func:`release_table` looks up: figures that no sentence may quote, and what was withheld before."""
    query = _EVER_SMALL.format(least=SMALL[0], most=SMALL[1])
    quiet = set(connection.execute(query).fetchall())
    quiet |= set(connection.execute(f"select distinct area, indicator from {sealed}.{WITHHELD}").fetchall())
    quiet |= {(area, other) for area, indicator in quiet for other in rules.related(indicator)}
    tables = {"quiet": ("area_key", "indicator"), "before": ("level", "area", "calendar", "time_period", "indicator")}
    for (name, columns), rows in zip(tables.items(), (quiet, before.withheld if before else ()), strict=True):
        described = ", ".join(f"{column} varchar" for column in columns)
        connection.execute(f"create or replace temp table {name} ({described})")
        if rows:
            connection.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", sorted(rows))


# The system of equations


@dataclass
class _System:
    """Everything that releases imply about the sensitive counts, as sums and parts of cells."""

    rules: Rules
    period_parts: Sequence[tuple[str, str, str, int, int, str]]
    previous: dict[tuple[str, str], str]
    values: dict[Cell, float] = field(default_factory=dict)
    public: set[Cell] = field(default_factory=set)
    hidden: set[Cell] = field(default_factory=set)
    small: set[Cell] = field(default_factory=set)
    new: set[Cell] = field(default_factory=set)
    sums: dict[tuple[Cell, tuple[Cell, ...]], Sum] = field(default_factory=dict)
    parts: set[tuple[Cell, Cell]] = field(default_factory=set)
    copies: set[tuple[str, str]] = field(default_factory=set)
    # The cells that a line of a table shows: its value, or both parts of a ratio.
    shown: dict[Figure, list[Cell]] = field(default_factory=dict)

    def add(self, said: Said, *, is_new: bool) -> None:
        """Add what one release says."""
        self.copies.update(said.copies)
        held = {_place(figure): figure for figure in said.figures if figure.indicator in self.rules.cells}
        of_indicator: dict[tuple[str, str, str], list[Figure]] = defaultdict(list)
        for figure in said.figures:
            of_indicator[figure.calendar, figure.time_period, figure.indicator].append(figure)
        for (_, _, indicator), figures in of_indicator.items():
            if indicator in self.rules.cells:
                valued = {figure: self._cell(figure) for figure in figures if figure.value is not None}
                self._take(said, valued, is_new)
                self._add_areas(valued, said.members)
            for side, part in enumerate(self.rules.ratios.get(indicator, ())):
                name = ("numerator", "denominator")[side]
                valued = self._ratio_cells(figures, held, name, part)
                self._take(said, valued, is_new)
                self._add_areas(valued, said.members)
        for part, whole in self.rules.wholes:
            for figure in said.figures:
                if figure.indicator == part and figure in self.shown:
                    above = held.get((*_place(figure)[:-1], whole))
                    if above is not None and above in self.shown and figure.value <= above.value:
                        self.parts.add((self.shown[figure][0], self.shown[above][0]))

    def _cell(self, figure: Figure) -> Cell:
        return Cell(figure.level, figure.area, figure.calendar, figure.time_period, figure.indicator, figure.value)

    def _ratio_cells(
        self, figures: Sequence[Figure], held: dict[tuple[str, ...], Figure], name: str, part: str
    ) -> dict[Figure, Cell]:
        """The cells of one part of a ratio: that of the part itself, where it is over the same communes."""
        cells: dict[Figure, Cell] = {}
        for figure in figures:
            value = getattr(figure, name)
            if value is None:
                continue
            own = held.get((*_place(figure)[:-1], part))
            if own is not None and own.value == value:
                # Sums over other communes that happen to be equal are the same number to whoever looks at them.
                cells[figure] = self._cell(own)
            else:
                cells[figure] = Cell(*_place(figure)[:-1], f"{figure.indicator}/{name}", value)
        return cells

    def _take(self, said: Said, valued: dict[Figure, Cell], is_new: bool) -> None:
        for figure, cell in valued.items():
            self.values[cell] = cell.value
            self.shown.setdefault(figure, []).append(cell)
            if cell.level == COMMUNE and SMALL[0] <= cell.value <= SMALL[1] and self._is_sensitive(cell):
                self.small.add(cell)
            if is_new:
                self.new.add(cell)
            elif said.is_withheld(figure):
                self.hidden.add(cell)
            else:
                self.public.add(cell)

    def _is_sensitive(self, cell: Cell) -> bool:
        name, _, side = cell.indicator.partition("/")
        if side:
            name = self.rules.ratios[name][("numerator", "denominator").index(side)]
        return name in self.rules.counts

    def _add_areas(self, valued: dict[Figure, Cell], members: Sequence[tuple[str, str]]) -> None:
        """Add the totals of areas over what lies in them, by the largest areas that fill them."""
        by_level: dict[str, list[Figure]] = defaultdict(list)
        for figure in valued:
            by_level[figure.level].append(figure)
        districts = {figure.ref_area: figure for figure in by_level["district"]}
        provinces = {figure.ref_area: figure for figure in by_level["province"]}
        inside: dict[str, list[Figure]] = defaultdict(list)
        for figure in by_level[COMMUNE]:
            inside[figure.district_area or ""].append(figure)

        def filled(communes: Sequence[Figure]) -> list[Figure]:
            wanted = {figure.area for figure in communes}
            found: list[Figure] = []
            for code, figures in _grouped(communes, "district_area").items():
                total = districts.get(code)
                is_whole = total is not None and {figure.area for figure in inside[code]} <= wanted
                found += [total] if is_whole and self._adds_up(total, inside[code], valued) else figures
            return found

        for code, total in districts.items():
            self._sum(valued[total], [valued[figure] for figure in inside[code]])
        for code, total in provinces.items():
            self._sum(
                valued[total], [valued[figure] for figure in filled(_of(by_level[COMMUNE], "province_area", code))]
            )
        for total in by_level["national"]:
            below: list[Figure] = []
            for code, figures in _grouped(by_level[COMMUNE], "province_area").items():
                province = provinces.get(code)
                below += [province] if province and self._adds_up(province, figures, valued) else filled(figures)
            self._sum(valued[total], [valued[figure] for figure in below])
        groups: dict[str, set[str]] = defaultdict(set)
        for group, area_key in members:
            groups[group].add(area_key)
        for total in by_level[GROUP]:
            communes = [figure for figure in by_level[COMMUNE] if figure.area in groups[total.area]]
            self._sum(valued[total], [valued[figure] for figure in filled(communes)])

    def _adds_up(self, total: Figure, figures: Sequence[Figure], valued: dict[Figure, Cell]) -> bool:
        return valued[total].value == sum(valued[figure].value for figure in figures)

    def _sum(self, total: Cell, parts: Sequence[Cell]) -> None:
        if parts and total not in parts:
            ordered = tuple(sorted(parts))
            self.sums.setdefault((total, ordered), Sum(total, ordered))

    def _add_time(self) -> None:
        """Add what longer periods are made of, and how stocks move, wherever the true figures agree."""
        series: dict[tuple[str, str, str, str], dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
        for cell in self.values:
            series[cell.level, cell.area, cell.calendar, cell.indicator][cell.time_period].append(cell)
        known = {cell.time_period for cell in self.values}
        wholes: dict[tuple[str, str, str], list[tuple[str, int, int]]] = defaultdict(list)
        for calendar, whole, part, position, expected, length in self.period_parts:
            if whole in known:
                wholes[calendar, whole, length].append((part, position, expected))
        lengths: dict[tuple[str, str], list[list[tuple[str, int, int]]]] = defaultdict(list)
        for (calendar, whole, _), parts in wholes.items():
            lengths[calendar, whole].append(parts)
        for (_, _, calendar, indicator), periods in series.items():
            rule = self.rules.indicators.get(indicator, {}).get("rollup_time")
            for whole, totals in periods.items():
                for parts in lengths.get((calendar, whole), ()):
                    if rule == "last":
                        names = [name for name, position, expected in parts if position == expected]
                    else:
                        names = [name for name, _, _ in parts] if len(parts) == parts[0][2] else []
                    if names and whole not in names and all(name in periods for name in names):
                        self._agree(totals, [periods[name] for name in names])
        for (level, area, calendar, _), periods in series.items():
            for period, cells in periods.items():
                if level == COMMUNE and (area, period) in self.copies:
                    for cell, before in product(cells, periods.get(self.previous.get((calendar, period), ""), [])):
                        if cell.value == before.value:
                            self._sum(cell, (before,))
        for stock, inflow, outflow in self.rules.movements:
            for (level, area, calendar, indicator), periods in series.items():
                if indicator != stock:
                    continue
                ins, outs = (series.get((level, area, calendar, name), {}) for name in (inflow, outflow))
                for period, totals in periods.items():
                    before = periods.get(self.previous.get((calendar, period), ""), [])
                    # The stock and what left it are what was there before and what came.
                    for after, left, was, came in product(totals, outs.get(period, []), before, ins.get(period, [])):
                        if after.value + left.value == was.value + came.value:
                            self._balance((after, left), (was, came))

    def _agree(self, totals: Sequence[Cell], parts: Sequence[Sequence[Cell]]) -> None:
        combinations = 1
        for cells in parts:
            combinations *= len(cells)
        if combinations > _MOST_COMBINATIONS:
            parts = [cells[-1:] for cells in parts]  # those of the newest revisions
        for total, chosen in product(totals, product(*parts)):
            if total.value == sum(cell.value for cell in chosen):
                self._sum(total, chosen)

    def _balance(self, left: tuple[Cell, Cell], right: tuple[Cell, Cell]) -> None:
        """Add an equation of two sums, by an unknown of its own: both are equal to it."""
        total = sum(cell.value for cell in left)
        joint = Cell("joint", repr((left, right)), left[0].calendar, left[0].time_period, left[0].indicator, total)
        self.values[joint] = total
        self.hidden.add(joint)
        self._sum(joint, left)
        self._sum(joint, right)

    def solve(self) -> set[Cell]:
        """Return all cells that must not be said, proven to be enough.

        Raises:
            CannotBeProtected: nothing that could still be withheld protects some small count.
        """
        self._add_time()
        hidden = (self.hidden | (self.new & self.small)) - self.public
        problem = Problem(
            values=self.values,
            hidden=set(hidden),
            protected=self.small & hidden,
            candidates={cell: _RANKS[cell.level] for cell in self.new - self.public if cell.value >= LEAST},
            sums=list(self.sums.values()),
            parts=sorted(self.parts),
        )
        problem.protect()
        # What an earlier release said already is no secret, and is not said again all the same.
        return problem.hidden | (self.new & self.small)

    def is_hidden(self, figure: Figure, hidden: set[Cell]) -> bool:
        return any(cell in hidden for cell in self.shown.get(figure, ()))


def _grouped(figures: Iterable[Figure], name: str) -> dict[str, list[Figure]]:
    groups: dict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        groups[getattr(figure, name) or ""].append(figure)
    return groups


def _of(figures: Iterable[Figure], name: str, code: str) -> list[Figure]:
    return [figure for figure in figures if getattr(figure, name) == code]
