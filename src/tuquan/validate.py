"""The gates of ``expectations/``: what may enter the warehouse, leave the arithmetic and leave the house.

Great Expectations cannot read DuckDB, so it judges narrow pandas frames of one period, after the warehouse is closed
again. Suites stay files: their kwargs, severities and the line of ``seeds/checks.csv`` that each one stands for.
A failed expectation is a row in ``meta.gate_results``; an expectation that could not be evaluated is an exception.
"""

import gc
import json
import logging
import math
import os
import re
import uuid
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from tuquan import candidates, data_docs, settings, warehouse
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period, parse_reported_period
from tuquan.vocabulary.phrases import load_checks
from tuquan.vocabulary.seeds import load_threshold

GATES = ("intake", "marts", "release")
EXAMPLES = 10  # failing rows that are named per expectation

# What a suite may read besides a table: one query per name in its `meta.reads`. Each gives the rows of one period.
FRAMES = {
    "received_files": """
        select distinct arrivals.declared_name, arrivals.sha256, arrivals.status
        from raw.arrivals as arrivals
        left join raw.submissions as submissions on submissions.arrival_id = arrivals.arrival_id
        where submissions.time_period = $time_period or arrivals.status = 'registered'
        order by all
    """,
    "loaded_cells": """
        select current_submissions.declared_name, current_submissions.ref_area, cells.sheet, cells.cell,
            cells.indicator, cells.status, nullif(cells.reading_rule, '') as reading_rule,
            cells.obs_value::double as obs_value
        from staging.stg_submissions as current_submissions
        inner join raw.cells as cells using (submission_id)
        where current_submissions.is_current and current_submissions.time_period = $time_period
        order by all
    """,
    # A ratio may exceed 100 % where the catalogue only warns of a part above its whole, such as cases carried over.
    "figures": f"""
        select figures.level, figures.ref_area, figures.area_key, figures.area_name_vi, figures.time_period,
            figures.indicator, figures.obs_value::double as obs_value,
            case
                when figures.unit_measure <> '%' then 'count'
                when parts.whole_severity = 'warning' then 'ratio_that_may_exceed'
                else 'share'
            end as kind
        from ({candidates.FIGURES}) as figures
        left join staging.stg_indicators as indicators on figures.indicator = indicators.indicator
        left join staging.stg_indicators as parts on indicators.numerator = parts.indicator
        order by all
    """,
    "released_figures": f"""
        select level, ref_area, area_key, area_name_vi, indicator, value_status, obs_value::double as obs_value
        from ({candidates.FIGURES})
    """,
    "open_questions": """
        select flag_id, check_name, severity, ref_area, area_name_vi, indicator
        from quality.flags
        where is_open and time_period = $time_period
        order by all
    """,
    "remaining_errors": """
        select ref_area, area_name_vi, indicator, expected_error_pct::double as obs_value
        from quality.remaining_errors
        where time_period = $time_period
        order by all
    """,
    "owed_reports": """
        select ref_area, area_name_vi, form, status
        from marts.completeness
        where time_period = $time_period
        order by all
    """,
}
_TABLE = re.compile(r"[a-z_]+\.[a-z_]+", re.ASCII)


class GateError(RuntimeError):
    """A gate could not judge: an unknown check or frame, or an expectation that raised. Nothing about the data."""


@dataclass(frozen=True)
class Suite:
    """One document of an expectations file; ``expectations`` are GX's own configurations."""

    name: str
    gate: str
    reads: str
    keys: list[str]
    expectations: list[dict[str, Any]]


@dataclass(frozen=True)
class GateResult:
    """What one expectation said. ``judged_count`` is the number of rows it looked at."""

    gate: str
    suite: str
    check_name: str
    expectation: str
    severity: str
    is_met: bool
    unexpected_count: int
    judged_count: int
    examples: list[dict[str, Any]]

    def message(self, time_period: str) -> str:
        """Return the Vietnamese sentence of the check, about its first example."""
        return candidates.unmet_vi(
            time_period, self.check_name, self.examples, self.unexpected_count, self.judged_count
        )

    def row(self) -> tuple[Any, ...]:
        """Return the result as ``meta.gate_results`` keeps it."""
        examples = json.dumps(self.examples, ensure_ascii=False, sort_keys=True) if self.examples else None
        return (
            *(self.gate, self.check_name, self.expectation, self.severity, self.is_met),
            *(self.unexpected_count, examples),
        )


