"""Lay out sample submissions: real TQ01 workbooks whose sums equal published figures.

Only the sums are facts (``seeds/published_statements.csv``). How they are split over communes, and every indicator of
which nobody published a sum, is illustrative (``tuquan.simulate``). Of the communes of July 2025 no sums are known at
all: theirs go on from those of their former district (``sample_data/continued.csv``). The first wave holds the mistakes
of ``sample_data/mistakes.csv``, the second answers each of them with a corrected workbook.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

from tuquan.simulate import SAMPLE_DATA, Figures, Share, form_values, illustrate, load_rules
from tuquan.vocabulary.areas import Area, load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import Period, parse_period
from tuquan.vocabulary.phrases import period_vi
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.template import Figure, write_form

Wave = Literal[1, 2]
UPLOADED = 0.6  # how much of a file arrives when the line breaks
WHOLE_FILE = ("missing", "cut_off", "neighbours_form", "sent_twice")


@dataclass(frozen=True)
class Mistake:
    """One line of ``mistakes.csv``: what a clerk did in the first wave, and what should come of it.

    ``status`` is the outcome of the file (blank: there is none), ``check_name`` the line of ``seeds/checks.csv`` that
    should notice, at intake or later.
    """

    mistake: str
    kind: str
    ref_area: str
    time_period: str
    indicator: str
    as_written: str
    status: str
    check_name: str
    expect: str


@dataclass(frozen=True)
class Reported:
    """A district or province and a period; its communes report.

    ``forerunners`` are the communes that were there when figures were last published, and whose figures go on.
    """

    area: Area
    period: Period
    communes: tuple[Area, ...]
    forerunners: tuple[Area, ...] = ()


def lay_out_sample(inbox: Path, wave: Wave) -> list[Path]:
    """Write the workbooks of one wave below ``inbox``, in folders and under names as clerks choose them.

    Wave 1 is everybody, with mistakes; wave 2 the corrected workbook for each mistake that needs one.
    """
    mistakes = {(one.ref_area, one.time_period): one for one in load_mistakes()}
    written: list[Path] = []
    for reported in sample_reports():
        figures = illustrative_split(reported)
        for commune in reported.communes:
            mistake = mistakes.get((commune.ref_area, reported.period.code))
            values: dict[tuple[str, str], Figure] = dict(form_values(figures[commune.area_key], reported.period))
            first, again = _places(inbox, reported, commune)
            if wave == 1:
                written += _send(first, commune, reported.period, values, mistake)
            elif mistake and mistake.kind != "sent_twice":
                # A report that never came in whole has no earlier version: it comes under its first name.
                target = first if mistake.kind in ("missing", "cut_off") else again
                written += _send(target, commune, reported.period, values, None)
    return written


@cache
def load_mistakes() -> tuple[Mistake, ...]:
    """Read the mistakes of the first wave."""
    return tuple(Mistake(**row) for row in read_seed("mistakes", SAMPLE_DATA))


def sample_reports() -> list[Reported]:
    """Return each area and period of which a figure was published, with the communes in force at its end.

    After them come the former districts whose communes report once more on the map of July 2025.
    """
    register, calendar = load_register(), current_form().calendar
    places = {
        (row["ref_area"], row["time_period"]): None
        for row in read_seed("published_statements")
        if row["time_period"] and row["is_indicator"] == "true"
    }
    reports = []
    for ref_area, code in places:
        period = parse_period(code, calendar)
        reports.append(Reported(_area(ref_area, period), period, tuple(register.communes(ref_area, period.end))))
    for row in read_seed("continued", SAMPLE_DATA):
        period, last = parse_period(row["time_period"], calendar), parse_period(row["last_period"], calendar)
        area = _area(row["former_district"], last)
        members = sorted(
            member["area_key"]
            for member in read_seed("area_groups")
            if (member["group_kind"], member["group_code"]) == ("former_district", area.ref_area)
        )
        communes = [commune for key in members if (commune := register.by_key[key]).in_force(period.end)]
        reports.append(Reported(area, period, tuple(communes), tuple(register.communes(area.ref_area, last.end))))
    return reports


def illustrative_split(reported: Reported) -> dict[str, Figures]:
    """Return the figures of each commune (by its key), which add up to what was published or to what goes on."""
    totals = published_totals(reported)
    if reported.forerunners:
        totals = totals_going_on(reported, totals)
    return illustrate(reported.communes, reported.period, totals=totals, shares=published_shares(reported))


def totals_going_on(reported: Reported, totals: dict[str, int]) -> dict[str, int]:
    """Return what the former communes would have added up to in the period, so that no series breaks off.

    What each commune has once is no sum to hand on.
    """
    before = illustrate(reported.forerunners, reported.period, totals=totals)
    once_each = {name for name, rule in load_rules().items() if rule.ceiling}
    return {
        item.indicator: sum(figures[item.indicator] for figures in before.values())
        for item in load_catalogue().on_form(current_form().form, reported.period)
        if item.rollup_areas == "sum" and item.indicator not in once_each
    }


def published_totals(reported: Reported) -> dict[str, int]:
    """Return what the communes have to add up to: every exact figure that is on the form and can be added up.

    A stock published for one period of an area also stands for its other periods in the sample.
    """
    catalogue, form = load_catalogue(), current_form().form
    totals: dict[str, int] = {}
    for row in _statements(reported.area.ref_area):
        item = catalogue[row["indicator"]]
        is_exact = row["qualifier"] == "=" and not row["breakdown_of"]
        if not (is_exact and item.form == form and item.rollup_areas in ("sum", "count_true")):
            continue
        if row["time_period"] == reported.period.code:
            totals[item.indicator] = int(Decimal(row["obs_value"]))
        elif not item.is_flow:
            totals.setdefault(item.indicator, int(Decimal(row["obs_value"])))
    return totals


def published_shares(reported: Reported) -> list[Share]:
    """Return the published percentages of the period, with the two indicators behind each."""
    parts = {row["indicator"]: row for row in read_seed("indicators")}
    return [
        Share(part["numerator"], part["denominator"], Decimal(row["obs_value"]), row["qualifier"])
        for row in _statements(reported.area.ref_area)
        if row["time_period"] == reported.period.code and (part := parts[row["indicator"]])["numerator"]
    ]


def _statements(ref_area: str) -> Iterator[dict[str, str]]:
    for row in read_seed("published_statements"):
        if row["ref_area"] == ref_area and row["time_period"] and row["is_indicator"] == "true":
            yield row


def _places(inbox: Path, reported: Reported, commune: Area) -> tuple[Path, Path]:
    """Return where the first report of a commune lies, and where a corrected one; each clerk has a habit."""
    period = period_vi(reported.period)
    folder = inbox / f"{reported.area.name_vi} - {period}"
    district = load_register().parents(commune, reported.period.end)[0]
    if district.ref_area != reported.area.ref_area and not reported.forerunners:
        folder /= district.name_vi
    habits = read_habits()
    habit = habits[int(commune.ref_area) % len(habits)]
    facts = {
        "area": commune.name_vi,
        "ref_area": commune.ref_area,
        "period": period,
        "code": reported.period.code,
    }
    first, again = (folder / f"{pattern.format(**facts)}.xlsx" for pattern in habit)
    return first, again


@cache
def read_habits() -> list[tuple[str, str]]:
    """Return how clerks name a file: the first one, and the one with corrections."""
    return [(row["first"], row["again"]) for row in read_seed("file_names", SAMPLE_DATA)]


def _send(
    target: Path, commune: Area, period: Period, values: dict[tuple[str, str], Figure], mistake: Mistake | None
) -> list[Path]:
    """Write one workbook the way the clerk did; returns what then lies in the inbox."""
    kind = mistake.kind if mistake else ""
    if kind == "missing":
        return []
    if mistake and kind == "neighbours_form":
        commune = replace(_area(mistake.as_written, period), name_vi=commune.name_vi)
    elif mistake and kind not in WHOLE_FILE:
        values = {**values, (mistake.indicator, "period"): _mistaken(values, mistake)}
    buffer = BytesIO()
    write_form(buffer, commune, period, values=values)
    content = buffer.getvalue()
    if kind == "cut_off":
        content = content[: int(len(content) * UPLOADED)]
    targets = [target]
    if mistake and kind == "sent_twice":
        targets.append(target.with_name(mistake.as_written.format(file=target.stem) + target.suffix))
    for path in targets:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return targets


def _area(ref_area: str, period: Period) -> Area:
    area = load_register().at(ref_area, period.end)
    if area is None:
        raise ValueError(f"no area {ref_area} was in force at the end of {period}")
    return area


def _mistaken(values: dict[tuple[str, str], Figure], mistake: Mistake) -> Figure:
    """Return what stands in the cell instead of the right figure."""
    right = Decimal(str(values[mistake.indicator, "period"]))
    match mistake.kind:
        case "text":
            return mistake.as_written
        case "thousandth":
            return right / 1000
        case "ten_times":
            return right * 10
        case "above_whole":
            whole = values[load_rules()[mistake.indicator].whole, "period"]
            return Decimal(str(whole)) + Decimal(mistake.as_written)
    raise ValueError(f"{mistake.mistake}: no such kind of mistake: {mistake.kind!r}")
