"""Releases on disk: ``releases/<time_period>/r<n>/`` and the pointers to the newest.

A revision appears by one rename of a complete, synced folder and never changes. ``kill -9`` at any moment leaves either
no revision or a whole one; the pointers are brought up to date by whoever publishes next.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tuquan import settings, warehouse
from tuquan.candidates import quoted

DATABASE = "tuquan.duckdb"
MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"  # of all files and of the manifest, as sha256sum reads it
_REVISION = re.compile(r"r([1-9]\d*)", re.ASCII)
# What a CREATE VIEW says before its query; the columns have their names from the query.
_VIEW_HEAD = re.compile(r"^CREATE VIEW \S+( \([^)]*\))? AS ", re.IGNORECASE)
_RELATIONS = """
select schema_name || '.' || table_name, 'table' from duckdb_tables() where database_name = $1
union all
select schema_name || '.' || view_name, 'view' from duckdb_views() where database_name = $1 and not internal
"""
# As DuckDB writes the condition of a join "on true".
_TRUE = {
    "class": "CONSTANT",
    "type": "VALUE_CONSTANT",
    "alias": "",
    "query_location": 0,
    "value": {"type": {"id": "BOOLEAN", "type_info": None}, "is_null": False, "value": True},
}
_VIEWS = """
select schema_name || '.' || view_name, sql from duckdb_views()
where database_name = $1 and schema_name = 'marts' and not internal order by view_oid
"""
_MACROS = """
select schema_name || '.' || function_name, function_type, parameters, macro_definition from duckdb_functions()
where database_name = $1 and schema_name = 'marts' and macro_definition is not null
order by function_name, len(parameters)
"""
_TABLE_COMMENTS = """
select schema_name || '.' || table_name, comment from duckdb_tables()
where database_name = $1 and comment is not null
union all
select schema_name || '.' || view_name, comment from duckdb_views()
where database_name = $1 and comment is not null and not internal
order by all
"""


class NoRelease(LookupError):
    """Nothing is released yet."""


class NoEvidence(LookupError):
    """What stays in the office of a release is not there."""


@dataclass(frozen=True)
class Release:
    """One revision on disk, as its manifest tells: ``digest`` was approved, ``content_digest`` is of its tables, and
    ``released_at`` (UTC) is when it was written."""

    path: Path
    time_period: str
    revision: int
    digest: str
    content_digest: str
    released_at: datetime

    @property
    def place(self) -> str:
        return f"{self.time_period}/r{self.revision}"

    @property
    def evidence(self) -> Path:
        """The folder with what was not released: the whole tables, and a manifest that tells all.

        Raises:
            NoEvidence: it is gone.
        """
        folder = settings.load().evidence / self.place
        if not (folder / DATABASE).exists():
            raise NoEvidence(f"the evidence of release {self.place} is not in {folder}; restore it from a backup")
        return folder


@contextmanager
def publication_lock() -> Iterator[Path]:
    """Let one process at a time write releases, without the leftovers of a killed one; yields their folder."""
    releases = settings.load().releases
    releases.mkdir(parents=True, exist_ok=True)
    with (releases / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stale in releases.glob(".tmp-*"):
            if stale.is_dir() and not stale.is_symlink():
                shutil.rmtree(stale)
            else:
                stale.unlink()
        yield releases


def newest_revision(time_period: str) -> Release | None:
    """Return the newest revision of ``time_period``, or None."""
    folder = settings.load().releases / time_period
    made = revisions_of(folder) if folder.is_dir() else []
    return made[-1] if made else None


def is_period(path: Path) -> bool:
    """Return whether ``path`` is the folder of a period, and no pointer and nothing unfinished."""
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")


def revisions_of(folder: Path) -> list[Release]:
    """Return all revisions in the folder of a period, the oldest first."""
    numbers = (int(match[1]) for path in folder.iterdir() if (match := _REVISION.fullmatch(path.name)))
    return [read_release(folder / f"r{number}") for number in sorted(numbers)]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what the manifest in ``folder`` tells."""
    return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))


def read_release(path: Path) -> Release:
    """Read a release, or the draft of one, from its manifest."""
    manifest = read_manifest(path)
    names = ("time_period", "revision", "digest", "content_digest")
    released_at = datetime.fromisoformat(manifest["released_at"])
    return Release(path, **{name: manifest[name] for name in names}, released_at=released_at)


def withdrawn_at(release: Release | None) -> str | None:
    """Return when (UTC) this revision took back the one before it, or None."""
    if release is None:
        return None
    withdrawal = read_manifest(release.path).get("withdrawal")
    return withdrawal["withdrawn_at"] if withdrawal else None


def settle(draft: Path, sealed: Path) -> Release:
    """Make a complete draft the revision that its manifest says: read-only, on the disk, and then there at once.

    What stays in the office, the folder ``sealed``, is there before: a release never lacks its evidence.
    """
    drafted = read_release(draft)
    kept = settings.load().evidence / drafted.place
    if kept.exists():  # of a publication that was killed before its release was there
        shutil.rmtree(kept)
    _put(sealed, kept)
    target = draft.parent / drafted.place
    _put(draft, target)
    return read_release(target)


