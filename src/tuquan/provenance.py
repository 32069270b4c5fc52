"""Where a published figure comes from: the files, cells, readings, questions, decisions and approval behind it.

And whether it still follows from the raw bytes: every cell behind the figure is read again from the stored file, and
the figure is computed anew, without the warehouse's tables of figures. Needs what stays in the office of a release
(``TUQUAN_HOME/evidence``), the register and the raw store; a release alone tells none of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from tuquan import candidates, settings, store, warehouse
from tuquan.disclosure import SMALL
from tuquan.releases import DATABASE, MANIFEST, NoRelease, Release, newest_revision, read_manifest, read_release
from tuquan.vocabulary.phrases import load_checks, number_vi, phrase, shown, time_vi
from tuquan.workbook.reading import read_file
from tuquan.workbook.submission import ReadCell, ReadFile

SHOWN_SOURCES = 10
_FIGURE = ("release", "area_name_vi", "ref_area", "time_period", "indicator_name_vi", "unit_measure")
_SENT = """
select submissions.submission_id, submissions.sheet as report_sheet, submissions.area_key, submissions.time_period,
    submissions.form, submissions.version, arrivals.sha256, arrivals.declared_name, arrivals.channel,
    arrivals.received_at, cells.indicator, cells.sheet, cells.cell, cells.raw_text, cells.reading_rule,
    cells.status as reading_status, cells.obs_value as sent_value
