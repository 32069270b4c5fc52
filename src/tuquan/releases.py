"""Releases on disk: ``releases/<time_period>/r<n>/``, the pointers to the newest and the database over all of them.

A revision appears by one rename of a complete, synced folder and never changes. ``kill -9`` at any moment leaves either
no revision or a whole one; pointers and database are brought up to date by whoever publishes next.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuquan import candidates, settings, warehouse

DATABASE = "tuquan.duckdb"
MANIFEST = "manifest.json"
_REVISION = re.compile(r"r([1-9]\d*)", re.ASCII)


class NoRelease(LookupError):
    """Nothing is released yet."""


@dataclass(frozen=True)
class Release:
    """One revision on disk, as its manifest tells. ``digest`` was approved, ``content_digest`` is of its tables."""

    path: Path
    time_period: str
    revision: int
    digest: str
    content_digest: str

    @property
    def place(self) -> str:
        return f"{self.time_period}/r{self.revision}"


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
    if not folder.is_dir():
        return None
    revisions = [int(match[1]) for path in folder.iterdir() if (match := _REVISION.fullmatch(path.name))]
    return read_release(folder / f"r{max(revisions)}") if revisions else None


def read_release(path: Path) -> Release:
    """Read a release, or the draft of one, from its manifest."""
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    names = ("time_period", "revision", "digest", "content_digest")
    return Release(path, **{name: manifest[name] for name in names})


def settle(draft: Path) -> Release:
    """Make a complete draft the revision that its manifest says: read-only, on the disk, and then there at once."""
    drafted = read_release(draft)
    for path in files_of(draft):
        path.chmod(0o444)
        _sync(path)
    for folder in [*(path for path in draft.rglob("*") if path.is_dir()), draft]:
        _sync(folder)
    target = draft.parent / drafted.place
    target.parent.mkdir(exist_ok=True)
    draft.rename(target)
    _sync(target.parent)
    _sync(target.parent.parent)
    return read_release(target)


def point_to(release: Release) -> None:
    """Bring ``latest``, ``LATEST`` and the database over all releases up to date; what is right stays untouched."""
    releases = settings.load().releases
    _collect_releases(releases)
    latest, text = releases / "latest", releases / "LATEST"
    if not latest.is_symlink() or str(latest.readlink()) != release.place:
        swap = releases / f".tmp-latest-{os.getpid()}"
        swap.symlink_to(release.place)
        swap.replace(latest)
    if not text.exists() or text.read_text(encoding="utf-8") != release.place + "\n":
        replace_text(text, release.place + "\n")
    _sync(releases)


def copy_comments(connection: warehouse.Connection, source: str, target: str) -> None:
    """Give the released tables in database ``target`` the comments that they have in database ``source``."""
    tables = connection.execute(
        "select schema_name || '.' || table_name, comment from duckdb_tables() "
        "where database_name = ? and comment is not null order by 1",
        [source],
    ).fetchall()
    columns = connection.execute(
        "select schema_name || '.' || table_name, column_name, comment from duckdb_columns() "
        "where database_name = ? and comment is not null order by 1, column_index",
        [source],
    ).fetchall()
    known = {
        (f"{schema}.{table}", column)
        for schema, table, column in connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = ?", [target]
        ).fetchall()
    }
    held = {table for table, _ in known}
    for name, text in tables:
        if name in held:
            connection.execute(f"comment on table \"{target}\".{name} is '{quoted(text)}'")
    for name, column, text in columns:
        if (name, column) in known:
            connection.execute(f"comment on column \"{target}\".{name}.{column} is '{quoted(text)}'")


def files_of(folder: Path) -> list[Path]:
    """Return all files below ``folder``, ordered."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def replace_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` at once: a reader sees the old text or the new one."""
    fresh = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    _sync(fresh)
    fresh.replace(path)


def quoted(text: Path | str) -> str:
    """Return ``text`` as it stands between single quotes in SQL."""
    return str(text).replace("'", "''")


def _collect_releases(releases: Path) -> None:
    """Rebuild ``releases/tuquan.duckdb``: the newest revision of every period together, for ``tuquan sql``.

    People may have it open: they keep the old file until they open it again.
    """
    periods = sorted(folder.name for folder in releases.iterdir() if folder.is_dir() and not folder.is_symlink())
    held = [release for release in map(newest_revision, periods) if release is not None]
    wanted = [(release.time_period, release.revision, release.content_digest) for release in held]
    path = releases / DATABASE
    if path.exists():
        with warehouse.open_release(path) as connection:
            if connection.execute("select * from marts.releases order by all").fetchall() == wanted:
                return
    fresh = releases / f".tmp-{os.getpid()}.duckdb"
    with warehouse.create(fresh) as connection:
        for schema in ("marts", "quality"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            "create table marts.releases (time_period varchar, release_revision integer, content_digest varchar)"
        )
        connection.executemany("insert into marts.releases values (?, ?, ?)", wanted)
        for number, release in enumerate(held):
            connection.execute(f"attach '{quoted(release.path / DATABASE)}' as r{number} (read_only)")
        for name in candidates.TABLES:
            holders = [number for number in range(len(held)) if _has_table(connection, f"r{number}", name)]
            # Dimensions are whole in each release: the newest period has the newest ones.
            holders = holders[-1:] if name in candidates.DIMENSIONS else holders
            selects = (
                f"select *, {held[number].revision} as release_revision from r{number}.{name}" for number in holders
            )
            connection.execute(f"create table {name} as {' union all by name '.join(selects)} order by all")
        database = connection.execute("select current_database()").fetchone()[0]
        copy_comments(connection, f"r{len(held) - 1}", database)
        for number in range(len(held)):
            connection.execute(f"detach r{number}")
    fresh.chmod(0o444)
    _sync(fresh)
    fresh.replace(path)


def _has_table(connection: warehouse.Connection, database: str, name: str) -> bool:
    return bool(
        connection.execute(
            "select 1 from duckdb_tables() where database_name = ? and schema_name || '.' || table_name = ?",
            [database, name],
        ).fetchone()
    )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
