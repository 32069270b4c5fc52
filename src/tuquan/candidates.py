"""What a release of a period would hold, and the digest that an approval signs.

The gates judge it and the release writes it, so both take it from here. The digest is a pure function of raw files,
seeds, decisions, code, flags and gate results: no clock, no order of arrival. Any change makes it another candidate.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuquan import warehouse
from tuquan.inputs import code_version, is_built
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import load_checks, number_vi, period_vi
from tuquan.vocabulary.seeds import seeds_digest

OBSERVATIONS = {
    "national": "marts.national_observations",
    "province": "marts.province_observations",
    "district": "marts.district_observations",
    "commune": "marts.commune_observations",
}
# The same whatever the period: they follow from the seeds.
DIMENSIONS = (
    "marts.area_map",
    "marts.dim_area_ancestors",
    "marts.dim_area_changes",
    "marts.dim_areas",
    "marts.dim_communes",
    "marts.dim_indicators",
    "marts.dim_period_parts",
    "marts.dim_periods",
)
# Empty in the warehouse; a release says in them which one it is and what it changed. They are no content: the same
# figures published again, later or after others, are the same content.
ABOUT_RELEASES = ("marts.releases", "marts.revisions")
# What names one figure, what it says, and where it comes from: the columns that releases are compared by. The place is
# part of the name, so a commune that moved to another district left one total and joined another.
FIGURE_KEY = ("level", "ref_area", "area_key", "district_area", "province_area", "time_period", "indicator")
FIGURE_STATE = {
    "obs_value": "decimal(18, 4)",
    "value_status": "varchar",
    "numerator": "decimal(18, 4)",
    "denominator": "decimal(18, 4)",
    "lower_bound": "decimal(18, 4)",
    "upper_bound": "decimal(18, 4)",
    "areas_expected": "integer",
    "areas_included": "integer",
    "areas_held": "integer",
}
FIGURE_ORIGIN = {"calendar": "varchar", "submission_id": "varchar", "version": "integer"}
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
# What a total is short of. A report that is held as a whole is named once, not figure by figure.
_GAPS = """
select ref_area, area_key, area_name_vi, form, null as indicator, status
from marts.completeness
where time_period = $time_period and status in ('missing', 'held')
union all
select ref_area, area_key, area_name_vi, null, indicator, value_status
from marts.commune_observations
where time_period = $time_period and value_status = 'held' and submission_id is not null
    and area_key not in (
        select area_key from marts.completeness where time_period = $time_period and status in ('missing', 'held')
    )
order by all
"""
# What of a content changed, in the words of those who signed it. What is not named here are figures.
_PARTS = {
    **dict.fromkeys(("sent", "cells", "marts.completeness", "marts.completeness_by_area"), "reports"),
    "decisions": "decisions",
    **dict.fromkeys(("quality.flags", "quality.held_figures", "marts.quality_summary"), "questions"),
}
# When and in which order files arrived stays in the register: no release tells it.
_NEVER_RELEASED = ("received_at", "loaded_at", "arrival_id", "report_number")
# Follows from those moments, such as what came after its deadline. A release tells it, but it makes no other content:
# neither another digest nor another revision, nor a stale approval.
ARRIVAL_COLUMNS = (
    *("is_late", "days_late", "state", "areas_late", "areas_on_time"),
    *("reports_real", "reports_declared_nil", "reports_late", "reports_unchanged_copy", "reports_empty"),
)


def _of_period(table: str) -> str:
    return f"select columns(lambda name: name not in {_NEVER_RELEASED}) from {table} where time_period = $time_period"


# What a release holds of each table.
TABLES = {
    **{table: f"select * from {table}" for table in DIMENSIONS},
    **{table: _of_period(table) for table in OBSERVATIONS.values()},
    **{
        table: _of_period(table)
        for table in (
            "marts.group_observations",
            "marts.completeness",
            "marts.completeness_by_area",
            "marts.cumulative_reconciliation",
            "marts.quality_summary",
            "marts.statement_reconciliation",
            "quality.flags",
        )
    },
    "quality.held_figures": _HELD_FIGURES,
    **{table: f"select * from {table}" for table in ABOUT_RELEASES},
}

# The figures of all levels in one long table, as so-lieu.csv and so-lieu.parquet have them.
FIGURES = """
with levels as (
    select 'province' as level, 1 as level_order, null as district_area, ref_area as province_area,
        ref_area, area_key, area_name_vi, time_period, indicator, obs_value, value_status, unit_measure,
        statistical_kind, numerator, denominator, lower_bound, upper_bound,
        areas_expected, areas_included, areas_held
    from marts.province_observations
    union all
    select 'district', 2, ref_area, province_area,
        ref_area, area_key, area_name_vi, time_period, indicator, obs_value, value_status, unit_measure,
        statistical_kind, numerator, denominator, lower_bound, upper_bound,
        areas_expected, areas_included, areas_held
    from marts.district_observations
    union all
    select 'commune', 3, district_area, province_area,
        ref_area, area_key, area_name_vi, time_period, indicator, obs_value, value_status, unit_measure,
        statistical_kind, numerator, denominator, lower_bound, upper_bound, null, null, null
    from marts.commune_observations
)
select * exclude (level_order)
from levels
where time_period = $time_period
order by level_order, province_area, district_area, ref_area, area_key, indicator
"""

# Rows of released tables lie in this order: a period is found at once, and in it an indicator.
ORDER = ("time_period", "indicator", "ref_area", "area_key")
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


def content_query(rows: str) -> str:
    """Return the query for what of a table, or of a query in parentheses, counts as content."""
    return f"select columns(lambda name: name not in {ARRIVAL_COLUMNS}) from {rows}"


def all_levels(connection: warehouse.Connection, database: str, more: Mapping[str, str] | None = None) -> str:
    """Return the query for the figures of all levels in an attached database, with the columns that compare them.

    A column that the database does not know yet is null.
    """
    known = tables_of(connection, database)
    kinds = {
        **dict.fromkeys((*FIGURE_KEY[1:], "area_name_vi"), "varchar"),
        **FIGURE_STATE,
        **FIGURE_ORIGIN,
        **(more or {}),
    }
    return " union all ".join(
        f"select '{level}' as level, "
        + ", ".join(
            f"{level_column(level, name, known[table]) or f'null::{kind}'} as {name}" for name, kind in kinds.items()
        )
        + f' from "{database}".{table}'
        for level, table in OBSERVATIONS.items()
        if table in known
    )


def level_column(level: str, name: str, known: Collection[str]) -> str | None:
    """Return which of the ``known`` columns of a level is ``name``: a district's own code is that of its district."""
    if name == f"{level}_area":
        return "ref_area"
    return name if name in known else None