from raw.submissions as submissions
inner join raw.arrivals as arrivals on submissions.arrival_id = arrivals.arrival_id
inner join raw.cells as cells on submissions.submission_id = cells.submission_id
where cells.measure = 'period' and cells.stands and submissions.submission_id = $submission_id
"""
_FINDINGS = """
select check_name, severity, sheet, cell, message_vi from raw.findings
where submission_id = $submission_id and indicator = $indicator order by all
"""
_FLAGS = """
select check_name, severity, message_vi, decision, is_open from quality.flags
where area_key = $area_key and indicator = $indicator order by all
"""
# The communes in an area, by the column that says so.
_HOME = {"national": None, "province": "province_area", "district": "district_area"}


class NoSuchCell(LookupError):
    """The release has no such figure; the message says what a cell is called."""


@dataclass
class Evidence:
    """The evidence of one release. Files are read once for all questions about it."""

    release: Release
    _read: dict[str, ReadFile] = field(default_factory=dict)
    _sent: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return read_manifest(self.release.evidence)

    @cached_property
    def indicators(self) -> dict[str, dict[str, Any]]:
        with warehouse.open_release(self.release.evidence / DATABASE) as connection:
            rows = warehouse.rows(connection, "select * from marts.dim_indicators")
        return {row["indicator"]: row for row in rows}

    def explain(self, cell: str) -> dict[str, Any]:
        """Return all that is known about a published figure, and what it is when it is computed anew.

        ``cell`` is ``REF_AREA/INDICATOR`` or ``REF_AREA/TIME_PERIOD/INDICATOR``, such as ``390/2021/self_mgmt_teams``.

        Raises:
            NoSuchCell: the release has no such figure.
            NoEvidence: its evidence is gone.
        """
        area, indicator = self._parse(cell)
        with warehouse.open_release(self.release.path / DATABASE) as released:
            level, published = self._find(released, area, indicator)
        with warehouse.open_release(self.release.evidence / DATABASE) as sealed:
            _, whole = self._find(sealed, published["area_key"], indicator)
            communes = self._communes(sealed, level, whole)
            flags = warehouse.rows(sealed, _FLAGS, {"area_key": whole["area_key"], "indicator": indicator})
        with warehouse.look() as connection:
            sources = [self._source(connection, commune) for commune in communes]
        recomputed = self._computed(level, self.indicators[indicator], sources)
        return {
            "release": self.release.place,
            "level": level,
            "ref_area": whole["ref_area"],
            "area_key": whole["area_key"],
            "area_name_vi": whole["area_name_vi"],
            "time_period": self.release.time_period,
            "indicator": indicator,
            "indicator_name_vi": self.indicators[indicator]["name_vi"],
            "unit_measure": whole["unit_measure"],
            "rollup_areas": self.indicators[indicator]["rollup_areas"],
            "value": published["obs_value"],
            "value_status": published["value_status"],
            "withheld_because": _withheld_because(level, published, whole),
            "lower_bound": published["lower_bound"],
            "upper_bound": published["upper_bound"],
            "computed_anew": recomputed,
            "is_equal": recomputed == {name: whole[name] for name in recomputed}
            and all(one["is_intact"] for one in sources),
            "flags": flags,
            "unmet_checks": [row for row in self.manifest["gate_results"] if not row["is_met"]],
            "checks": len(self.manifest["gate_results"]),
            "approval": self.manifest["approval"],
            "digest": self.manifest["digest"],
            "code_version": self.manifest["code_version"],
            "sources": sources,
        }

    def _parse(self, cell: str) -> tuple[str, str]:
        area, *period, indicator = parts if len(parts := cell.split("/")) > 1 else (cell, "", "")
        if not indicator or len(period) > 1 or (period and period[0] != self.release.time_period):
            raise NoSuchCell(
                f"{cell!r} is no figure of release {self.release.place}; write REF_AREA/INDICATOR or "
                f"REF_AREA/{self.release.time_period}/INDICATOR, such as 38/{self.release.time_period}/self_mgmt_teams"
            )
        return area, indicator

    def _find(self, connection: warehouse.Connection, area: str, indicator: str) -> tuple[str, dict[str, Any]]:
        for level, table in candidates.OBSERVATIONS.items():
            found = warehouse.rows(
                connection,
                f"select * from {table} where indicator = $indicator and $area in (ref_area, area_key) order by all",
                {"indicator": indicator, "area": area},
            )
            if len(found) > 1:
                keys = ", ".join(row["area_key"] for row in found)
                raise NoSuchCell(f"{area} names {len(found)} areas in {self.release.place}; write one of {keys}")
            if found:
                return level, found[0]
        raise NoSuchCell(f"release {self.release.place} has no figure {indicator!r} of an area {area!r}")

    def _communes(self, sealed: warehouse.Connection, level: str, figure: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The figures of communes that are in ``figure``: itself, or all of the area that have one."""
        table = candidates.OBSERVATIONS["commune"]
        where = ["indicator = $indicator"]
        names = {"indicator": figure["indicator"]}
        if level == "commune":
            where.append("area_key = $area")
            names["area"] = figure["area_key"]
        else:
            where += ["coalesce(denominator, obs_value) is not null", "calendar = $calendar"]
            names["calendar"] = figure["calendar"]
            if home := _HOME[level]:
                where.append(f"{home} = $area")
                names["area"] = figure["ref_area"]
        return warehouse.rows(sealed, f"select * from {table} where {' and '.join(where)} order by area_key", names)

    def _source(self, connection: warehouse.Connection, figure: Mapping[str, Any]) -> dict[str, Any]:
        """Return one commune's figure with the cells behind it, each read again from the stored file."""
        line = self.indicators[figure["indicator"]]
        names = (
            [line["numerator"], line["denominator"]] if line["rollup_areas"] == "recompute" else [figure["indicator"]]
        )
        cells = []
        for name in names:
            if self.indicators[name]["rollup_areas"] == "register":
                cells.append({"indicator": name, "value": Decimal(1), "is_intact": True, "from": "register"})
            elif figure["submission_id"] is not None:
                cells.append(self._cell(connection, figure, name))
        values = [cell["value"] for cell in cells]
        value = numerator = denominator = None
        if line["rollup_areas"] == "recompute":
            if len(values) == 2 and None not in values:
                numerator, denominator = values
                value = _share(line, numerator, denominator)
        elif values:
            value = values[0]
        return {
            **{name: figure[name] for name in ("ref_area", "area_key", "area_name_vi", "value_status")},
            "value": value,
            "numerator": numerator,
            "denominator": denominator,
            "is_intact": all(cell["is_intact"] for cell in cells),
            "cells": cells,
        }

    def _cell(self, connection: warehouse.Connection, figure: Mapping[str, Any], indicator: str) -> dict[str, Any]:
        submission = figure["submission_id"]
        if submission not in self._sent:
            rows = warehouse.rows(connection, _SENT, {"submission_id": submission})
            self._sent[submission] = {row["indicator"]: row for row in rows}
        sent = self._sent[submission].get(indicator)
        if sent is None:
            return {"indicator": indicator, "value": None, "is_intact": True, "from": "nothing"}
        again = self._read_again(sent)
        read = None if again is None or again.obs_value is None else Decimal(again.obs_value)
        decisions = [
            row
            for row in self.manifest["decisions"]
            if (row["ref_area"], row["indicator"]) == (figure["ref_area"], indicator)
            and row["check_name"] != "cumulative_matches_periods"
        ]
        findings = warehouse.rows(connection, _FINDINGS, {"submission_id": submission, "indicator": indicator})
        told = ("sha256", "declared_name", "channel", "received_at", "sheet", "cell", "raw_text", "reading_rule")
        return {
            "indicator": indicator,
            "from": "cell",
            "submission_id": submission,
            "version": sent["version"],
            **{name: sent[name] for name in told},
            "reading_status": sent["reading_status"],
            "sent_value": sent["sent_value"],
            "value": _decided(decisions, read),
            "is_intact": again is not None and read == sent["sent_value"] and again.raw_text == sent["raw_text"],
            "findings": findings,
            "decisions": decisions,
        }

    def _read_again(self, sent: Mapping[str, Any]) -> ReadCell | None:
        """Read the cell from the stored bytes; None: the file, the report or the cell is not there any more."""
        sha256 = sent["sha256"]
        if sha256 not in self._read:
            path = store.find(sha256)
            self._read[sha256] = read_file(path, sent["declared_name"])
        reports = [
            report
            for report in self._read[sha256].submissions
            if (report.area_key, report.time_period) == (sent["area_key"], sent["time_period"])
            and report.sheet == sent["report_sheet"]
        ]
        for report in reports:
            for cell in report.cells:
                place = (cell.indicator, cell.measure, cell.sheet, cell.cell)
                if place == (sent["indicator"], "period", sent["sheet"], sent["cell"]):
                    return cell
        return None

    def _computed(
        self, level: str, line: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]
    ) -> dict[str, Decimal | None]:
        """Add up by the rule of the indicator: what is summed, divided again, counted, or only bounded."""
        rule = line["rollup_areas"]
        values = [source["value"] for source in sources if source["value"] is not None]
        if level == "commune":
            value = values[0] if values else None
            return {"obs_value": value} | ({"lower_bound": value, "upper_bound": value} if rule == "bounds" else {})
        if rule == "recompute":
            numerators, denominators = (
                [source[name] for source in sources if source[name] is not None]
                for name in ("numerator", "denominator")
            )
            return {"obs_value": _share(line, sum(numerators), sum(denominators)) if denominators else None}
        if not values or rule == "none":
            return {"obs_value": None}
        if rule == "bounds":
            return {"obs_value": None, "lower_bound": max(values), "upper_bound": sum(values, Decimal(0))}
        if rule == "count_true":
            return {"obs_value": Decimal(sum(value > 0 for value in values))}
        return {"obs_value": sum(values, Decimal(0))}


