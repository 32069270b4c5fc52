"""A release: the files of one approved candidate, written once, whole or not at all, and never changed.

``releases/<time_period>/r<n>/`` appears by one rename of a complete, synced folder; ``kill -9`` at any moment leaves
either no release or a whole one, and the next call finishes what is left (the pointers and the register). What is in a
release follows from raw files, seeds, decisions and code alone, so the same content again is the same revision.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuquan import candidates, settings, warehouse
from tuquan.inputs import code_version
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi, period_vi, phrase
from tuquan.vocabulary.seeds import seed_digests
from tuquan.workbook.release_workbook import ReleaseBook, write_release_workbook

DATABASE = "tuquan.duckdb"
MANIFEST = "manifest.json"
_REVISION = re.compile(r"r([1-9]\d*)", re.ASCII)
_SOFTWARE = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "xlsxwriter")

_RAW_FILES = """
select arrivals.sha256, arrivals.size_bytes, arrivals.declared_name, submissions.ref_area, submissions.form
from staging.stg_submissions as current_submissions
inner join raw.submissions as submissions using (submission_id)
inner join raw.arrivals as arrivals on submissions.arrival_id = arrivals.arrival_id
where current_submissions.is_current and current_submissions.time_period = $time_period
order by all
"""
_DECISIONS = """
select check_name, ref_area, indicator, expected_value, choice, new_value, reason, decided_by, decided_at
from meta.decisions where time_period = $time_period order by decided_at, decision_id
"""
_APPROVAL = """
select is_approved, approver, note, decided_at from meta.approvals
where time_period = $time_period and digest = $digest and ($approver is null or approver = $approver)
order by decided_at desc limit 1
"""


class PublicationRefused(RuntimeError):
    """The period may not be published now; the message says why and what to do."""


class NoRelease(LookupError):
    """Nothing is released yet."""


@dataclass(frozen=True)
class Release:
    """One revision on disk, as its manifest tells."""

    path: Path
    time_period: str
    revision: int
    digest: str
    content_digest: str
    approver: str


def publish(time_period: str, approver: str | None = None, revise: bool = True) -> Path:
    """Write the release of the approved candidate of ``time_period`` and return its folder.

    If the newest revision has the same content already, that one is returned and nothing is written.

    Raises:
        PublicationRefused: not judged, gate closed, not approved (by ``approver`` if one is named), changed since, or
            other contents without ``revise``.
    """
    parse_period(time_period)
    with _publication_lock() as releases:
        _sweep(releases)
        with warehouse.connect() as connection:
            digest, approval = _approved_candidate(connection, time_period, approver)
            newest = _newest(releases, time_period)
            if newest is None or newest.digest != digest:
                draft = _write_draft(connection, releases, time_period, digest, approval, newest)
        if newest is None or newest.digest != digest:
            newest = _release(draft, newest, revise)
        _point_to(releases, newest)
        with warehouse.connect() as connection:
            _register(connection, newest, digest, approval["approver"])
        return newest.path


def announce(time_period: str) -> Path:
    """Write one Vietnamese note about the newest release of ``time_period`` into the outbox.

    Raises:
        NoRelease: the period has no release.
    """
    paths = settings.load()
    release = _newest(paths.releases, time_period)
    if release is None:
        raise NoRelease(f"{time_period} has no release; publish it first (tuquan publish --period {time_period})")
    with warehouse.open_release(release.path / DATABASE) as connection:
        tables = _read_tables(connection)
    owed = [report for report in tables["marts.completeness"] if report["status"] != "not_owed"]
    missing = sum(report["status"] == "missing" for report in owed)
    held = len(tables["quality.held_figures"])
    questions = sum(flag["is_open"] for flag in tables["quality.flags"])
    period = period_vi(parse_period(time_period))
    counts = {
        level: number_vi(sum(row["obs_value"] is not None for row in tables[table]))
        for level, table in candidates.OBSERVATIONS.items()
    }
    received = number_vi(sum(report["status"] == "received" for report in owed))
    lines = [
        "# " + phrase("announce.title", period=period),
        "",
        phrase("announce.body", period=period, revision=release.revision),
        *([phrase("announce.revision", parent=release.revision - 1)] if release.revision > 1 else []),
        phrase("announce.path", path=release.path.relative_to(paths.home)),
        "",
        "- " + phrase("announce.areas", reported=received, expected=number_vi(len(owed))),
        "- " + phrase("announce.figures", **counts),
        *(["- " + phrase("announce.missing", count=number_vi(missing))] if missing else []),
        *(["- " + phrase("announce.held", count=number_vi(held))] if held else []),
        *(
            ["- " + phrase("announce.questions", count=number_vi(questions), sheet=phrase("release.sheet.quality"))]
            if questions
            else []
        ),
    ]
    paths.outbox.mkdir(parents=True, exist_ok=True)
    note = paths.outbox / f"{time_period}-r{release.revision}.md"
    _replace_text(note, "\n".join(lines) + "\n")
    return note


def query(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Answer ``sql`` from the newest revision of every released period: column names and rows.

    The database is opened for reading only and reaches neither other files nor the network.

    Raises:
        NoRelease: nothing is released yet.
    """
    path = settings.load().releases / DATABASE
    if not path.exists():
        raise NoRelease("there is no release yet; publish one first (tuquan publish --period ...)")
    with warehouse.open_release(path) as connection:
        connection.execute("set search_path = 'marts,quality'")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        result = connection.execute(sql)
        names = [column[0] for column in result.description or []]
        return names, result.fetchall() if names else []


