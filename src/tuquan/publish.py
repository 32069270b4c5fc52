"""A release: the files of one approved candidate, written once, whole or not at all, and never changed.

``releases/<time_period>/r<n>/`` appears by one rename of a complete, synced folder; ``kill -9`` at any moment leaves
either no release or a whole one, and the next call finishes what is left (the pointers and the register). What is in a
release follows from raw files, seeds, decisions and code alone, so the same content again is the same revision.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuquan import candidates, model_docs, settings, showing, vintages, warehouse, withholding
from tuquan.candidates import quoted
from tuquan.data_docs import RELEASED_DATA_DOCS
from tuquan.inputs import code_version
from tuquan.release_files import write_files
from tuquan.release_paper import print_release
from tuquan.releases import (
    DATABASE,
    MANIFEST,
    NoRelease,
    Release,
    copy_comments,
    copy_views,
    files_of,
    is_period,
    newest_revision,
    point_to,
    publication_lock,
    read_manifest,
    read_release,
    replace_text,
    revisions_of,
    settle,
    sha256_of,
    withdrawn_at,
    write_checksums,
)
from tuquan.revisions import Side, write_revisions
from tuquan.vocabulary.periods import parse_period, parse_reported_period
from tuquan.vocabulary.phrases import number_vi, period_vi, phrase
from tuquan.vocabulary.seeds import seed_digests
from tuquan.workbook.release_book import ReleaseBook
from tuquan.workbook.release_workbook import write_release_workbook

DRAFT = "du-thao"
# What the evidence needs of what follows from the seeds; the release has all of it.
_SEALED_DIMENSIONS = ("marts.dim_areas", "marts.dim_indicators", "marts.dim_period_parts", "marts.dim_periods")
_SOFTWARE = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "scipy", "typst", "xlsxwriter")
# What of the evidence stands in the manifest of a release.
_PUBLIC = (
    *("time_period", "revision", "parent", "released_at", "digest", "content_digest"),
    *("code_version", "software", "seeds", "gaps"),
)
_PUBLIC_PARTS = {
    "decisions": ("check_name", "ref_area", "indicator", "choice", "decided_at"),
    "gate_results": ("gate", "check_name", "expectation", "severity", "is_met", "unexpected_count"),
}

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
    and decided_at > coalesce($since::timestamp, '-infinity')
order by decided_at desc limit 1
"""


class PublicationRefused(RuntimeError):
    """The period may not be published now; the message says why and what to do."""


def publish(time_period: str, approver: str | None = None, revise: bool = True) -> Path:
    """Write the release of the approved candidate of ``time_period`` and return its folder.

    If the newest revision has the same content already, that one is returned and nothing is written.

    Raises:
        PublicationRefused: not judged, gate closed, not approved (by ``approver`` if one is named), changed since, or
            other contents without ``revise``.
    """
    parse_reported_period(time_period)
    with publication_lock() as releases:
        newest = newest_revision(time_period)
        with warehouse.connect() as connection:
            digest, approval = _approved_candidate(connection, time_period, approver, withdrawn_at(newest))
            drafts = None
            if newest is None or newest.digest != digest:
                drafts = _write_draft(connection, releases, time_period, digest, approval, newest)
        release = newest if drafts is None else _settle_or_keep(*drafts, newest, revise)
        vintages.bring_up_to_date()
        point_to(release)
        with warehouse.connect() as connection:
            _register(connection, release, digest, approval["approver"])
            showing.show_releases(connection, time_period)
        return release.path


def write_draft(time_period: str) -> Path:
    """Write the package that a release of ``time_period`` would be now, marked as a draft, and return its folder.

    It stays in ``review/<time_period>/du-thao``: nobody has approved it.

    Raises:
        PublicationRefused: the period is not built, or a small count could be computed from the package.
    """
    parse_reported_period(time_period)
    with publication_lock() as releases:
        with warehouse.connect() as connection:
            digest = candidates.current_digest(connection, time_period)
            if digest is None:
                raise PublicationRefused(f"{time_period} is not built; build it first (tuquan build --period ...)")
            unsigned = {"is_approved": False, "approver": None, "note": None, "decided_at": None}
            draft, sealed = _write_draft(
                connection, releases, time_period, digest, unsigned, newest_revision(time_period)
            )
        target = settings.load().review / time_period / DRAFT
        shutil.rmtree(sealed)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(target)
        return target


def announce(time_period: str) -> Path:
    """Write one Vietnamese note about the newest release of ``time_period`` into the outbox.

    Raises:
        NoRelease: the period has no release.
    """
    paths = settings.load()
    release = newest_revision(time_period)
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
        *([phrase("announce.preliminary")] if missing or held else []),
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
    replace_text(note, "\n".join(lines) + "\n")
    return note


