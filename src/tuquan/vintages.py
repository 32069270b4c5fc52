"""The analysts' database ``releases/tuquan.duckdb``: every released figure, as known now and as known then.

Made of the immutable release folders alone. It holds the newest revision of every period, the changes of all revisions,
and what earlier revisions said where a later one says something else: ten revisions of an unchanged figure are one row.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from tuquan import candidates, revisions, settings, warehouse
from tuquan.candidates import quoted
from tuquan.releases import (
    DATABASE,
    Release,
    copy_comments,
    copy_views,
    is_period,
    read_manifest,
    revisions_of,
    sync,
)

_NEW = "newest_release"
_RELEASES = "marts.releases"
_PAST = "meta.past_figures"  # people read marts.figure_history
_VIETNAM = timedelta(hours=7)  # all the year, since 1975

_PAST_COLUMNS = {
    **dict.fromkeys(candidates.FIGURE_KEY, "varchar"),
    "area_name_vi": "varchar",
    **candidates.FIGURE_STATE,
    "calendar": "varchar",
    "since_revision": "integer",
    "release_revision": "integer",
}
_HISTORY = """
create view "{database}".marts.figure_history as
select figures.* exclude (since_revision, release_revision, submission_id, version),
    figures.since_revision as first_revision, figures.release_revision as last_revision,
    made.released_at as known_from, replaced.superseded_at as known_to, replaced.is_latest
from ({figures}) as figures
inner join marts.releases as made
    on figures.time_period = made.time_period and figures.since_revision = made.release_revision
inner join marts.releases as replaced
    on figures.time_period = replaced.time_period and figures.release_revision = replaced.release_revision
"""
_AS_OF = """
create macro "{database}".marts.as_of(day) as table (
    select figures.*
    from marts.figure_history as figures
    inner join marts.releases as known
        on figures.time_period = known.time_period
        and known.release_revision between figures.first_revision and figures.last_revision
    where known.released_on <= day::date and coalesce(known.superseded_on > day::date, true)
), (period, revision) as table (
    select *
    from marts.figure_history
    where time_period = period and revision between first_revision and last_revision
)
"""


def bring_up_to_date() -> None:
    """Make ``releases/tuquan.duckdb`` tell of all releases that lie beside it.

    Only periods with a new revision are written; everything, when the newest release has other tables or views. People
    may have the file open: they keep the old one until they open it again.
    """
    folder = settings.load().releases
    periods = {path.name: revisions_of(path) for path in sorted(folder.iterdir()) if is_period(path)}
    held = {period: made for period, made in periods.items() if made}
    path = folder / DATABASE
    newest = max((made[-1] for made in held.values()), key=lambda made: (made.released_at, made.place))
    wanted = {period: [made.content_digest for made in of_period] for period, of_period in held.items()}
    layout = _layout(newest)
    known = _known(path, layout)
    if known == wanted:
        return
    fresh = folder / f".tmp-{os.getpid()}.duckdb"
    if known is not None and known.keys() <= wanted.keys():
        shutil.copyfile(path, fresh)
    else:
        known = {}
    with warehouse.create(fresh) as connection:
        connection.execute(f"attach '{quoted(newest.path / DATABASE)}' as {_NEW} (read_only)")
        _write(connection, held, [period for period in held if known.get(period) != wanted[period]], bool(known))
        connection.execute("create or replace table meta.layout as select ? as digest", [layout])
        connection.execute(f"detach {_NEW}")
    fresh.chmod(0o444)
    sync(fresh)
    fresh.replace(path)


def _layout(newest: Release) -> str:
    """Digest of the tables, views and macros of a release and of this module: the same means that rows can be added."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    with warehouse.open_release(newest.path / DATABASE) as connection:
        for query in (
            (
                "select schema_name, table_name, column_index, column_name, data_type from duckdb_columns() "
                "where not internal order by all"
            ),
            "select sql from duckdb_views() where not internal order by all",
            "select function_name, macro_definition from duckdb_functions() where not internal order by all",
        ):
            digest.update(repr(connection.execute(query).fetchall()).encode())
    return digest.hexdigest()


