"""Read records from JSON: lists of objects, one object per form, or submissions of KoboToolbox and ODK.

Objects inside an object are groups of questions, so their names count as if they stood outside; of a name with a path
("bieu/ref_area") the last part counts. Numbers keep their writing. docs/formats.md shows the shapes.
"""

import json
from pathlib import Path
from typing import Any, NoReturn

from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.phrases import phrase
from tuquan.workbook.container import MAX_FILE_BYTES, UnreadableFile, too_large
from tuquan.workbook.grid import MAX_CHARACTERS, MAX_COLUMN
from tuquan.workbook.legacy_text import decode_bytes
from tuquan.workbook.records import LONG, MAX_ROWS, MEASURES, OPTIONAL
from tuquan.workbook.written import Records, WrittenCell

LISTS = ("results", "data", "observations")  # names under which an answer of a server or a message holds its records
MAX_DEPTH = 20
MAX_VALUES = 600_000  # a province's figures of one year have 170,000
_METADATA = ("start", "end", "deviceid", "username", "today")
_METADATA_BEGINNINGS = ("_", "meta/", "formhub/")


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def read_json(path: Path) -> Records:
    """Return the records in a JSON file; a name that an object does not have is None, ``null`` is blank.

    Raises:
        UnreadableFile: too large or too deep, not well-formed, a name twice in one object, NaN, or no records.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise too_large("size", size, MAX_FILE_BYTES)
    text, _ = decode_bytes(path.read_bytes())
    try:
        return _read(text)
    except RecursionError as error:
        raise too_large("depth", MAX_DEPTH + 1, MAX_DEPTH) from error


def _read(document: str) -> Records:
    metadata: list[str] = []
    nested = _records_in(_parsed(document))
    if len(nested) > MAX_ROWS:
        raise too_large("rows", len(nested), MAX_ROWS)
    records = [_flat(record, metadata) for record in nested]
    heads = list(dict.fromkeys(name for record in records for name in record))
    if len(heads) > MAX_COLUMN:
        raise too_large("columns", len(heads), MAX_COLUMN)
    if len(records) * len(heads) > MAX_VALUES:
        raise too_large("values", len(records) * len(heads), MAX_VALUES)
    sheet = phrase("receipt.json_sheet")
    rows: list[tuple[str, list[str | None]]] = []
    cells: dict[tuple[int, int], WrittenCell] = {}
    for number, record in enumerate(records):
        place = phrase("receipt.json_record", row=number + 1)
        texts: list[str | None] = []
        for column, head in enumerate(heads):
            text, raw_type = _written(record[head]) if head in record else (None, "text")
            if text and len(text) > MAX_CHARACTERS:
                raise too_large("characters", len(text), MAX_CHARACTERS)
            texts.append(text)
            if raw_type in ("number", "boolean"):
                cells[number, column] = WrittenCell(sheet, place, text, raw_type, None, False, False, False)
        rows.append((place, texts))
    return Records(sheet, heads, rows, cells, tuple(metadata))


def _parsed(text: str) -> Any:
    values = text.count(",") + text.count("[") + text.count("{")
    if values > MAX_VALUES:
        raise too_large("values", values, MAX_VALUES)
    try:
        return json.loads(
            text,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise UnreadableFile("json_is_well_formed", "json_syntax", str(error.lineno)) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _repeated(next(name for name in names if names.count(name) > 1))
    return found


def _repeated(name: str) -> UnreadableFile:
    return UnreadableFile("json_is_well_formed", "json_repeated_name", name)


def _refuse_constant(written: str) -> NoReturn:
    raise UnreadableFile("json_is_well_formed", "json_constant", written)


def _records_in(document: Any) -> list[dict[str, Any]]:
    """Return the objects that are records, each with the names that stand around the list of them."""
    shared: dict[str, Any] = {}
    found = document
    if isinstance(document, dict):
        lists = [name for name in LISTS if isinstance(document.get(name), list)]
        if len(lists) > 1:
            raise UnreadableFile("file_format_is_supported", "json_shape")
        shared = {name: value for name, value in document.items() if name in (*LONG, *OPTIONAL)} if lists else {}
        found = document[lists[0]] if lists else [document]
    if not isinstance(found, list) or not found or not all(isinstance(record, dict) for record in found):
        raise UnreadableFile("file_format_is_supported", "json_shape")
    for record in found:
        repeated = next((name for name in shared if name in record), None)
        if repeated is not None:
            raise _repeated(repeated)
    return [{**shared, **record} for record in found] if shared else found


def _flat(record: dict[str, Any], metadata: list[str]) -> dict[str, Any]:
    """Return the last part of each name with its value, groups opened; the texts of metadata go to ``metadata``."""
    flat: dict[str, Any] = {}
    todo = [(1, *item) for item in reversed(record.items())]
    while todo:
        depth, path, value = todo.pop()
        if depth > MAX_DEPTH:
            raise too_large("depth", depth, MAX_DEPTH)
        name = path.rpartition("/")[2].strip()
        if path in _METADATA or path.startswith(_METADATA_BEGINNINGS) or (path == "meta" and isinstance(value, dict)):
            if value not in (None, "", [], {}):
                metadata.append(value if isinstance(value, str) else _as_json(value))
            continue
        if isinstance(value, dict) and name.casefold() in load_catalogue():
            if value and value.keys() <= set(MEASURES):
                named = [(f"{name}__{measure}", figure) for measure, figure in value.items()]
            else:
                named = [(name, value)]
        elif isinstance(value, dict) and name.casefold() not in (*LONG, *OPTIONAL):
            todo.extend((depth + 1, *item) for item in reversed(value.items()))
            continue
        else:
            named = [(name, value)]
        for name, value in named:
            if name in flat:
                raise _repeated(name)
            flat[name] = value
    return flat


def _written(value: Any) -> tuple[str | None, str]:
    """Return what is written and its raw type; of a list or an object where a figure should be, its JSON."""
    if value is None:
        return "", "blank"
    if isinstance(value, bool):
        return str(int(value)), "boolean"
    if isinstance(value, _Number):
        return str(value), "number"
    return (value.strip() if isinstance(value, str) else _as_json(value)), "text"


def _as_json(value: Any) -> str:
    """Return JSON with each number as it was written."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {_as_json(part)}" for name, part in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_json, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