def tables_of(connection: warehouse.Connection, database: str) -> dict[str, list[str]]:
    """Return the tables (``schema.name``) of an attached database with their columns; no views."""
    rows = connection.execute(
        "select schema_name || '.' || table_name, list(column_name order by column_index) "
        "from duckdb_columns() inner join duckdb_tables() using (database_name, schema_name, table_name) "
        "where database_name = ? group by all order by all",
        [database],
    ).fetchall()
    return dict(rows)


def quoted(text: object) -> str:
    """Return ``text`` as it stands between single quotes in SQL."""
    return str(text).replace("'", "''")


def content_tables(connection: warehouse.Connection, time_period: str) -> list[Table]:
    """Return everything that the gates judge and a release would hold for ``time_period``, but for seeds and code."""
    queries = {"sent": _SENT, "cells": _CELLS, "decisions": _DECISIONS, **TABLES}
    return [
        table_content(connection, name, content_query(f"({query})"), time_period)
        for name, query in queries.items()
        if name not in (*DIMENSIONS, *ABOUT_RELEASES)  # follow from the seeds, and from earlier releases
    ]


def content_digest(connection: warehouse.Connection, time_period: str) -> str:
    """Return the digest of everything that the gates judge and a release would hold for ``time_period``."""
    return digest_of(time_period, content_tables(connection, time_period))


def digest_of(time_period: str, tables: Iterable[Table]) -> str:
    """Return the one digest of a content."""
    parts = (f"{table.name} {table.rows} {table.digest}" for table in tables)
    return hashlib.sha256("\n".join([time_period, seeds_digest(), code_version(), *parts]).encode()).hexdigest()


def parts_of(tables: Iterable[Table]) -> dict[str, str]:
    """Return the digest of each part of a content, by the name that people know: why an approval is stale."""
    lines: dict[str, list[str]] = {"rules": [seeds_digest(), code_version()]}
    for table in tables:
        lines.setdefault(_PARTS.get(table.name, "figures"), []).append(f"{table.name} {table.rows} {table.digest}")
    return {part: hashlib.sha256("\n".join(told).encode()).hexdigest() for part, told in lines.items()}


def gaps(connection: warehouse.Connection, time_period: str) -> list[dict[str, Any]]:
    """Return what a release without it has to name: reports that are owed and not there, figures that are held.

    A release with gaps is a preliminary one.
    """
    return warehouse.rows(connection, _GAPS, {"time_period": time_period})


def candidate_digest(content: str, gate_results: Iterable[Sequence[Any]]) -> str:
    """Return what an approval signs: the content and what the gates said about it (rows of any order)."""
    judged = sorted(repr(tuple(row)) for row in gate_results)
    return hashlib.sha256("\n".join([content, *judged]).encode()).hexdigest()


def unmet_vi(
    time_period: str,
    check_name: str,
    examples: Sequence[Mapping[str, Any]],
    unexpected_count: int,
    judged_count: int | None = None,
) -> str:
    """Return the Vietnamese sentence of a check that is not met, about its first example."""
    example = examples[0] if examples else {}
    catalogue, indicator = load_catalogue(), example.get("indicator", "")
    # A sentence about one figure tells that figure, a sentence about the period tells how many.
    value = example.get("obs_value")
    return load_checks()[check_name].message(
        period=period_vi(parse_period(time_period)),
        area=example.get("area_name_vi", ""),
        file=example.get("declared_name", ""),
        sheet=example.get("sheet", ""),
        cell=example.get("cell", ""),
        indicator=catalogue[indicator].name_vi if indicator in catalogue else indicator,
        value=number_vi(unexpected_count) if value is None else number_vi(value, 2 if value % 1 else 0),
        limit=number_vi(judged_count),
    )


def newest_gate_results(connection: warehouse.Connection, time_period: str) -> list[dict[str, Any]]:
    """Return what the gates said when they last judged ``time_period``."""
    return warehouse.rows(connection, _GATE_RESULTS, {"time_period": time_period})


def current_digest(connection: warehouse.Connection, time_period: str) -> str | None:
    """Return the digest of the candidate as it is in the warehouse now, judged or not; None when it must be built."""
    if not is_built(connection, time_period):
        return None
    results = [tuple(row.values()) for row in newest_gate_results(connection, time_period)]
    return candidate_digest(content_digest(connection, time_period), results)
