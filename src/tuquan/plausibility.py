"""Any panel of figures → its implausible ones: the models of the pipeline over files instead of marts.

A panel is up to five CSV files (UTF-8, comma, header line): figures, indicators, areas, and, if there are any, mergers
and decisions. They are read into a database of their own, which is gone afterwards; the warehouse is not touched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tuquan import transform, warehouse

_PERIOD = r"^\d{4}(-(M(0[1-9]|1[0-2])|Q[1-4]|S[12]|A1|Y))?$"
_NUMBER = "decimal(24, 4)"
SUSPICIOUS = 0.5  # a row with this score or a higher one is a flag
_RESULT = "ref_area, time_period, indicator, score, suspected_cause, suggested_value, impact, message_vi"


class BadPanel(ValueError):
    """A file of the panel is not as it should be; the message names file, line and column."""


@dataclass(frozen=True)
class Panel:
    """Where the files of a panel lie."""

    figures: Path
    indicators: Path
    areas: Path
    area_changes: Path | None = None
    decisions: Path | None = None


@dataclass(frozen=True)
class _Column:
    """One column of a file: what must hold for each of its values, as SQL in which ``value`` is the text."""

    name: str
    is_owed: bool = True
    rule: str = "true"
    wanted: str = "a text"
    sql_type: str = "varchar"


def _one_of(*words: str) -> dict[str, str]:
    return {"rule": f"value in {words}", "wanted": f"one of {', '.join(words)}"}


_IS_NUMBER = {
    "rule": f"try_cast(value as {_NUMBER}) is not null",
    "wanted": "a number such as 1288 or 12.5",
    "sql_type": _NUMBER,
}
_IS_PERIOD = {
    "rule": f"regexp_matches(value, '{_PERIOD}')",
    "wanted": "a period such as 2024-M05, 2024-Q2, 2024-S1 or 2024",
}
_IS_ORDER = {"rule": "try_cast(value as integer) is not null", "wanted": "a whole number", "sql_type": "integer"}
_TABLES = {
    "areas": (
        _Column("ref_area"),
        _Column("district", is_owed=False),
        _Column("area_type", is_owed=False),
        _Column("households", is_owed=False, **_IS_NUMBER),
    ),
    "indicators": (
        _Column("indicator"),
        _Column("statistical_kind", **_one_of("stock", "flow")),
        _Column("whole", is_owed=False),
        _Column("driver", is_owed=False),
        _Column("form_order", **_IS_ORDER),
    ),
    "cells": (
        _Column("ref_area"),
        _Column("time_period", **_IS_PERIOD),
        _Column("indicator"),
        _Column("obs_value", is_owed=False, **_IS_NUMBER),
    ),
    "changes": (
        _Column("ref_area"),
        _Column("time_period", **_IS_PERIOD),
        _Column("change", rule="value = 'absorbs'", wanted="absorbs"),
        _Column("other_area"),
    ),
    "decisions": (
        _Column("ref_area"),
        _Column("time_period", **_IS_PERIOD),
        _Column("indicator"),
        _Column("obs_value", **_IS_NUMBER),
        _Column("decision", **_one_of("confirmed", "corrected")),
        _Column("corrected_value", is_owed=False, **_IS_NUMBER),
    ),
}
_KEYS = {
    "areas": ("ref_area",),
    "indicators": ("indicator",),
    "cells": ("ref_area", "time_period", "indicator"),
    "changes": ("ref_area", "time_period", "other_area"),
    "decisions": ("ref_area", "time_period", "indicator", "obs_value"),
}
# What a column names must stand in the file that lists it.
_NAMED = {
    ("cells", "ref_area"): "areas",
    ("cells", "indicator"): "indicators",
    ("indicators", "whole"): "indicators",
    ("indicators", "driver"): "indicators",
    ("changes", "ref_area"): "areas",
    ("changes", "other_area"): "areas",
}


def find_implausible(panel: Panel, out_file: Path) -> tuple[int, int]:
    """Write what is suspicious in ``panel`` to ``out_file``, most suspicious first; return the figures and the flags.

    Raises:
        BadPanel: a file cannot be read as what it should hold.
    """
    with TemporaryDirectory(prefix="tuquan-panel-") as folder:
        database = Path(folder) / "judged.duckdb"
        figures = read_panel(panel, database)
        judge(database)
        with warehouse.create(database) as connection:
            connection.execute(
                f"copy (select {_RESULT} from plausibility.plausibility_flags "
                "order by score desc, impact desc, time_period, ref_area, indicator) "
                f"to {_literal(str(out_file))} (format csv, header)"
            )
            flags = connection.execute(
                "select count(*) from plausibility.plausibility_flags where score >= ?", [SUSPICIOUS]
            ).fetchone()[0]
    return figures, flags


def judge(database: Path) -> None:
    """Build the models of plausibility from the panel that :func:`read_panel` left in ``database``."""
    transform.run_dbt_apart(
        database,
        *("build", "--select", "path:models/plausibility", "causes"),
        *("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test", "--no-write-json"),
        *("--vars", "{panel: true}"),
    )


def read_panel(panel: Panel, database: Path) -> int:
    """Read the files of ``panel`` into the new ``database`` (its schema ``panel``); return how many figures they hold.

    Raises:
        BadPanel: a file cannot be read as what it should hold.
    """
    with warehouse.create(database) as connection:
        return _read_files(connection, panel)


def _read_files(connection: warehouse.Connection, panel: Panel) -> int:
    connection.execute("create schema panel")
    files = {
        "areas": panel.areas,
        "indicators": panel.indicators,
        "cells": panel.figures,
        "changes": panel.area_changes,
        "decisions": panel.decisions,
    }
    for table, path in files.items():
        _read_table(connection, table, path)
    for (table, column), listed in _NAMED.items():
        key = _KEYS[listed][0]
        _refuse(
            connection.execute(
                f"select line, {column} from panel.{table} where {column} is not null "
                f"and {column} not in (select {key} from panel.{listed}) order by line limit 1"
            ).fetchone(),
            (files[table], column),
            f"is not in {files[listed]}",
        )
    return connection.execute("select count(*) from panel.cells where obs_value is not null").fetchone()[0]


def _read_table(connection: warehouse.Connection, table: str, path: Path | None) -> None:
    columns = _TABLES[table]
    if path is None:
        typed = ", ".join(f"{column.name} {column.sql_type}" for column in columns)
        connection.execute(f"create table panel.{table} (line bigint, {typed})")
        return
    with _named_errors(path):
        connection.execute(
            "create temp table text as select row_number() over () + 1 as line, * "
            f"from read_csv({_literal(str(path))}, header = true, delim = ',', quote = '\"', "
            "all_varchar = true, nullstr = '', null_padding = false)"
        )
    given = {row[0] for row in connection.execute("describe text").fetchall()}
    for column in columns:
        if column.name not in given:
            raise BadPanel(f"{path}, line 1: there is no column {column.name}")
        _refuse(
            connection.execute(
                f"select line, {column.name} from (select line, {column.name}, {column.name} as value from text) "
                f"where value is null and {column.is_owed} or value is not null and not ({column.rule}) "
                "order by line limit 1"
            ).fetchone(),
            (path, column.name),
            f"is not {column.wanted}",
        )
    key = ", ".join(_KEYS[table])
    _refuse(
        connection.execute(
            f"select line, concat_ws(' · ', {key}) from text "
            f"qualify row_number() over (partition by {key} order by line) > 1 order by line limit 1"
        ).fetchone(),
        (path, key),
        "stands there twice",
    )
    cast = ", ".join(f"cast({column.name} as {column.sql_type}) as {column.name}" for column in columns)
    connection.execute(f"create table panel.{table} as select line, {cast} from text order by line")
    connection.execute("drop table text")


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        if not path.is_file():
            raise BadPanel(f"{path} is not a file")
        yield
    except warehouse.BadFile as error:
        raise BadPanel(f"{path}: {str(error).splitlines()[0]}") from error


def _refuse(found: tuple[int, str] | None, place: tuple[Path | None, str], said: str) -> None:
    if found is not None:
        line, value = found
        shown = "nothing" if value is None else f"“{value}”"
        raise BadPanel(f"{place[0]}, line {line}, column {place[1]}: {shown} {said}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
