"""Inbox → immutable raw file + one line in the register.

The inbox belongs to its senders: nothing in it is moved, changed or deleted. A file that still lies there unchanged is
recognised by its name, size and time without being read again; the same bytes under another name are a repeat.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tuquan import settings, warehouse
from tuquan.vocabulary.phrases import load_checks, phrase, shown
from tuquan.workbook.remarks import quoted

# A filled form has 20 kB; this is the largest thing that a person may send by mistake and we still look at.
MAX_FILE_BYTES = 50_000_000
CHUNK = 500
FOLDER = "folder"
# What spreadsheet programs, sync clients and file managers leave behind; nobody sent these.
NOT_SENT = ("~$", ".", "Thumbs.db", "desktop.ini")
STILL_ARRIVING = (".part", ".partial", ".crdownload", ".filepart")


@dataclass(frozen=True)
class Entry:
    """Something that lay in a channel. ``declared_name`` is data; it never becomes part of a path of ours.

    ``refusal`` names the line of ``seeds/checks.csv`` for which it cannot be taken, ``reason`` the fact behind it.
    """

    channel: str
    declared_name: str
    path: Path
    size_bytes: int = 0
    modified_ns: int = 0
    sha256: str | None = None
    refusal: str | None = None
    reason: str = ""


@dataclass
class Collected:
    """What one pass over an inbox found, in files."""

    registered: int = 0
    repeated: int = 0
    refused: int = 0
    unchanged: int = 0
    waiting: list[str] = field(default_factory=list)


def register_inbox(inbox: Path | None = None) -> Collected:
    """Take every new file of the inbox folder into the raw store and the register; status ``registered``.

    What cannot be taken (a link, a pipe, unreadable, empty, oversized) is registered as ``refused`` with its reason,
    and everything else goes on. Safe to repeat and to kill: a file is in the raw store before it is in the register.
    """
    paths = settings.load()
    inbox = inbox or paths.inbox
    # Two folders may hold files of one name, size and time, which are different files all the same.
    channel = FOLDER if inbox.resolve() == paths.inbox else f"{FOLDER} {shown(str(inbox.resolve()))}"
    inbox.mkdir(parents=True, exist_ok=True)
    collected = Collected()
    with warehouse.connect() as connection:
        known = _known_entries(connection, channel)
        new, unchanged = [], []
        for entry in scan_folder(inbox, channel):
            if entry.declared_name.lower().endswith(STILL_ARRIVING):
                collected.waiting.append(entry.declared_name)
            elif known.get(entry.declared_name) == (entry.size_bytes, entry.modified_ns):
                unchanged.append(entry.declared_name)
            else:
                new.append(entry)
        _count_sightings(connection, channel, unchanged)
        collected.unchanged = len(unchanged)
        new.sort(key=lambda entry: (entry.modified_ns, entry.declared_name))
        for start in range(0, len(new), CHUNK):
            _register(connection, _keep(new[start : start + CHUNK], paths), collected)
    return collected


def scan_folder(inbox: Path, channel: str = FOLDER) -> Iterator[Entry]:
    """Yield what lies in ``inbox`` and below, ordered by name, without opening or following anything."""
    closed: list[OSError] = []
    for folder, folders, names in os.walk(inbox, onerror=closed.append, followlinks=False):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            if name.startswith(NOT_SENT):
                continue
            path = Path(folder) / name
            try:
                facts = path.lstat()
            except OSError as error:
                yield _refused(Entry(channel, _declared_name(path, inbox), path), error)
                continue
            entry = Entry(channel, _declared_name(path, inbox), path, facts.st_size, facts.st_mtime_ns)
            yield entry if stat.S_ISREG(facts.st_mode) else _refused(entry)
    for error in closed:
        path = Path(error.filename)
        if path == inbox:
            raise error
        yield _refused(Entry(channel, _declared_name(path, inbox), path), error)


def _declared_name(path: Path, inbox: Path) -> str:
    """The name below the inbox; one that is not UTF-8 stays readable and unique instead of stopping the scan."""
    return os.fsencode(path.relative_to(inbox)).decode("utf-8", "backslashreplace")


def _keep(entries: Sequence[Entry], paths: settings.Settings) -> list[Entry]:
    """Copy each entry into the raw store; when this returns, the copies survive a power cut."""
    incoming = paths.raw / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)  # what a killed run left
    incoming.mkdir(parents=True)
    kept = [entry if entry.refusal else _copy(entry, incoming) for entry in entries]
    # All are written before the first is waited for: the disk then has little left to do.
    touched = {paths.raw}
    for sha256 in sorted({entry.sha256 for entry in kept if entry.sha256}):
        copy, target = incoming / sha256, paths.raw_file(sha256)
        _wait_for_disk(copy, os.fdatasync)
        copy.chmod(0o444)
        target.parent.mkdir(exist_ok=True)
        copy.replace(target)
        touched.add(target.parent)
    for folder in touched:
        _wait_for_disk(folder, os.fsync)
    return kept


def _copy(entry: Entry, incoming: Path) -> Entry:
    if entry.size_bytes > MAX_FILE_BYTES:
        return replace(entry, refusal="file_is_of_a_safe_size", reason=f"{entry.size_bytes}")
    try:
        content = _content(entry.path)
    except OSError as error:
        return _refused(entry, error)
    if content is None:
        return _refused(entry)
    if not content or len(content) > MAX_FILE_BYTES:
        check = "file_is_of_a_safe_size" if content else "file_is_not_empty"
        return replace(entry, refusal=check, reason=f"{len(content)}")
    sha256 = hashlib.sha256(content).hexdigest()
    (incoming / sha256).write_bytes(content)
    return replace(entry, sha256=sha256)


def _content(path: Path) -> bytes | None:
    """Return what stands in a file, up to one byte beyond the limit; None when it is no regular file.

    The entry may have been swapped since the scan: refuse links, never wait for a pipe, look again.
    """
    source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(source, "rb") as reader:
        return reader.read(MAX_FILE_BYTES + 1) if stat.S_ISREG(os.fstat(source).st_mode) else None


def _wait_for_disk(path: Path, sync: Callable[[int], None]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def _register(connection: warehouse.Connection, entries: Sequence[Entry], collected: Collected) -> None:
    first_arrivals = {
        row["sha256"]: row["arrival_id"]
        for row in warehouse.rows(
            connection,
            # Bytes of which nothing was taken are read again: the seeds may know more by now.
            "select sha256, min(arrival_id) as arrival_id from raw.arrivals where sha256 in (select unnest(?)) and "
            "(status = 'registered' or arrival_id in (select arrival_id from raw.submissions where is_loaded)) "
            "group by all",
            [[entry.sha256 for entry in entries if entry.sha256]],
        )
    }
    next_id = connection.execute("select coalesce(max(arrival_id), 0) + 1 from raw.arrivals").fetchone()[0]
    received_at = datetime.now(UTC).replace(tzinfo=None).isoformat()
    arrivals, findings, inbox_entries = [], [], []
    for arrival_id, entry in enumerate(entries, start=next_id):
        repeats = first_arrivals.get(entry.sha256) if entry.sha256 else None
        if entry.refusal:
            status = "refused"
            collected.refused += 1
            findings.append(_finding(arrival_id, entry))
        elif repeats:
            status = "duplicate"
            collected.repeated += 1
        else:
            status = "registered"
            collected.registered += 1
            first_arrivals[entry.sha256] = arrival_id
        known_as = {"channel": entry.channel, "declared_name": entry.declared_name, "size_bytes": entry.size_bytes}
        arrivals.append(
            {
                "arrival_id": arrival_id,
                "sha256": entry.sha256,
                "received_at": received_at,
                "status": status,
                "repeats_arrival_id": repeats,
                **known_as,
            }
        )
        inbox_entries.append({"modified_ns": entry.modified_ns, "arrival_id": arrival_id, "times_seen": 1, **known_as})
    with warehouse.transaction(connection):
        warehouse.append(connection, "raw.arrivals", arrivals)
        warehouse.append(connection, "raw.findings", findings)
        connection.execute(
            "delete from meta.inbox_entries where channel = ? and declared_name in (select unnest(?))",
            [entries[0].channel, [entry.declared_name for entry in entries]],
        )
        warehouse.append(connection, "meta.inbox_entries", inbox_entries)


def _finding(arrival_id: int, entry: Entry) -> dict[str, object]:
    check, file = load_checks()[entry.refusal], quoted(entry.declared_name.rsplit("/", 1)[-1])
    return {
        "arrival_id": arrival_id,
        "check_name": check.check,
        "severity": "refused",
        "message_vi": check.message(file=file, reason=entry.reason, value=entry.reason, limit=MAX_FILE_BYTES),
    }


def _refused(entry: Entry, error: OSError | None = None) -> Entry:
    """Return the entry as one that cannot be opened, or that is no regular file."""
    if error is not None:
        return replace(entry, refusal="file_can_be_opened", reason=phrase("reason.not_readable"))
    kind = "link" if entry.path.is_symlink() else "not_a_file"
    return replace(entry, refusal="file_is_a_regular_file", reason=phrase(f"reason.{kind}"))


def _known_entries(connection: warehouse.Connection, channel: str) -> dict[str, tuple[int, int]]:
    found = connection.execute(
        "select declared_name, size_bytes, modified_ns from meta.inbox_entries where channel = ?", [channel]
    )
    return {name: (size, modified) for name, size, modified in found.fetchall()}


def _count_sightings(connection: warehouse.Connection, channel: str, names: list[str]) -> None:
    if names:
        connection.execute(
            "update meta.inbox_entries set times_seen = times_seen + 1 "
            "where channel = ? and declared_name in (select unnest(?))",
            [channel, names],
        )