def _put(draft: Path, target: Path) -> None:
    for path in files_of(draft):
        path.chmod(0o444)
        sync(path)
    for folder in [*(path for path in draft.rglob("*") if path.is_dir()), draft]:
        sync(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft.rename(target)
    sync(target.parent)
    sync(target.parent.parent)


def point_to(release: Release) -> None:
    """Let ``latest`` and ``LATEST`` name ``release``; what is right stays untouched."""
    releases = settings.load().releases
    latest, text = releases / "latest", releases / "LATEST"
    if not latest.is_symlink() or str(latest.readlink()) != release.place:
        swap = releases / f".tmp-latest-{os.getpid()}"
        swap.symlink_to(release.place)
        swap.replace(latest)
    if not text.exists() or text.read_text(encoding="utf-8") != release.place + "\n":
        replace_text(text, release.place + "\n")
    sync(releases)


def copy_views(connection: warehouse.Connection, source: str, target: str) -> None:
    """Create in database ``target``, which is in use, the views and macros of ``marts`` that ``source`` has.

    What stands there already is left. A released file is opened under any name, so no view names a database.

    Raises:
        ValueError: a view reads something that the target does not have.
    """
    held = dict(connection.execute(_RELATIONS, [target]).fetchall())
    views = {
        name: _without_database(connection, _VIEW_HEAD.sub("", sql))
        for name, sql in connection.execute(_VIEWS, [source]).fetchall()
        if name not in held
    }
    waiting = dict(views)
    while waiting:
        ready = [name for name, (_, reads) in waiting.items() if reads <= held.keys()]
        if not ready:
            name, (_, reads) = next(iter(waiting.items()))
            raise ValueError(
                f"view {name} reads {', '.join(sorted(reads - held.keys()))}, which no release has; let it read marts "
                "alone, or let releases hold it as a table (candidates.TABLES)"
            )
        for name in ready:
            connection.execute(f'create view "{target}".{name} as {waiting.pop(name)[0]}')
            held[name] = "view"
    known = {row[0] for row in connection.execute(_MACROS, [target]).fetchall()}
    macros: dict[str, list[str]] = {}
    for name, kind, parameters, definition in connection.execute(_MACROS, [source]).fetchall():
        if name in known:
            continue
        is_table = kind == "table_macro"
        query, _ = _without_database(connection, definition if is_table else f"select {definition}")
        macros.setdefault(name, []).append(
            f"({', '.join(parameters)}) as table ({query})"
            if is_table
            else f"({', '.join(parameters)}) as ({query.removeprefix('SELECT ')})"
        )
    for name, variants in macros.items():
        connection.execute(f'create macro "{target}".{name}' + ", ".join(variants))


def _without_database(connection: warehouse.Connection, sql: str) -> tuple[str, set[str]]:
    """Return a query without any name of a database, and the relations that it reads."""
    reads: set[str] = set()

    def carried(node: dict[str, Any]) -> dict[str, Any]:
        if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
            reads.add(f"{node['schema_name']}.{node['table_name']}")
            return {**node, "catalog_name": ""}
        if node.get("type") == "JOIN" and node["ref_type"] == "CROSS":
            return _in_written_order(node["left"], node["right"], node)
        return node

    told = connection.execute("select json_serialize_sql(?)", [sql.rstrip("; \n")]).fetchone()[0]
    tree = json.loads(told, object_hook=carried)  # the inner parts first
    if tree["error"]:
        raise ValueError(f"{tree['error_message']}: {sql}")
    return connection.execute("select json_deserialize_sql(?::json)", [json.dumps(tree)]).fetchone()[0], reads


def _in_written_order(left: Any, right: Any, cross: dict[str, Any]) -> dict[str, Any]:
    """Return the join of ``left`` with everything that stands in ``right``, in the order in which it was written.

    DuckDB tells ``a cross join b join c`` as ``a, b join c``, which it then reads as ``a`` with the join of the others.

    Raises:
        ValueError: the order matters.
    """
    if not (isinstance(right, dict) and right.get("type") == "JOIN"):
        # As a join on true: DuckDB would tell it as ``a, b`` again. A lake keeps macros in the words of who wrote them.
        return {**cross, "left": left, "right": right, "ref_type": "REGULAR", "condition": _TRUE}
    if right["join_type"] not in ("INNER", "LEFT"):
        raise ValueError(f"a cross join before a {right['join_type']} join cannot be carried; join on true instead")
    return {**right, "left": _in_written_order(left, right["left"], cross)}


def copy_comments(connection: warehouse.Connection, source: str, target: str) -> None:
    """Give the tables and views in database ``target`` the comments that they have in database ``source``."""
    kinds = dict(connection.execute(_RELATIONS, [target]).fetchall())
    known = {
        (f"{schema}.{table}", column)
        for schema, table, column in connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = ?", [target]
        ).fetchall()
    }
    said = [
        f"comment on {kinds[name]} \"{target}\".{name} is '{quoted(text)}'"
        for name, text in connection.execute(_TABLE_COMMENTS, [source]).fetchall()
        if name in kinds
    ] + [
        f"comment on column \"{target}\".{name}.{column} is '{quoted(text)}'"
        for name, column, text in warehouse.column_comments(connection, source)
        if (name, column) in known
    ]
    # More than a thousand, each of which would be a transaction of its own.
    with warehouse.transaction(connection):
        connection.execute(";\n".join(said))


def files_of(folder: Path) -> list[Path]:
    """Return all files below ``folder``, ordered."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sha256_of(path: Path) -> str:
    """Return the digest of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path) -> None:
    """Write the digests of all files below ``folder`` into it."""
    lines = [f"{sha256_of(path)}  {path.relative_to(folder)}\n" for path in files_of(folder)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def replace_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` at once: a reader sees the old text or the new one."""
    fresh = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    sync(fresh)
    fresh.replace(path)


def sync(path: Path) -> None:
    """Return when ``path``, a file or a folder, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