@dataclass(frozen=True)
class GateOutcome:
    """Whether a period may leave the house: ``open``, ``needs_signature`` (warnings) or ``closed``."""

    time_period: str
    digest: str
    gate_status: str
    results: list[GateResult]

    @property
    def unmet(self) -> list[GateResult]:
        return [result for result in self.results if not result.is_met]


def run_gates(time_period: str) -> GateOutcome:
    """Judge ``time_period``, write Data Docs to ``review/<time_period>/data-docs`` and record the candidate.

    Raises:
        GateError: a suite names an unknown check or frame, or an expectation raised instead of judging.
    """
    parse_reported_period(time_period)
    suites = load_suites()
    gx = _import_gx()
    with warehouse.connect() as connection:
        if not connection.execute("select 1 from duckdb_tables() where schema_name = 'quality'").fetchone():
            raise GateError(f"{time_period} was not built yet; build it first (tuquan build --period {time_period})")
        frames = {suite.reads: _frame(connection, suite.reads, time_period) for suite in suites}
        content = candidates.content_digest(connection, time_period)
    results = _judge(gx, suites, frames, time_period)
    status = gate_status(results)
    digest = candidates.candidate_digest(content, (result.row() for result in results))
    with warehouse.connect() as connection, warehouse.transaction(connection):
        _record(connection, time_period, results, digest, status)
    return GateOutcome(time_period, digest, status, results)


def gate_status(results: Iterable[GateResult]) -> str:
    """Return what the door does: critical closes it, a warning needs a signature, a note changes nothing."""
    severities = {result.severity for result in results if not result.is_met}
    if "critical" in severities:
        return "closed"
    return "needs_signature" if "warning" in severities else "open"


def load_suites(folder: Path | None = None) -> list[Suite]:
    """Read all suites; every expectation gets an id that only changes with what it says.

    Raises:
        GateError: a check is not in ``seeds/checks.csv``, or its severity there is another one.
    """
    folder = folder or settings.load().expectations
    checks = load_checks()
    suites = []
    for gate in GATES:
        for document in yaml.safe_load_all((folder / f"{gate}.yml").read_text(encoding="utf-8")):
            for expectation in document["expectations"]:
                name = expectation["meta"]["check"]
                if name not in checks or checks[name].severity != expectation["severity"]:
                    raise GateError(
                        f"expectations/{gate}.yml, suite {document['name']}: check {name!r} with severity "
                        f"{expectation['severity']!r} has no such line in seeds/checks.csv"
                    )
                says = json.dumps(expectation["kwargs"], sort_keys=True)
                expectation["id"] = str(
                    uuid.uuid5(uuid.NAMESPACE_OID, f"{document['name']} {name} {expectation['type']} {says}")
                )
            meta = document["meta"]
            if meta["gate"] != gate or (meta["reads"] not in FRAMES and not _TABLE.fullmatch(meta["reads"])):
                raise GateError(f"expectations/{gate}.yml, suite {document['name']}: gate or reads is unknown: {meta}")
            suites.append(Suite(document["name"], gate, meta["reads"], meta["keys"], document["expectations"]))
    return suites


