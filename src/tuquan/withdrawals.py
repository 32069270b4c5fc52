"""Take back what was published: a new revision without figures and with a notice, never a change of what was released.

Whoever reads the newest release then finds no figure of the period, and each of them with the status ``withdrawn``; the
revision before stays where it is, and its manifest with it. To publish again needs another approval.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuquan import candidates, revisions, settings, showing, vintages, warehouse, withholding
from tuquan.candidates import quoted
from tuquan.releases import (
    DATABASE,
    MANIFEST,
    NoRelease,
    Release,
    files_of,
    newest_revision,
    point_to,
    publication_lock,
    read_manifest,
    replace_text,
    settle,
    sha256_of,
    withdrawn_at,
    write_checksums,
)
from tuquan.vocabulary.periods import parse_period, parse_reported_period
from tuquan.vocabulary.phrases import period_vi, phrase, shown

NOTICE = "THU-HOI.md"
CAUSE = "withdrawn"
# What may hold a figure, or say something about one, in words; who owed and sent a report stays known.
_EMPTIED = (
    *("marts.cumulative_reconciliation", "marts.quality_summary", "marts.statement_reconciliation"),
    *("quality.flags", "quality.held_figures"),
)
_FIGURES = (*candidates.OBSERVATIONS.values(), "marts.group_observations")
_KEPT = frozenset({"areas_expected", "areas_received", "areas_late"})


class AlreadyWithdrawn(ValueError):
    """The newest revision of the period is a withdrawal."""


def withdraw(time_period: str, withdrawn_by: str, reason: str) -> Path:
    """Write the revision that takes back the newest release of ``time_period`` and return its folder.

    Raises:
        NoRelease: the period has none.
        AlreadyWithdrawn: it was taken back before.
        NoEvidence: what stays in the office of that release is gone.
        ValueError: nobody, or no reason, is named.
    """
    parse_reported_period(time_period)
    if not withdrawn_by.strip() or not reason.strip():
        raise ValueError("a withdrawal names who takes the release back, and why")
    with publication_lock() as releases:
        newest = newest_revision(time_period)
        if newest is None:
            raise NoRelease(f"{time_period} has no release that could be taken back")
        if withdrawn_at(newest):
            raise AlreadyWithdrawn(f"{newest.place} is a withdrawal already; publish {time_period} again instead")
        release = settle(*_write_drafts(releases, newest, withdrawn_by, reason))
        vintages.bring_up_to_date()
        point_to(release)
        with warehouse.connect() as connection:
            connection.execute(
                "insert into meta.releases values (?, ?, ?, ?, ?, ?)",
                [
                    *(time_period, release.revision, release.digest, release.content_digest, withdrawn_by),
                    release.released_at,
                ],
            )
            showing.show_releases(connection, time_period)
    outbox = settings.load().outbox
    outbox.mkdir(parents=True, exist_ok=True)
    replace_text(outbox / f"{time_period}-r{release.revision}.md", (release.path / NOTICE).read_text(encoding="utf-8"))
    return release.path


def _write_drafts(releases: Path, newest: Release, withdrawn_by: str, reason: str) -> tuple[Path, Path]:
    """Write the revision that takes ``newest`` back into a folder, and what stays in the office in another."""
    now = datetime.now(UTC).replace(tzinfo=None)
    told = {
        "revision": newest.revision + 1,
        "parent": {"revision": newest.revision, "content_digest": newest.content_digest},
        "released_at": now.isoformat(timespec="seconds"),
        "digest": hashlib.sha256(f"{CAUSE} {newest.digest}".encode()).hexdigest(),
        "content_digest": None,
        "approval": {"is_approved": True, "approver": withdrawn_by, "note": reason, "decided_at": now.isoformat()},
        "withdrawal": {"reason": reason, "withdrawn_by": withdrawn_by, "withdrawn_at": now.isoformat()},
        "gaps": [],
    }
    lines = [
        "# " + phrase("withdrawal.title", period=period_vi(parse_period(newest.time_period))),
        "",
        phrase("withdrawal.body", revision=newest.revision, name=shown(withdrawn_by), reason=shown(reason)),
        phrase("withdrawal.consequence", parent=f"releases/{newest.place}"),
    ]
    place = f".tmp-{newest.time_period}-{os.getpid()}"
    draft, sealed = releases / place, releases / f"{place}-sealed"
    for folder, before in ((sealed, newest.evidence), (draft, newest.path)):
        folder.mkdir()
        parent = read_manifest(before)
        manifest = parent | told
        shutil.copyfile(before / DATABASE, folder / DATABASE)
        whole = sealed / DATABASE if folder == draft else None
        contents = _empty_database(folder / DATABASE, before, parent, manifest, whole)
        if folder == draft:
            (draft / NOTICE).write_text("\n".join(lines) + "\n", encoding="utf-8")
            manifest["tables"] = [asdict(table) for table in contents]
            manifest["files"] = [
                {"path": path.name, "size_bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for path in files_of(draft)
            ]
        text = json.dumps(manifest, ensure_ascii=False, indent=2, default=str)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
        write_checksums(folder)
    return draft, sealed


def _empty_database(
    path: Path, before: Path, parent: Mapping[str, Any], manifest: dict[str, Any], whole: Path | None
) -> list[candidates.Table]:
    """Take all figures out of a copied database, tell in it what became of them, and return what it holds now.

    What became of them is compared in what stays in the office; a release tells of it what the one before had told, so
    it is given the database that is ``whole``.
    """
    with warehouse.create(path) as connection:
        own = connection.execute("select current_database()").fetchone()[0]
        held = candidates.tables_of(connection, own)
        with warehouse.transaction(connection):
            for table in _FIGURES:
                taken = [name for name in held.get(table, ()) if name in _taken(connection, table)]
                if taken:
                    nulls = ", ".join(f"{name} = null" for name in taken)
                    connection.execute(f"update {table} set {nulls}, value_status = '{CAUSE}'")
            for table in (*_EMPTIED, *candidates.ABOUT_RELEASES):
                if table in held:
                    connection.execute(f"delete from {table}")
        contents = [
            candidates.table_content(connection, name, candidates.content_query(name))
            for name in candidates.TABLES
            if name in held and name not in candidates.ABOUT_RELEASES
        ]
        told = "\n".join(f"{table.name} {table.rows} {table.digest}" for table in contents)
        manifest["content_digest"] = hashlib.sha256(told.encode()).hexdigest()
        vintages.write_release(connection, "marts.releases", manifest, None)
        connection.execute(f"attach '{quoted(before / DATABASE)}' as parent (read_only)")
        if whole is None:
            revisions.write_revisions(connection, _side("parent", parent), _side(own, manifest))
        else:
            _tell_what_was_told(connection, whole)
        connection.execute("detach parent")
        connection.execute(
            f"update {revisions.TABLE} set cause = ?, cause_vi = ?", [CAUSE, phrase(f"revision.cause.{CAUSE}")]
        )
        return contents


def _tell_what_was_told(connection: warehouse.Connection, whole: Path) -> None:
    """Fill the revisions of a release from those of ``whole``, without the numbers that ``parent`` withheld."""
    columns = [name for name, _ in warehouse.columns(connection, revisions.TABLE)]
    numbers = ", ".join(f"{name} = null" for name in withholding.numbers_of_revisions(columns))
    connection.execute(f"attach '{quoted(whole)}' as whole (read_only)")
    connection.execute(
        f"insert into {revisions.TABLE} by name select {', '.join(columns)} from whole.{revisions.TABLE}"
    )
    connection.execute("detach whole")
    for level, table in candidates.OBSERVATIONS.items():
        withheld = f"select (ref_area, indicator) from parent.{table} where value_status = 'withheld'"
        connection.execute(
            f"update {revisions.TABLE} set {numbers}, old_status = 'withheld' "
            f"where level = '{level}' and (ref_area, indicator) in ({withheld})"
        )


def _taken(connection: warehouse.Connection, table: str) -> set[str]:
    """Return the columns of a table that say something about figures: all numbers but how many reports were owed."""
    numbers = ("DECIMAL", "BIGINT", "INTEGER", "DOUBLE", "HUGEINT")
    return {
        name
        for name, kind in warehouse.columns(connection, table)
        if kind.startswith(numbers) and name not in _KEPT and name != "version"
    }


def _side(database: str, manifest: Mapping[str, Any]) -> revisions.Side:
    names = ("revision", "decisions", "code_version", "seeds")
    return revisions.Side(database, **{name: manifest[name] for name in names})