def _approved_candidate(
    connection: warehouse.Connection, time_period: str, approver: str | None
) -> tuple[str, dict[str, Any]]:
    judged = connection.execute(
        "select digest, gate_status from meta.candidates where time_period = ? order by judged_at desc limit 1",
        [time_period],
    ).fetchone()
    if judged is None:
        raise PublicationRefused(
            f"{time_period} was not judged yet; run its gates (tuquan gate --period {time_period})"
        )
    digest, gate_status = judged
    if gate_status == "closed":
        raise PublicationRefused(
            f"the gate of {time_period} is closed; answer its critical questions (tuquan flags --period {time_period})"
        )
    if digest != candidates.current_digest(connection, time_period):
        raise PublicationRefused(
            f"{time_period} changed since its gates judged it; "
            f"build and judge it again (tuquan build, tuquan gate --period {time_period})"
        )
    names = {"time_period": time_period, "digest": digest, "approver": approver}
    approvals = warehouse.rows(connection, _APPROVAL, names)
    if not approvals:
        earlier = connection.execute(
            "select count(*) from meta.approvals where time_period = ? and is_approved", [time_period]
        ).fetchone()[0]
        reason = "its approval is stale, the content changed since" if earlier else "nobody approved it"
        raise PublicationRefused(
            f"candidate {digest[:12]} of {time_period} may not be published: {reason}; "
            f"ask for an approval (tuquan approve --period {time_period})"
        )
    if not approvals[0]["is_approved"]:
        raise PublicationRefused(f"{approvals[0]['approver']} rejected candidate {digest[:12]} of {time_period}")
    return digest, approvals[0]