def _import_gx() -> ModuleType:
    """Import Great Expectations: six CPU seconds, so only where a gate runs, and without garbage collection (-10 %)."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import great_expectations as gx
    finally:
        gc.enable()
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    return gx


def _frame(connection: warehouse.Connection, reads: str, time_period: str) -> Any:
    query = FRAMES.get(reads) or f"select * from {reads} where time_period = $time_period order by all"
    frame = warehouse.frame(connection, query, {"time_period": time_period})
    if reads == "figures":
        # What a commune can have at most; for a flow it grows with the months of the period.
        period = parse_period(time_period)
        highest = {item.indicator: item.highest_possible(period) for item in load_catalogue()}
        communes = frame["level"] == "commune"
        frame["highest"] = frame["indicator"].map(highest).astype("float64").where(communes)
    return frame


def _judge(gx: ModuleType, suites: Iterable[Suite], frames: Mapping[str, Any], time_period: str) -> list[GateResult]:
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    parameters = {
        "indicators": sorted(item.indicator for item in load_catalogue()),
        "remaining_error_pct": math.inf if (limit := load_threshold("remaining_error_pct")) is None else limit,
    }
    # Without a site of its own, for which GX would leave a folder among the temporary files.
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(), analytics_enabled=False
        ),
    )
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("warehouse")
    results: list[GateResult] = []
    pages: dict[str, Any] = {}
    for suite in suites:
        definition = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe(time_period)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judged = definition.get_batch({"dataframe": frames[suite.reads]}).validate(
                gx.ExpectationSuite(name=suite.name, meta={"gate": suite.gate}, expectations=suite.expectations),
                result_format={
                    "result_format": "SUMMARY",
                    "unexpected_index_column_names": suite.keys,
                    "partial_unexpected_count": EXAMPLES,
                },
                expectation_parameters=parameters,
            )
        by_id = {result.expectation_config.id: result for result in judged.results}
        results.extend(_result(suite, expectation, by_id[expectation["id"]]) for expectation in suite.expectations)
        pages[suite.name] = judged
    lines = [
        (
            *(result.gate, result.suite, result.check_name, result.severity),
            *((None, "") if result.is_met else (result.unexpected_count, result.message(time_period))),
            [" · ".join(str(value) for value in example.values() if value is not None) for example in result.examples],
        )
        for result in results
    ]
    data_docs.write_data_docs(settings.load().review / time_period, time_period, pages, lines)
    return results


def _result(suite: Suite, expectation: Mapping[str, Any], judged: Any) -> GateResult:
    raised = _raised(judged.exception_info)
    if raised:
        raise GateError(
            f"gate {suite.gate}, suite {suite.name}: {expectation['type']} {expectation['kwargs']} "
            f"could not be evaluated: {raised}"
        )
    found = judged.result
    counted = "unexpected_count" in found
    return GateResult(
        gate=suite.gate,
        suite=suite.name,
        check_name=expectation["meta"]["check"],
        expectation=f"{expectation['type']} {json.dumps(expectation['kwargs'], ensure_ascii=False, sort_keys=True)}",
        severity=expectation["severity"],
        is_met=bool(judged.success),
        unexpected_count=int(found["unexpected_count"]) if counted else int(not judged.success),
        judged_count=int(found["element_count"] if counted else found["observed_value"]),
        examples=[] if judged.success else _examples(found.get("partial_unexpected_index_list") or []),
    )


def _examples(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Name failing rows by their keys, in an order that does not depend on the frame."""
    named = [{key: _plain(value) for key, value in row.items()} for row in rows]
    return sorted(named[:EXAMPLES], key=lambda row: json.dumps(row, sort_keys=True))


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if value != value else value if isinstance(value, str | int | float | None) else str(value)


def _raised(exception_info: Mapping[str, Any]) -> str:
    """Return the message of an exception inside GX, or nothing.

    GX reports it in two shapes: flat, or one such dict per metric.
    """
    shapes = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    return "; ".join(str(shape.get("exception_message")) for shape in shapes if shape.get("raised_exception"))


def _record(
    connection: warehouse.Connection, time_period: str, results: Iterable[GateResult], digest: str, status: str
) -> None:
    judged_at = datetime.now(UTC).replace(tzinfo=None)
    built = connection.execute(
        "select period_digest from meta.builds where time_period = ? order by finished_at desc limit 1", [time_period]
    ).fetchone()
    connection.executemany(
        "insert into meta.gate_results values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(time_period, built[0] if built else "", *result.row(), judged_at) for result in results],
    )
    connection.execute("insert into meta.candidates values (?, ?, ?, ?)", [time_period, digest, status, judged_at])
