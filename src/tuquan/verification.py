"""Whether a release is what was published: needs nothing but its folder, no warehouse and no network."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuquan import candidates, warehouse
from tuquan.releases import CHECKSUMS, DATABASE, MANIFEST, files_of, sha256_of
from tuquan.vocabulary.phrases import phrase


@dataclass(frozen=True)
class Fault:
    """What is not as it was published: ``kind`` is missing, extra, changed, manifest or table."""

    kind: str
    path: str

    @property
    def message_vi(self) -> str:
        return phrase(f"verify.{self.kind}", path=self.path)


def verify(folder: Path) -> list[Fault]:
    """Return everything in which ``folder`` differs from what its manifest and checksums say; nothing: it is whole.

    Raises:
        FileNotFoundError: there is no release in the folder.
    """
    if not (folder / MANIFEST).is_file() and not (folder / CHECKSUMS).is_file():
        raise FileNotFoundError(f"{folder} holds no release: neither {MANIFEST} nor {CHECKSUMS} is there")
    return list(_faults(folder))


def _faults(folder: Path) -> Iterator[Fault]:
    found = {str(path.relative_to(folder)): path for path in files_of(folder)}
    listed = _checksums(folder / CHECKSUMS)
    if listed is None:
        yield Fault("missing" if CHECKSUMS not in found else "manifest", CHECKSUMS)
        listed = {}
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        named = {file["path"]: file["sha256"] for file in manifest["files"]}
        tables = {table["name"]: (table["rows"], table["digest"]) for table in manifest["tables"]}
        content_digest = manifest["content_digest"]
    except (OSError, ValueError, KeyError, TypeError):
        yield Fault("missing" if MANIFEST not in found else "manifest", MANIFEST)
        named, tables, content_digest = {}, {}, None
    told = listed | named
    for path in sorted(told.keys() - found.keys() - {MANIFEST}):
        yield Fault("missing", path)
    for path in sorted(found.keys() - told.keys() - {MANIFEST, CHECKSUMS}):
        yield Fault("extra", path)
    for path in sorted(told.keys() & found.keys()):
        digest = sha256_of(found[path])
        if digest != told[path] or listed.get(path, digest) != digest:
            yield Fault("changed", path)
    if tables and DATABASE in found:
        yield from _faults_of_tables(found[DATABASE], tables, content_digest)


def _checksums(path: Path) -> dict[str, str] | None:
    """Read a file of ``sha256sum``; None when it is not one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    pairs = [line.split("  ", 1) for line in lines]
    if any(len(pair) != 2 or len(pair[0]) != 64 for pair in pairs):
        return None
    return {name: digest for digest, name in pairs}


def _faults_of_tables(path: Path, tables: dict[str, tuple[int, str]], content_digest: str | None) -> Iterator[Fault]:
    """Compare the rows of the database with their digests: they hold for any copy of it, whatever its bytes are."""
    try:
        with warehouse.open_release(path) as connection:
            for name, (rows, digest) in tables.items():
                query = candidates.content_query(name)
                now = candidates.table_content(connection, name, query)
                if (now.rows, now.digest) != (rows, digest):
                    yield Fault("table", name)
    except warehouse.BadFile:
        yield Fault("table", DATABASE)
    lines = (f"{name} {rows} {digest}" for name, (rows, digest) in tables.items())
    if hashlib.sha256("\n".join(lines).encode()).hexdigest() != content_digest:
        yield Fault("manifest", MANIFEST)