def _known(path: Path, layout: str) -> dict[str, list[str]] | None:
    """Content digests of the revisions that the file at ``path`` tells of, by period; None when it is of no use."""
    if not path.exists():
        return None
    with warehouse.open_release(path) as connection:
        if not warehouse.has_table(connection, "meta.layout"):
            return None
        if connection.execute("select digest from meta.layout").fetchone() != (layout,):
            return None
        rows = connection.execute(
            f"select time_period, list(content_digest order by release_revision) from {_RELEASES} group by all"
        ).fetchall()
    return dict(rows)


def _write(
    connection: warehouse.Connection, held: dict[str, list[Release]], changed: Sequence[str], has_base: bool
) -> None:
    database = connection.execute("select current_database()").fetchone()[0]
    tables = candidates.tables_of(connection, _NEW)
    per_period = [table for table in tables if table not in (*candidates.DIMENSIONS, _RELEASES)]
    if not has_base:
        _lay_out(connection, per_period)
    for table in candidates.DIMENSIONS:
        connection.execute(f"create or replace table {table} as from {_NEW}.{table}")
    _write_releases(connection, held)
    for period in changed:
        if has_base:
            for table in (*per_period, _PAST):
                connection.execute(f"delete from {table} where time_period = ?", [period])
        _write_period(connection, held[period], per_period)
    if not has_base:
        write_history(connection, database)
        copy_views(connection, _NEW, database)
    copy_comments(connection, _NEW, database)
    _comment_spans(connection, database)


def write_history(connection: warehouse.Connection, database: str) -> None:
    """Create ``marts.figure_history`` and ``as_of()``, of all that the database in use knows: one release, or all."""
    known = candidates.tables_of(connection, database)
    spans = {"since_revision": "integer", "release_revision": "integer"}
    if _PAST in known:
        figures = candidates.all_levels(connection, database, spans) + f" union all by name from {_PAST}"
    else:
        figures = (
            "select levels.*, releases.release_revision as since_revision, releases.release_revision "
            f"from ({candidates.all_levels(connection, database)}) as levels "
            f"inner join {_RELEASES} as releases on levels.time_period = releases.time_period"
        )
    # A released file is opened under any name.
    figures = figures.replace(f' from "{database}".', " from ")
    connection.execute(_HISTORY.format(database=database, figures=figures))
    connection.execute(_AS_OF.format(database=database))


def _lay_out(connection: warehouse.Connection, tables: Iterable[str]) -> None:
    """Create the tables, empty: those of the newest release, and what earlier revisions said."""
    for schema in ("marts", "quality", "meta"):
        connection.execute(f"create schema {schema}")
    for table in tables:
        since = ", null::integer as since_revision" if table in candidates.OBSERVATIONS.values() else ""
        connection.execute(
            f"create table {table} as select *, null::integer as release_revision{since} from {_NEW}.{table} limit 0"
        )
    columns = ", ".join(f"{name} {kind}" for name, kind in _PAST_COLUMNS.items())
    connection.execute(f"create table {_PAST} ({columns})")


def _write_releases(connection: warehouse.Connection, held: dict[str, list[Release]]) -> None:
    connection.execute(f"create or replace table {_RELEASES} as from {_NEW}.{_RELEASES} limit 0")
    for made in held.values():
        for release, after in pairwise([*made, None]):
            manifest = read_manifest(release.path)
            write_release(connection, _RELEASES, manifest, after and after.released_at)


def write_release(
    connection: warehouse.Connection, table: str, manifest: Mapping[str, Any], superseded_at: datetime | None
) -> None:
    """Add to ``table`` the line of the release with this manifest, which stood until ``superseded_at`` (UTC)."""
    released_at = datetime.fromisoformat(manifest["released_at"])
    line = {
        "time_period": manifest["time_period"],
        "release_revision": manifest["revision"],
        "parent_revision": (manifest["parent"] or {}).get("revision"),
        "released_at": released_at,
        "released_on": (released_at + _VIETNAM).date(),
        "superseded_at": superseded_at,
        "superseded_on": superseded_at and (superseded_at + _VIETNAM).date(),
        "is_latest": superseded_at is None,
        "approver": manifest["approval"]["approver"],
        "digest": manifest["digest"],
        "content_digest": manifest["content_digest"],
        "code_version": manifest["code_version"],
    }
    connection.execute(
        f"insert into {table} ({', '.join(line)}) values ({', '.join('?' * len(line))})", list(line.values())
    )


