"""The files of a release for machines: tables as CSV, Parquet and SDMX-CSV, and what tells them how to read these.

Everything is copied out of the released database, so it says no more. The same release gives the same bytes. In a CSV
file a text that a spreadsheet would take for a formula has an apostrophe before it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuquan import candidates, warehouse
from tuquan.candidates import quoted
from tuquan.vocabulary.phrases import phrase

FIGURES, CHANGES, SDMX = "so-lieu.csv", "thay-doi.csv", "so-lieu-sdmx.csv"
PARQUET = "so-lieu.parquet"
DATA_PACKAGE = "datapackage.json"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # so that Excel takes a file for UTF-8
# What begins like this is a formula, or a command to some program behind it.
_FORMULA = r"^[=+\-@\t\r\n]"
_KEYS = {FIGURES: ["level", "ref_area", "area_key", "time_period", "indicator"], SDMX: None, CHANGES: None}
_CHANGES = "select * from marts.revisions order by all"
# Codes of CL_OBS_STATUS: normal, missing, missing because of disclosure, cannot exist.
_SDMX = f"""
select 'dataflow' as STRUCTURE, 'TUQUAN:DF_SECURITY_MOVEMENT(1.0)' as STRUCTURE_ID, 'I' as ACTION,
    case when length(time_period) = 4 then time_period || '-A1' else time_period end as TIME_PERIOD,
    level as AREA_LEVEL, area_key as REF_AREA, indicator as INDICATOR, obs_value as OBS_VALUE,
    case value_status
        when 'published' then 'A' when 'withheld' then 'Q' when 'not_applicable' then 'M' when 'not_additive' then 'M'
        else 'O'
    end as OBS_STATUS,
    unit_measure as UNIT_MEASURE, statistical_kind as STATISTICAL_KIND
from ({candidates.FIGURES})
"""
_DESCRIPTIONS = """
select column_name, any_value(comment order by table_name) from duckdb_columns()
where schema_name = 'marts' and comment is not null group by column_name
"""
_TYPES = {"VARCHAR": "string", "INTEGER": "integer", "BIGINT": "integer", "BOOLEAN": "boolean", "DATE": "date"}


def write_files(connection: warehouse.Connection, folder: Path, time_period: str, facts: Mapping[str, Any]) -> None:
    """Write the tables of the released database in use into ``folder``, and ``datapackage.json`` about them.

    ``facts`` are title, version and day of the release.
    """
    tables = {FIGURES: candidates.FIGURES, CHANGES: _CHANGES, SDMX: _SDMX}
    resources = []
    for name, query in tables.items():
        names = {"time_period": time_period} if "$time_period" in query else {}
        described = connection.execute(f"describe {query}", names).fetchall()
        shown = ", ".join(_as_text(column, kind) for column, kind, *_ in described)
        path = folder / name
        connection.execute(f"copy (select {shown} from ({query})) to '{quoted(path)}' (format csv, header)", names)
        path.write_bytes(BYTE_ORDER_MARK + path.read_bytes())
        resources.append(_resource(connection, name, [(column, kind) for column, kind, *_ in described]))
    connection.execute(
        f"copy ({candidates.FIGURES}) to '{quoted(folder / PARQUET)}' (format parquet, compression zstd)",
        {"time_period": time_period},
    )
    package = {"name": "tuquan-" + time_period.lower(), **facts, "resources": resources}
    text = json.dumps(package, ensure_ascii=False, indent=2)
    (folder / DATA_PACKAGE).write_text(text + "\n", encoding="utf-8")


def _as_text(column: str, kind: str) -> str:
    if kind != "VARCHAR":
        return column
    return f"case when regexp_matches({column}, '{_FORMULA}') then '''' || {column} else {column} end as {column}"


def _resource(connection: warehouse.Connection, name: str, columns: list[tuple[str, str]]) -> dict[str, Any]:
    """Describe one CSV file, in the words that the tables have for their columns."""
    said = dict(connection.execute(_DESCRIPTIONS).fetchall())
    fields = []
    for column, kind in columns:
        field: dict[str, Any] = {"name": column, "type": _TYPES.get(kind, "number")}
        if text := said.get(column.lower()):
            field["description"] = text
        if column == "value_status":
            field["constraints"] = {"required": True, "enum": STATUSES}
        fields.append(field)
    schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
    if key := _KEYS[name]:
        schema["primaryKey"] = key
    return {
        "name": name.removesuffix(".csv"),
        "title": phrase(f"data_package.{name.removesuffix('.csv')}"),
        "path": name,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8-sig",
        "dialect": {"csv": {"delimiter": ","}},
        "schema": schema,
    }


STATUSES = ["published", "missing", "held", "withheld", "not_additive", "not_applicable"]