def _write_draft(
    connection: warehouse.Connection,
    releases: Path,
    time_period: str,
    digest: str,
    approval: Mapping[str, Any],
    parent: Release | None,
) -> Path:
    """Write all files of the next revision into a folder beside the releases."""
    revision = parent.revision + 1 if parent else 1
    draft = releases / f".tmp-{time_period}-{os.getpid()}"
    draft.mkdir(parents=True)
    names = {"time_period": time_period}
    for target, form in (
        ("so-lieu.csv", "format csv, header"),
        ("so-lieu.parquet", "format parquet, compression zstd"),
    ):
        connection.execute(f"copy ({candidates.FIGURES}) to '{_quoted(draft / target)}' ({form})", names)
    with_mark = draft / "so-lieu.csv"
    with_mark.write_bytes(b"\xef\xbb\xbf" + with_mark.read_bytes())  # so that Excel takes it for UTF-8
    contents = _write_database(connection, draft / DATABASE, time_period)
    raw_files = warehouse.rows(connection, _RAW_FILES, names)
    with warehouse.open_release(draft / DATABASE) as released:
        book = ReleaseBook(
            period=parse_period(time_period),
            revision=revision,
            digest=digest,
            code_version=code_version(),
            files=len({file["sha256"] for file in raw_files}),
            tables=_read_tables(released),
        )
    write_release_workbook(draft / "bang-so-lieu.xlsx", book)
    data_docs = settings.load().review / time_period / "data-docs"
    if data_docs.is_dir():
        shutil.copytree(data_docs, draft / "data-docs")
    manifest = {
        "time_period": time_period,
        "revision": revision,
        "parent": {"revision": parent.revision, "content_digest": parent.content_digest} if parent else None,
        "digest": digest,
        "content_digest": _content_digest(contents),
        "approval": approval,
        "code_version": code_version(),
        "software": {name: version(name) for name in _SOFTWARE},
        "seeds": seed_digests(),
        "raw_files": raw_files,
        "decisions": warehouse.rows(connection, _DECISIONS, names),
        "gate_results": candidates.newest_gate_results(connection, time_period),
        "tables": [asdict(table) for table in contents],
        "files": [
            {"path": str(path.relative_to(draft)), "size_bytes": path.stat().st_size, "sha256": _sha256(path)}
            for path in _files(draft)
        ],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2, default=str)
    (draft / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return draft


def _write_database(connection: warehouse.Connection, path: Path, time_period: str) -> list[candidates.Table]:
    """Write the tables of the release with their comments, and return what they hold."""
    connection.execute(f"attach '{_quoted(path)}' as release")
    try:
        for schema in ("marts", "quality"):
            connection.execute(f"create schema release.{schema}")
        for name, select in candidates.TABLES.items():
            names = {"time_period": time_period} if "$time_period" in select else {}
            connection.execute(f"create table release.{name} as {select} order by all", names)
        for statement in _comments(connection):
            connection.execute(statement)
        return [
            candidates.table_content(connection, name, f"select * from release.{name}") for name in candidates.TABLES
        ]
    finally:
        connection.execute("detach release")


def _comments(connection: warehouse.Connection) -> list[str]:
    """Return the statements that give the released tables the comments that the marts have."""
    return [
        statement.replace("comment on table ", "comment on table release.", 1).replace(
            "comment on column ", "comment on column release.", 1
        )
        for statement in _comments_of(connection, "current_database()")
    ]


def _comments_of(connection: warehouse.Connection, database: str) -> list[str]:
    tables = connection.execute(
        f"select schema_name || '.' || table_name, comment from duckdb_tables() "
        f"where database_name = {database} and comment is not null order by 1"
    ).fetchall()
    columns = connection.execute(
        f"select schema_name || '.' || table_name, column_name, comment from duckdb_columns() "
        f"where database_name = {database} and comment is not null order by 1, column_index"
    ).fetchall()
    left_out = ("received_at",)
    return [
        *(f"comment on table {name} is '{_quoted(text)}'" for name, text in tables if name in candidates.TABLES),
        *(
            f"comment on column {name}.{column} is '{_quoted(text)}'"
            for name, column, text in columns
            if name in candidates.TABLES and column not in left_out
        ),
    ]


def _release(draft: Path, newest: Release | None, revise: bool) -> Release:
    """Turn a complete draft into the next revision, unless it says the same as the newest one."""
    drafted = _read_release(draft)
    if newest is not None and newest.content_digest == drafted.content_digest:
        shutil.rmtree(draft)
        return newest
    if newest is not None and not revise:
        shutil.rmtree(draft)
        raise PublicationRefused(
            f"release {newest.time_period} r{newest.revision} already exists with other contents; "
            "publish a revision instead (tuquan publish --revise)"
        )
    for path in _files(draft):
        path.chmod(0o444)
        _sync(path)
    for folder in [*(path for path in draft.rglob("*") if path.is_dir()), draft]:
        _sync(folder)
    target = draft.parent / drafted.time_period / f"r{drafted.revision}"
    target.parent.mkdir(exist_ok=True)
    draft.rename(target)
    _sync(target.parent)
    _sync(target.parent.parent)
    return _read_release(target)


def _point_to(releases: Path, release: Release) -> None:
    """Bring ``latest``, ``LATEST`` and the database over all releases up to date; what is right stays untouched."""
    _collect_releases(releases)
    place = f"{release.time_period}/r{release.revision}"
    latest, text = releases / "latest", releases / "LATEST"
    if not latest.is_symlink() or str(latest.readlink()) != place:
        swap = releases / f".tmp-latest-{os.getpid()}"
        swap.symlink_to(place)
        swap.replace(latest)
    if not text.exists() or text.read_text(encoding="utf-8") != place + "\n":
        _replace_text(text, place + "\n")
    _sync(releases)


def _collect_releases(releases: Path) -> None:
    """Rebuild ``releases/tuquan.duckdb``: the newest revision of every period together, for ``tuquan sql``.

    People may have it open: they keep the old file until they open it again.
    """
    newest = [_newest(releases, folder.name) for folder in sorted(releases.iterdir()) if folder.is_dir()]
    held = [release for release in newest if release is not None and not release.path.parent.is_symlink()]
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
            connection.execute(f"attach '{_quoted(release.path / DATABASE)}' as r{number} (read_only)")
        for name in candidates.TABLES:
            holders = [number for number in range(len(held)) if _has_table(connection, f"r{number}", name)]
            # Dimensions are whole in each release: the newest period has the newest ones.
            holders = holders[-1:] if name in candidates.DIMENSIONS else holders
            selects = (
                f"select *, {held[number].revision} as release_revision from r{number}.{name}" for number in holders
            )
            connection.execute(f"create table {name} as {' union all by name '.join(selects)} order by all")
        for statement in _comments_of(connection, f"'r{len(held) - 1}'"):
            connection.execute(statement)
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


def _register(connection: warehouse.Connection, release: Release, digest: str, approver: str) -> None:
    known = connection.execute(
        "select 1 from meta.releases where time_period = ? and revision = ? and digest = ?",
        [release.time_period, release.revision, digest],
    ).fetchone()
    if known is None:
        connection.execute(
            "insert into meta.releases values (?, ?, ?, ?, ?, ?)",
            [
                *(release.time_period, release.revision, digest, release.content_digest, approver),
                datetime.now(UTC).replace(tzinfo=None),
            ],
        )


def _newest(releases: Path, time_period: str) -> Release | None:
    folder = releases / time_period
    if folder.is_symlink() or not folder.is_dir():
        return None
    revisions = [int(match[1]) for path in folder.iterdir() if (match := _REVISION.fullmatch(path.name))]
    return _read_release(folder / f"r{max(revisions)}") if revisions else None


def _read_release(path: Path) -> Release:
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    return Release(
        path=path,
        time_period=manifest["time_period"],
        revision=manifest["revision"],
        digest=manifest["digest"],
        content_digest=manifest["content_digest"],
        approver=manifest["approval"]["approver"],
    )


def _read_tables(connection: warehouse.Connection) -> dict[str, list[dict[str, Any]]]:
    wanted = (name for name in candidates.TABLES if name not in ("marts.dim_areas", "marts.dim_periods"))
    return {name: warehouse.rows(connection, f"select * from {name} order by all") for name in wanted}


def _content_digest(tables: list[candidates.Table]) -> str:
    lines = (f"{table.name} {table.rows} {table.digest}" for table in tables)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@contextmanager
def _publication_lock() -> Iterator[Path]:
    """Let one process at a time write releases; yields their folder."""
    releases = settings.load().releases
    releases.mkdir(parents=True, exist_ok=True)
    with (releases / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield releases


def _sweep(releases: Path) -> None:
    """Remove what a killed run left unfinished."""
    for stale in releases.glob(".tmp-*"):
        if stale.is_dir() and not stale.is_symlink():
            shutil.rmtree(stale)
        else:
            stale.unlink()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _replace_text(path: Path, text: str) -> None:
    fresh = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    _sync(fresh)
    fresh.replace(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _quoted(text: Path | str) -> str:
    return str(text).replace("'", "''")