def _decided(decisions: Sequence[Mapping[str, Any]], read: Decimal | None) -> Decimal | None:
    """Return what the newest answers made of a figure; each is about one value and lapses with it."""
    newest: dict[str, Mapping[str, Any]] = {}
    for decision in decisions:  # in the order in which they were taken
        if read is not None and Decimal(str(decision["expected_value"])) == read:
            newest.pop(decision["check_name"], None)
            newest[decision["check_name"]] = decision
    changing = [decision for decision in newest.values() if decision["choice"] in ("correct", "return")]
    if not changing:
        return read
    return Decimal(str(changing[-1]["new_value"])) if changing[-1]["choice"] == "correct" else None


def _withheld_because(level: str, published: Mapping[str, Any], whole: Mapping[str, Any]) -> str | None:
    """Return why a release does not say a figure: it is a small count, or others would tell one; None when it does."""
    if published["value_status"] != "withheld":
        return None
    value = whole["obs_value"]
    is_small = level == "commune" and value is not None and SMALL[0] <= value <= SMALL[1]
    return "small_count" if is_small else "tells_another"


def _share(line: Mapping[str, Any], numerator: Decimal, denominator: Decimal) -> Decimal | None:
    if not denominator:
        return None
    factor = 100 if line["unit_measure"] == "%" else 1
    return (factor * numerator / denominator).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def told(explained: Mapping[str, Any], sources: int = SHOWN_SOURCES) -> list[str]:
    """Return what is known about a figure as Vietnamese lines; of many communes only the first ``sources``."""
    checks = load_checks()
    value, status = explained["value"], explained["value_status"]
    approval = explained["approval"]
    figure = _number(value) if value is not None else phrase(f"why.status.{status}")
    lines = [
        phrase("why.figure", **{name: shown(str(explained[name])) for name in _FIGURE}, value=figure),
        phrase(f"why.rule.{explained['rollup_areas']}", count=number_vi(len(explained["sources"]))),
    ]
    for source in explained["sources"][:sources]:
        area = f"{shown(source['area_name_vi'])} ({source['ref_area']})"
        lines.append(phrase("why.source", area=area, value=_number(source["value"])))
        for cell in source["cells"]:
            if cell["from"] != "cell":
                lines.append("    " + phrase(f"why.from.{cell['from']}"))
                continue
            places = {name: shown(str(cell[name] or "")) for name in ("declared_name", "sheet", "cell", "raw_text")}
            facts = {"version": cell["version"], "time": time_vi(cell["received_at"]), "sha256": cell["sha256"]}
            lines.append("    " + phrase("why.cell", **places, **facts, value=_number(cell["sent_value"])))
            lines += ["      " + shown(finding["message_vi"]) for finding in cell["findings"]]
            lines += [
                "      "
                + phrase(
                    "why.decision",
                    choice=phrase(f"decision.{decision['choice']}"),
                    name=shown(decision["decided_by"]),
                    time=time_vi(datetime.fromisoformat(str(decision["decided_at"]))),
                    reason=shown(decision["reason"] or ""),
                )
                for decision in cell["decisions"]
            ]
            if not cell["is_intact"]:
                lines.append("      " + phrase("why.not_intact"))
    if (left := len(explained["sources"]) - sources) > 0:
        lines.append(phrase("why.more_sources", count=number_vi(left)))
    lines += [shown(flag["message_vi"]) for flag in explained["flags"]]
    lines.append(
        phrase("why.checks", count=number_vi(explained["checks"]), unmet=number_vi(len(explained["unmet_checks"])))
    )
    lines += [
        f"  {shown(phrase('gate_check.' + row['check_name']))}"
        for row in explained["unmet_checks"]
        if row["check_name"] in checks
    ]
    lines.append(
        phrase(
            "why.approval",
            name=shown(approval["approver"]),
            time=time_vi(datetime.fromisoformat(str(approval["decided_at"]))),
            digest=explained["digest"],
        )
    )
    name = "equal" if explained["is_equal"] else "not_equal"
    if reason := explained["withheld_because"]:  # nothing is published with which it could be compared
        lines.append(phrase(f"why.withheld_{name}", reason=phrase(f"why.because.{reason}")))
    else:
        lines.append(phrase(f"why.{name}", value=_computed_vi(explained)))
    return lines


def _computed_vi(explained: Mapping[str, Any]) -> str:
    anew = explained["computed_anew"]
    if anew["obs_value"] is None and "lower_bound" in anew and anew["lower_bound"] is not None:
        return f"{_number(anew['lower_bound'])} – {_number(anew['upper_bound'])}"
    return _number(anew["obs_value"])


def _number(value: Decimal | None) -> str:
    return phrase("why.nothing") if value is None else number_vi(value, 0 if value == int(value) else 2)


def find_release(name: str) -> Release:
    """Return the release called ``name``: a period (its newest revision), ``PERIOD/rN``, or a folder.

    Raises:
        NoRelease: there is none.
    """
    period, _, revision = name.partition("/")
    folder = settings.load().releases
    for path in (Path(name), folder / name):
        if (path / MANIFEST).is_file():
            return read_release(path)
    if not revision and (folder / period).is_dir() and (newest := newest_revision(period)):
        return newest
    raise NoRelease(f"there is no release {name!r}; write a period, such as 2026-M11, or 2026-M11/r1")
