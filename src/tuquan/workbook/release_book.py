"""What a release says to people, whatever it is written on: areas with their figures, and numbered lists about them.

The workbook and the printed documents of a release take their rows from here, so they cannot disagree.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import Period
from tuquan.vocabulary.phrases import load_checks, number_vi, period_vi, phrase

Row = Mapping[str, Any]

HEADLINES = 9
CHARTS = 4
BARS = 25
LEVELS = ("province", "district", "commune")
VALUE_SIGNS = ("missing", "held", "not_additive", "not_applicable", "withheld")


@dataclass(frozen=True)
class Chart:
    """Bars of one indicator, the longest first; ``bars`` are areas with their figures."""

    title: str
    unit: str
    decimals: int
    bars: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class ReleaseBook:
    """What the workbook shows. ``tables`` are the tables of the release by name."""

    period: Period
    revision: int
    digest: str
    code_version: str
    files: int
    tables: Mapping[str, Sequence[Row]]
    is_draft: bool = False
    is_preliminary: bool = False  # the manifest names gaps

    def figures(self, level: str) -> list[list[Row]]:
        """The figures of each area of a level, areas in the order of their codes."""
        areas: dict[tuple[str, str], list[Row]] = {}
        for figure in self.tables[f"marts.{level}_observations"]:
            areas.setdefault((figure["ref_area"], figure["area_key"]), []).append(figure)
        return [areas[key] for key in sorted(areas)]

    @cached_property
    def catalogue(self) -> list[Row]:
        """The indicators that were asked or reported in the period, in the order of the catalogue."""
        used = {
            figure["indicator"]
            for level in LEVELS
            for figure in self.tables[f"marts.{level}_observations"]
            if figure["value_status"] != "not_applicable"
        }
        order = {item.indicator: position for position, item in enumerate(load_catalogue())}
        rows = (row for row in self.tables["marts.dim_indicators"] if row["indicator"] in used)
        return sorted(rows, key=lambda row: (row["group_order"], order.get(row["indicator"], len(order))))

    @cached_property
    def indicators(self) -> list[Row]:
        """The indicators that get a column: somebody has, or was asked again about, a figure."""
        filled = {
            figure["indicator"]
            for level in LEVELS
            for figure in self.tables[f"marts.{level}_observations"]
            if figure["obs_value"] is not None or figure["value_status"] in ("held", "not_additive", "withheld")
        }
        return [row for row in self.catalogue if row["indicator"] in filled]

    @cached_property
    def names(self) -> dict[str, str]:
        return {row["indicator"]: row["name_vi"] for row in self.tables["marts.dim_indicators"]}

    @property
    def subtitle(self) -> str:
        said = phrase("release.subtitle", period=period_vi(self.period), revision=self.revision)
        return f"{phrase('release.draft')}: {said}" if self.is_draft else said

    @cached_property
    def headlines(self) -> list[Row]:
        """One indicator of each group, the first with a figure: what a printed page of communes has room for."""
        first: dict[str, Row] = {}
        for item in self.indicators:
            # Not what every commune has once.
            if item["rollup_areas"] == "sum" and item["ceiling"] is None:
                first.setdefault(item["group_name_vi"], item)
        return list(first.values())[:HEADLINES]

    @cached_property
    def charted(self) -> list[Chart]:
        """For some headlines the figures of the areas just below the largest that has several."""
        for level in ("district", "commune"):
            areas = self.figures(level)
            if len(areas) > 1:
                return [chart for item in self.headlines if (chart := _chart(item, areas))][:CHARTS]
        return []


@dataclass(frozen=True)
class Line:
    """One row of a wide table: an area with its figures; a line without a number is the total above its parts."""

    number: int | None
    figures: Sequence[Row]

    @property
    def name(self) -> str:
        return area_name(self.figures[0])


def below(above: list[list[Row]], areas: list[list[Row]], parent: str) -> list[Line]:
    """Order areas by province and parent, each parent's total above its parts."""
    totals = {figures[0]["ref_area"]: figures for figures in above}
    homes: dict[tuple[str, str], list[list[Row]]] = {}
    for figures in areas:
        homes.setdefault((figures[0]["province_area"] or "", figures[0][parent] or ""), []).append(figures)
    lines: list[Line] = []
    for home in sorted(homes):
        if home[1] in totals:
            lines.append(Line(None, totals[home[1]]))
        lines += [Line(number, figures) for number, figures in enumerate(homes[home], start=1)]
    return lines


def _chart(item: Row, areas: Sequence[Sequence[Row]]) -> Chart | None:
    found = [
        (area_name(figure), figure["obs_value"])
        for figures in areas
        for figure in figures
        if figure["indicator"] == item["indicator"] and figure["obs_value"] is not None
    ]
    if len({value for _, value in found}) < 2:
        return None
    longest_first = sorted(found, key=lambda bar: -bar[1])[:BARS]
    return Chart(item["name_vi"], item["unit_measure"], int(item["decimals"] or 0), longest_first)


