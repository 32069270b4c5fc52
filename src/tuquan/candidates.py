"""What a release of a period would hold, and the digest that an approval signs.

The gates judge it and the release writes it, so both take it from here. The digest is a pure function of raw files,
seeds, decisions, code, flags and gate results: no clock, no order of arrival. Any change makes it another candidate.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tuquan import warehouse
from tuquan.inputs import code_version, is_built
from tuquan.vocabulary.seeds import seeds_digest

OBSERVATIONS = {
    "province": "marts.province_observations",
    "district": "marts.district_observations",
    "commune": "marts.commune_observations",
}
DIMENSIONS = ("marts.dim_areas", "marts.dim_indicators", "marts.dim_periods")
# What waits for an answer of the commune, and why: the findings that held or refused a cell of a current report.
_HELD_FIGURES = """
select observations.ref_area, observations.area_key, observations.area_name_vi, observations.time_period,
    observations.indicator, findings.sheet, findings.cell, findings.check_name, findings.suggested_value,
    findings.message_vi
from marts.commune_observations as observations
left join raw.findings as findings
    on findings.submission_id = observations.submission_id
    and findings.indicator = observations.indicator
    and findings.severity in ('held', 'refused')
where observations.value_status = 'held' and observations.time_period = $time_period
"""
# What a release holds of each table. When and in which order files arrived is not among it.
TABLES = {
    **{table: f"select * from {table}" for table in DIMENSIONS},
    **{table: f"select * from {table} where time_period = $time_period" for table in OBSERVATIONS.values()},
    "marts.completeness": "select * exclude (received_at) from marts.completeness where time_period = $time_period",
    "marts.completeness_by_area": "select * from marts.completeness_by_area where time_period = $time_period",
    "marts.statement_reconciliation": ("select * from marts.statement_reconciliation where time_period = $time_period"),
    "quality.flags": "select * from quality.flags where time_period = $time_period",
    "quality.held_figures": _HELD_FIGURES,
}

# The figures of all levels in one long table, as so-lieu.csv and so-lieu.parquet have them.
FIGURES = """
with levels as (
    select 'province' as level, 1 as level_order, null as district_area, ref_area as province_area,
        ref_area, area_key, area_name_vi, time_period, indicator, obs_value, value_status, unit_measure,
        statistical_kind, numerator, denominator, lower_bound, upper_bound,
        areas_expected, areas_reported, areas_held, null as submission_id
    from marts.province_observations
    union all
    select 'district', 2, ref_area, province_area,
        ref_area, area_key, area_name_vi, time_period, indicator, obs_value, value_status, unit_measure,
        statistical_kind, numerator, denominator, lower_bound, upper_bound,
        areas_expected, areas_reported, areas_held, null
    from marts.district_observations
    union all
    select 'commune', 3, district_area, province_area,
        ref_area, area_key, area_name_vi, time_period, indicator, obs_value, value_status, unit_measure,
        statistical_kind, numerator, denominator, lower_bound, upper_bound, null, null, null, submission_id
    from marts.commune_observations
)
select * exclude (level_order)
from levels
where time_period = $time_period
order by level_order, province_area, district_area, ref_area, area_key, indicator
"""

_SENT = """
select arrivals.sha256, submissions.sheet, submissions.ref_area, submissions.form
from staging.stg_submissions as current_submissions
inner join raw.submissions as submissions using (submission_id)
inner join raw.arrivals as arrivals on submissions.arrival_id = arrivals.arrival_id
where current_submissions.is_current and current_submissions.time_period = $time_period
"""
_CELLS = """
select current_submissions.ref_area, cells.sheet, cells.cell, cells.indicator, cells.measure, cells.raw_text,
    cells.raw_type, cells.obs_value, cells.reading_rule, cells.status
from staging.stg_submissions as current_submissions
inner join raw.cells as cells using (submission_id)
where current_submissions.is_current and current_submissions.time_period = $time_period
"""
_DECISIONS = """
select check_name, ref_area, indicator, expected_value, choice, new_value, reason, decided_by
from meta.decisions where time_period = $time_period
"""
_GATE_RESULTS = """
select gate, check_name, expectation, severity, is_met, unexpected_count, examples
from meta.gate_results
where time_period = $time_period
    and judged_at = (select max(judged_at) from meta.gate_results where time_period = $time_period)
order by all
"""


@dataclass(frozen=True)
class Table:
    """The content of one table: its digest does not depend on the order of rows, nor on the file they lie in."""

    name: str
    rows: int
    digest: str


def table_content(connection: warehouse.Connection, name: str, query: str, time_period: str | None = None) -> Table:
    """Return size and digest of what ``query`` gives; each row counts as the text that DuckDB writes for it."""
    parameters = {"time_period": time_period} if "$time_period" in query else {}
    rows, digest = connection.execute(
        "select count(*), sha256(coalesce(string_agg(sha256(line), '' order by line), '')) "
        f"from (select content::varchar as line from ({query}) as content)",
        parameters,
    ).fetchone()
    return Table(name, rows, digest)


def content_digest(connection: warehouse.Connection, time_period: str) -> str:
    """Return the digest of everything that the gates judge and a release would hold for ``time_period``."""
    queries = {"sent": _SENT, "cells": _CELLS, "decisions": _DECISIONS, **TABLES}
    tables = (
        table_content(connection, name, query, time_period)
        for name, query in queries.items()
        if name not in DIMENSIONS  # follow from the seeds
    )
    parts = (f"{table.name} {table.rows} {table.digest}" for table in tables)
    return hashlib.sha256("\n".join([time_period, seeds_digest(), code_version(), *parts]).encode()).hexdigest()


def candidate_digest(content: str, gate_results: Iterable[Sequence[Any]]) -> str:
    """Return what an approval signs: the content and what the gates said about it (rows of any order)."""
    judged = sorted(repr(tuple(row)) for row in gate_results)
    return hashlib.sha256("\n".join([content, *judged]).encode()).hexdigest()


def newest_gate_results(connection: warehouse.Connection, time_period: str) -> list[dict[str, Any]]:
    """Return what the gates said when they last judged ``time_period``."""
    return warehouse.rows(connection, _GATE_RESULTS, {"time_period": time_period})


def current_digest(connection: warehouse.Connection, time_period: str) -> str | None:
    """Return the digest of the candidate as it is in the warehouse now, judged or not; None when it must be built."""
    if not is_built(connection, time_period):
        return None
    results = [tuple(row.values()) for row in newest_gate_results(connection, time_period)]
    return candidate_digest(content_digest(connection, time_period), results)