def _write_period(connection: warehouse.Connection, made: Sequence[Release], tables: Iterable[str]) -> None:
    """Add one period: its newest revision, the changes of all, and what the earlier ones said otherwise."""
    names = [f"r{release.revision}" for release in made]
    for name, release in zip(names, made, strict=True):
        connection.execute(f"attach '{quoted(release.path / DATABASE)}' as {name} (read_only)")
    if len(made) > 1:
        _write_spans(connection, made)
    levels = {table: level for level, table in candidates.OBSERVATIONS.items()}
    theirs = {release.revision: candidates.tables_of(connection, f"r{release.revision}") for release in made}
    for table in tables:
        sources = made if table == revisions.TABLE else made[-1:]
        for release in sources:
            columns = theirs[release.revision].get(table, [])
            _insert(connection, table, columns, release.revision, levels.get(table), len(made) > 1)
    for name in names:
        connection.execute(f"detach {name}")


def _write_spans(connection: warehouse.Connection, made: Sequence[Release]) -> None:
    """Keep what a later revision replaced; since when the others stand is in the temporary table ``standing``."""
    key = ", ".join(candidates.FIGURE_KEY)
    state = ", ".join(candidates.FIGURE_STATE)
    said = ", ".join(
        f"arg_max({name}, position) as {name}" for name in ("area_name_vi", *candidates.FIGURE_STATE, "calendar")
    )
    versions = " union all ".join(
        f"select {position} as position, {release.revision} as revision, * "
        f"from ({candidates.all_levels(connection, f'r{release.revision}')})"
        for position, release in enumerate(made)
    )
    connection.execute(f"""
        create or replace temp table spans as
        with steps as (
            select *, coalesce(
                lag(position) over figure = position - 1
                and lag(row({state})) over figure is not distinct from row({state}),
                false
            ) as is_unchanged
            from ({versions})
            window figure as (partition by {key} order by position)
        ),
        numbered as (
            select *, count(*) filter (not is_unchanged) over (partition by {key} order by position) as span from steps
        )
        select {key}, {said}, min(revision) as since_revision, max(revision) as release_revision
        from numbered
        group by {key}, span
    """)
    newest = made[-1].revision
    order = ", ".join(candidates.ORDER)
    connection.execute(
        f"insert into {_PAST} by name from spans where release_revision < {newest} "
        f"order by level, {order}, since_revision"
    )
    connection.execute(
        f"create or replace temp table standing as select {key}, since_revision from spans "
        f"where release_revision = {newest}"
    )


def _insert(
    connection: warehouse.Connection,
    table: str,
    theirs: Sequence[str],
    revision: int,
    level: str | None,
    is_revised: bool,
) -> None:
    """Add the rows of one release, which has the columns ``theirs``, to ``table``.

    Columns that only the table has are null, others are left out.
    """
    source = f"r{revision}"
    shared = [name for name, _ in warehouse.columns(connection, table) if name in theirs]
    if not shared:
        return
    since, join = "", ""
    if level and is_revised:
        since = ", standing.since_revision"
        on = (
            f"standing.{name} is not distinct from figures.{column}"
            for name in candidates.FIGURE_KEY[1:]
            if (column := candidates.level_column(level, name, theirs))
        )
        join = f"inner join standing on standing.level = '{level}' and {' and '.join(on)}"
    elif level:
        since = f", {revision} as since_revision"
    columns = ", ".join(f'figures."{name}"' for name in shared)
    order = ", ".join(f"figures.{name}" for name in candidates.ORDER if name in shared)
    connection.execute(
        f"insert into {table} by name select {columns}, {revision} as release_revision{since} "
        f"from {source}.{table} as figures {join} order by {order}"
    )


def _comment_spans(connection: warehouse.Connection, database: str) -> None:
    """Say what the two columns are that tables got here, in the words that the history has for them."""
    sources = {
        "release_revision": ("releases", "release_revision"),
        "since_revision": ("figure_history", "first_revision"),
    }
    for name, source in sources.items():
        text = connection.execute(
            "select comment from duckdb_columns() where database_name = ? and table_name = ? and column_name = ?",
            [database, *source],
        ).fetchone()
        for table, columns in candidates.tables_of(connection, database).items():
            if text and name in columns:
                connection.execute(f"comment on column {table}.{name} is '{quoted(text[0])}'")