def query(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Answer ``sql`` from the newest revision of every released period: column names and rows.

    The database is opened for reading only and reaches neither other files nor the network.

    Raises:
        NoRelease: nothing is released yet.
        NotAQuery: it is not one query that reads.
    """
    path = settings.load().releases / DATABASE
    if not path.exists():
        raise NoRelease("there is no release yet; publish one first (tuquan publish --period ...)")
    with warehouse.open_release(path) as connection:
        connection.execute("set search_path = 'marts,quality'")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        return warehouse.answer(connection, sql)


def _approved_candidate(
    connection: warehouse.Connection, time_period: str, approver: str | None, since: str | None
) -> tuple[str, dict[str, Any]]:
    """Return the newest candidate and its approval, which was given after ``since``: when a release was taken back."""
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
            f"{time_period} changed since its gates judged it, or has news that is not built; "
            f"build and judge it again (tuquan build, tuquan gate --period {time_period})"
        )
    names = {"time_period": time_period, "digest": digest, "approver": approver, "since": since}
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
) -> tuple[Path, Path]:
    """Write all files of the next revision into a folder beside the releases, and what stays in the office in another.

    Raises:
        PublicationRefused: somebody could compute a small count from it and what was published before.
    """
    revision = parent.revision + 1 if parent else 1
    draft = releases / f".tmp-{time_period}-{os.getpid()}"
    sealed = releases / f".tmp-{time_period}-{os.getpid()}-sealed"
    for folder in (draft, sealed):
        folder.mkdir(parents=True)
    names = {"time_period": time_period}
    evidence = {
        "time_period": time_period,
        "revision": revision,
        "parent": {"revision": parent.revision, "content_digest": parent.content_digest} if parent else None,
        "released_at": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds"),  # UTC
        "digest": digest,
        "content_digest": None,  # known when the tables are written
        "approval": approval,
        "code_version": code_version(),
        "software": {name: version(name) for name in _SOFTWARE},
        "seeds": seed_digests(),
        "raw_files": warehouse.rows(connection, _RAW_FILES, names),
        "decisions": warehouse.rows(connection, _DECISIONS, names),
        "gate_results": candidates.newest_gate_results(connection, time_period),
        "gaps": candidates.gaps(connection, time_period),  # with any, it is a preliminary release
    }
    _write_sealed(connection, sealed / DATABASE, evidence, parent)
    contents = _write_database(connection, sealed / DATABASE, draft / DATABASE, evidence)
    manifest = _public(evidence)
    with warehouse.open_release(draft / DATABASE) as released:
        facts = {
            "title": f"{phrase('release.title')}: {period_vi(parse_period(time_period))}",
            "version": f"{revision}.0.0",
            "created": evidence["released_at"] + "Z",
        }
        write_files(released, draft, time_period, facts)
        book = ReleaseBook(
            period=parse_period(time_period),
            revision=revision,
            digest=digest,
            code_version=code_version(),
            files=manifest["inputs"]["files"],
            tables=_read_tables(released),
            is_draft=not approval["is_approved"],
            is_preliminary=bool(evidence["gaps"]),
        )
    write_release_workbook(draft / "bang-so-lieu.xlsx", book)
    print_release(draft, book)
    if model_docs.model_docs_file().exists():  # the newest build leaves it
        (draft / "dbt-docs").mkdir()
        shutil.copyfile(model_docs.model_docs_file(), draft / "dbt-docs" / "index.html")
    data_docs = settings.load().review / time_period / RELEASED_DATA_DOCS
    if data_docs.is_dir():
        shutil.copytree(data_docs, draft / "data-docs")
    manifest["tables"] = [asdict(table) for table in contents]
    manifest["files"] = [
        {"path": str(path.relative_to(draft)), "size_bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in files_of(draft)
    ]
    for folder, told in ((sealed, evidence), (draft, manifest)):
        text = json.dumps(told, ensure_ascii=False, indent=2, default=str)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
        write_checksums(folder)
    return draft, sealed


def _public(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What of the evidence a manifest tells. It has neither values nor the words of people.

    The digest of a small file with one unknown number would tell that number to whoever tries all of them, so files
    have one digest together; that of each stays in the office.
    """
    said = {name: evidence[name] for name in _PUBLIC}
    said["approval"] = {name: evidence["approval"][name] for name in ("is_approved", "approver", "decided_at")}
    digests = sorted(file["sha256"] for file in evidence["raw_files"])
    said["inputs"] = {"files": len(set(digests)), "digest": hashlib.sha256("\n".join(digests).encode()).hexdigest()}
    for name, allowed in _PUBLIC_PARTS.items():
        said[name] = [{key: row[key] for key in allowed} for row in evidence[name]]
    return said


def _write_sealed(
    connection: warehouse.Connection, path: Path, evidence: Mapping[str, Any], parent: Release | None
) -> None:
    """Write all tables of the candidate, what changed since the release before, and what will be withheld."""
    time_period = evidence["time_period"]
    with _attached(connection, {"sealed": path}):
        for schema in ("marts", "quality"):
            connection.execute(f"create schema sealed.{schema}")
        for name, select in candidates.TABLES.items():
            if name in candidates.DIMENSIONS and name not in _SEALED_DIMENSIONS:
                continue
            names = {"time_period": time_period} if "$time_period" in select else {}
            described = connection.execute(f"describe {select}", names).fetchall()
            order = [column for column in candidates.ORDER if column in {row[0] for row in described}]
            connection.execute(f"create table sealed.{name} as {select} order by {', '.join(order) or 'all'}", names)
        if parent:
            with _attached(connection, {"parent": parent.evidence / DATABASE}, read_only=True):
                told = read_manifest(parent.evidence)
                write_revisions(connection, _side("parent", told), _side("sealed", evidence))
        rules = withholding.read_rules(connection, "sealed")
        earlier = _said_before(connection, rules, time_period)
        try:
            withholding.withhold(connection, "sealed", time_period, (said for _, said in earlier))
        except withholding.NotProtected as error:
            raise PublicationRefused(str(error)) from error
        of_parent = next((said for release, said in earlier if parent and release.path == parent.path), None)
        withholding.prepare(connection, "sealed", rules, of_parent)


def _said_before(
    connection: warehouse.Connection, rules: withholding.Rules, time_period: str
) -> list[tuple[Release, withholding.Said]]:
    """Return what the releases of all related periods said, each with the groupings of communes then in force."""
    folder = settings.load().releases
    periods = sorted(path.name for path in folder.iterdir() if is_period(path))
    found = []
    for period in withholding.related_periods(rules, time_period, periods):
        for release in revisions_of(folder / period):
            members = withholding.read_members(connection, "sealed", period)
            with _attached(connection, {"earlier": release.evidence / DATABASE}, read_only=True):
                found.append((release, withholding.read_said(connection, "earlier", rules, members)))
    return found


@contextmanager
def _attached(connection: warehouse.Connection, files: Mapping[str, Path], read_only: bool = False) -> Iterator[None]:
    database = connection.execute("select current_database()").fetchone()[0]
    for name, path in files.items():
        connection.execute(f"attach '{quoted(path)}' as {name}" + (" (read_only)" if read_only else ""))
    try:
        yield
    finally:
        connection.execute(f"use {database}")
        for name in files:
            connection.execute(f"detach {name}")


def _write_database(
    connection: warehouse.Connection, sealed: Path, path: Path, evidence: dict[str, Any]
) -> list[candidates.Table]:
    """Write tables, views and comments of the release, note their digest in ``evidence``, and return what they hold."""
    database = connection.execute("select current_database()").fetchone()[0]
    with _attached(connection, {"release": path}), _attached(connection, {"sealed": sealed}, read_only=True):
        for schema in ("marts", "quality"):
            connection.execute(f"create schema release.{schema}")
        for name in candidates.TABLES:
            source = f'"{database}"' if name in candidates.DIMENSIONS else None
            query = withholding.release_table(connection, "sealed", name, source)
            connection.execute(f"create table release.{name} as {query}")
        contents = [
            candidates.table_content(connection, name, candidates.content_query(f"release.{name}"))
            for name in candidates.TABLES
            if name not in candidates.ABOUT_RELEASES
        ]
        evidence["content_digest"] = _content_digest(contents)
        vintages.write_release(connection, "release.marts.releases", evidence, None)
        connection.execute("use release")
        vintages.write_history(connection, "release")
        copy_views(connection, database, "release")
        copy_comments(connection, database, "release")
        return contents


def _side(database: str, manifest: Mapping[str, Any]) -> Side:
    names = ("revision", "decisions", "code_version", "seeds")
    return Side(database, **{name: manifest[name] for name in names})


def _settle_or_keep(draft: Path, sealed: Path, newest: Release | None, revise: bool) -> Release:
    """Turn a complete draft into the next revision, unless it says the same as the newest one."""
    if newest is None:
        return settle(draft, sealed)
    is_same = newest.content_digest == read_release(draft).content_digest
    if revise and not is_same:
        return settle(draft, sealed)
    shutil.rmtree(draft)
    shutil.rmtree(sealed)
    if is_same:
        return newest
    raise PublicationRefused(
        f"release {newest.time_period} r{newest.revision} already exists with other contents; "
        "publish a revision instead (tuquan publish --revise)"
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
                datetime.now(UTC).replace(tzinfo=None),  # the same release may be registered for another digest
            ],
        )


def _read_tables(connection: warehouse.Connection) -> dict[str, list[dict[str, Any]]]:
    wanted = (name for name in candidates.TABLES if name not in ("marts.dim_areas", "marts.dim_periods"))
    return {name: warehouse.rows(connection, f"select * from {name} order by all") for name in wanted}


def _content_digest(tables: list[candidates.Table]) -> str:
    lines = (f"{table.name} {table.rows} {table.digest}" for table in tables)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