def footnote(figure: Row | None) -> str:
    if figure is None:
        return ""
    if figure["value_status"] == "not_additive" and figure["lower_bound"] is not None:
        bounds = {"low": number_vi(figure["lower_bound"]), "high": number_vi(figure["upper_bound"])}
        return phrase("release.not_additive", **bounds)
    return phrase("release.asked_again", count=number_vi(figure["areas_held"])) if figure["areas_held"] else ""


def is_partial(figure: Row) -> bool:
    return (figure.get("areas_included") or 0) < (figure.get("areas_expected") or 0)


def area_name(figure: Row) -> str:
    name = figure["area_name_vi"]
    return phrase("level.approximate", area=name) if figure.get("is_exact_union") is False else name


@dataclass(frozen=True)
class List:
    """A numbered list under its heading; ``columns`` are phrases below release.column."""

    heading: str
    columns: Sequence[str]
    lines: Sequence[Sequence[Any]]


def change_list(book: ReleaseBook) -> List:
    """What became of the figures of the release before: old, new, and why."""
    lines = [
        (*_area(row), phrase(f"level.{row['level']}"), book.names.get(row["indicator"], row["indicator"]),
         _said(row["old_value"], row["old_status"]), _said(row["new_value"], row["new_status"]), row["difference"],
         row["cause_vi"], row["effect_on_totals"])
        for row in book.tables["marts.revisions"]
    ]  # fmt: skip
    columns = ("number", "area", "area_code", "level", "indicator", "old_value", "new_value", "difference", "cause")
    return List("changes_heading", (*columns, "effect_on_totals"), lines)


def _said(value: Any, status: str | None) -> Any:
    return sign_of(status) if value is None else value


def sign_of(status: str | None) -> str:
    """Return the sign that stands where a figure is not there."""
    return phrase(f"value_sign.{status}") if status in VALUE_SIGNS else ""


def quality_lists(book: ReleaseBook) -> list[List]:
    """What is missing, held, asked about or withheld in a release."""
    coverage = sorted(
        book.tables["marts.completeness_by_area"],
        key=lambda area: (area["area_level"] != "province", area["ref_area"], area["area_key"]),
    )
    unsent = [report for report in book.tables["marts.completeness"] if report["status"] in ("missing", "held")]
    flags = sorted(book.tables["quality.flags"], key=_gravest_first)
    bounds = [
        figure
        for level in ("province", "district")
        for figure in book.tables[f"marts.{level}_observations"]
        if figure["value_status"] == "not_additive" and figure["lower_bound"] is not None
    ]
    withheld = Counter(
        figure["indicator"]
        for figure in book.tables["marts.commune_observations"]
        if figure["value_status"] == "withheld"
    )
    checks = load_checks()
    empty = [item for item in book.catalogue if item not in book.indicators]
    area = ("number", "area", "area_code")
    return [
        List(
            "completeness_heading",
            (*area, "level", "areas_expected", "areas_included", "areas_missing", "explanation"),
            [
                (*_area(row), phrase(f"level.{row['area_level']}"), row["areas_expected"], row["areas_received"],
                 row["areas_missing"],
                 phrase("release.held_reports", count=number_vi(row["areas_held"])) if row["areas_held"] else None)
                for row in coverage
            ],
        ),
        List(
            "missing_heading",
            (*area, "status"),
            [(*_area(row), phrase(f"report_status.{row['status']}")) for row in unsent],
        ),
        List(
            "held_heading",
            (*area, "indicator", "reason"),
            [
                (*_area(row), book.names[row["indicator"]],
                 phrase(f"held_reason.{checks[row['check_name']].level if row['check_name'] else 'office'}"))
                for row in book.tables["quality.held_figures"]
            ],
        ),
        List(
            "flags_heading",
            (*area, "indicator", "value", "suggestion", "impact", "message", "severity", "decision"),
            [
                (*_area(row), book.names[row["indicator"]], row["obs_value"], row["suggested_value"],
                 row["impact_on_province"], row["message_vi"], phrase(f"severity.{row['severity']}"),
                 phrase(f"decision.{row['decision']}") if row["decision"] else None)
                for row in flags
            ],
        ),
        List(
            "withheld_heading",
            ("number", "indicator", "areas_withheld"),
            [(book.names[indicator], count) for indicator, count in sorted(withheld.items())],
        ),
        List(
            "bounds_heading",
            (*area, "indicator", "lower_bound", "upper_bound"),
            [(*_area(row), book.names[row["indicator"]], row["lower_bound"], row["upper_bound"]) for row in bounds],
        ),
        List(
            "empty_indicators_heading",
            ("number", "indicator_group", "unit", "indicator"),
            [(item["group_name_vi"], item["unit_measure"], item["name_vi"]) for item in empty],
        ),
    ]  # fmt: skip


def _area(row: Row) -> tuple[str, str]:
    return row["area_name_vi"], row["ref_area"]


def _gravest_first(flag: Row) -> tuple[Any, ...]:
    severities = ("critical", "held", "warning", "info")
    return (
        not flag["is_open"],
        severities.index(flag["severity"]),
        -abs(flag["impact_on_province"] or 0),
        flag["ref_area"],
        flag["flag_id"],
    )
