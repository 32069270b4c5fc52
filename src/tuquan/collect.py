"""Channels → incoming files + one line each in the register.

Every channel is a list of deliveries and one call of :func:`receive`. The inbox belongs to its senders: nothing in it
is moved, changed or deleted. What lies there unchanged is recognised by identity and version without being read.
"""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tuquan import settings, store, warehouse
from tuquan.vocabulary.phrases import load_checks, phrase, shown
from tuquan.vocabulary.privacy_signs import mask_file_name
from tuquan.workbook.remarks import quoted

# A filled form has 20 kB; this is the largest thing that a person may send by mistake and we still look at.
MAX_FILE_BYTES = 50_000_000
CHUNK = 500
FOLDER = "folder"
# What spreadsheet programs, sync clients and file managers leave behind; nobody sent these.
NOT_SENT = ("~$", ".", "Thumbs.db", "desktop.ini")
STILL_ARRIVING = (".part", ".partial", ".crdownload", ".filepart")


@dataclass(frozen=True)
class Reply:
    """How an answer finds its way back, in the words of the channel. Kept until the answer is out, then forgotten."""

    address: str  # mail address, or where the answer is to lie below the channel
    subject: str = ""
    in_reply_to: str = ""
    reference_ids: str = ""


@dataclass(frozen=True)
class Delivery:
    """One file as a channel brings it. Names are data; they never become part of a path of ours.

    ``refusal`` names the line of ``seeds/checks.csv`` for which it cannot be taken, ``reason`` the fact behind it.
    """

    channel: str  # "folder", "folder /path", "sftp <conn>", "mail <conn>", "kobo <asset>": no secrets
    identity: str  # stable within the channel: path below the folder, "<Message-ID> 2", rootUuid
    version: str  # changes whenever the content may have: size and time, etag, instanceID
    declared_name: str  # as the sender named it, with the folders of the channel
    # (most bytes) → content, at most one byte more; None = not a regular file; OSError = unreadable
    read: Callable[[int], bytes | None]
    size_bytes: int = 0
    modified_ns: int = 0  # since 1970, UTC; also the order of arrival
    sender: str | None = None  # never an address: a digest of it
    reply: Reply | None = None
    refusal: str | None = None
    reason: str = ""
    # Where somebody may be writing meanwhile: gives the version of this moment, None when it is gone.
    look_again: Callable[[], str | None] | None = None
    is_record: bool = False  # the identity is one report for ever: another version is an edit of it

    @property
    def key(self) -> str:
        """A digest of channel and identity: what a channel calls a file may be personal, so it is not kept."""
        return hashlib.sha256(f"{self.channel}\n{self.identity}".encode()).hexdigest()[:32]


@dataclass
class Collected:
    """What one pass over the channels found, in files."""

    registered: int = 0
    refused: int = 0
    unchanged: int = 0
    waiting: list[str] = field(default_factory=list)


def register_inbox(inbox: Path | None = None) -> Collected:
    """Receive every new file of the inbox folder and below."""
    paths = settings.load()
    inbox = inbox or paths.inbox
    # Two folders may hold files of one name, size and time, which are different files all the same.
    channel = FOLDER if inbox.resolve() == paths.inbox else f"{FOLDER} {shown(str(inbox.resolve()))}"
    inbox.mkdir(parents=True, exist_ok=True)
    return receive(scan_folder(inbox, channel))


def receive(deliveries: Iterable[Delivery]) -> Collected:
    """Take every new delivery into ``incoming/`` and the register; status ``registered``.

    What cannot be taken (a link, a pipe, unreadable, empty, oversized) is registered as ``refused`` with its reason,
    and everything else goes on. Safe to repeat and to kill: a file is in ``incoming/`` before it is in the register.
    Which of two things of one identity came later decides their order; the last of one list stands for it.
    """
    found = {delivery.key: delivery for delivery in deliveries}
    collected = Collected()
    with warehouse.connect() as connection:
        known = _known_versions(connection, list(found))
        unchanged = [key for key, delivery in found.items() if known.get(key) == delivery.version]
        _count_sightings(connection, unchanged)
    collected.unchanged = len(unchanged)
    seen = set(unchanged)
    new = [delivery for key, delivery in found.items() if key not in seen]
    new = _settled(sorted(new, key=lambda delivery: (delivery.modified_ns, delivery.declared_name)), collected)
    for start in range(0, len(new), CHUNK):
        with warehouse.connect() as connection:  # the lock: nobody sweeps incoming/ before these are in the register
            chunk = new[start : start + CHUNK]
            known = _known_versions(connection, [delivery.key for delivery in chunk])  # another pass may be faster
            chunk = [delivery for delivery in chunk if known.get(delivery.key) != delivery.version]
            collected.unchanged += min(len(new), start + CHUNK) - start - len(chunk)
            _register(connection, _keep(chunk), collected)
    return collected


def _settled(new: Sequence[Delivery], collected: Collected) -> list[Delivery]:
    """Return what nobody is still writing: files whose time is long ago, or that look the same at a second look."""
    wait = settings.load().settle_seconds
    now = time.time_ns()
    waiting, young = set(), []
    for delivery in new:
        if delivery.look_again is None or delivery.refusal:
            continue
        if delivery.declared_name.lower().endswith(STILL_ARRIVING):
            waiting.add(delivery.key)
        # A time in the future is young, too, and the clock of another machine says nothing.
        elif now - delivery.modified_ns < wait * 1e9 or not delivery.channel.startswith(FOLDER):
            young.append(delivery)
    if young:
        time.sleep(wait)
        waiting |= {delivery.key for delivery in young if delivery.look_again() != delivery.version}
    collected.waiting = [delivery.declared_name for delivery in new if delivery.key in waiting]
    return [delivery for delivery in new if delivery.key not in waiting]


def scan_folder(inbox: Path, channel: str = FOLDER) -> Iterator[Delivery]:
    """Yield what lies in ``inbox`` and below, ordered by name, without opening or following anything."""
    closed: list[OSError] = []
    for folder, folders, names in os.walk(inbox, onerror=closed.append, followlinks=False):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            if not name.startswith(NOT_SENT):
                yield look_at(Path(folder) / name, name_below(Path(folder) / name, inbox), channel)
    for error in closed:
        path = Path(error.filename)
        if path == inbox:
            raise error
        yield _unreadable(look_at(path, name_below(path, inbox), channel))


def look_at(path: Path, declared_name: str, channel: str = FOLDER) -> Delivery:
    """Return what lies at ``path`` as a delivery, without opening or following it."""
    delivery = Delivery(
        channel,
        identity=declared_name,
        version="",
        declared_name=declared_name,
        read=lambda most: _content(path, most),
        look_again=lambda: _version(path),
    )
    try:
        facts = path.lstat()
    except OSError:
        return _unreadable(delivery)
    delivery = replace(
        delivery,
        version=f"{facts.st_size} {facts.st_mtime_ns}",
        size_bytes=facts.st_size,
        modified_ns=facts.st_mtime_ns,
    )
    if stat.S_ISREG(facts.st_mode):
        return delivery
    return _irregular(delivery, "link" if stat.S_ISLNK(facts.st_mode) else "not_a_file")


def content_of(delivery: Delivery) -> tuple[bytes | None, Delivery]:
    """Return the bytes of a delivery, or None and the delivery with the reason why it is refused at the door."""
    if delivery.refusal:
        return None, delivery
    if delivery.size_bytes > MAX_FILE_BYTES:
        return None, replace(delivery, refusal="file_is_of_a_safe_size", reason=f"{delivery.size_bytes}")
    try:
        content = delivery.read(MAX_FILE_BYTES)
    except OSError:
        return None, _unreadable(delivery)
    if content is None:
        return None, _irregular(delivery, "not_a_file")
    if not content or len(content) > MAX_FILE_BYTES:
        check = "file_is_of_a_safe_size" if content else "file_is_not_empty"
        return None, replace(delivery, refusal=check, reason=f"{len(content)}")
    return content, replace(delivery, size_bytes=len(content))


def refusal_finding(delivery: Delivery) -> dict[str, object]:
    """Return what is said about a delivery that is refused at the door, as a row of ``raw.findings``."""
    check = load_checks()[delivery.refusal or ""]
    file = quoted(mask_file_name(delivery.declared_name.rsplit("/", 1)[-1]))
    return {
        "check_name": check.check,
        "severity": "refused",
        "message_vi": check.message(file=file, reason=delivery.reason, value=delivery.reason, limit=MAX_FILE_BYTES),
    }


def name_below(path: Path, folder: Path) -> str:
    """Return the name below a folder; one that is not UTF-8 stays readable and unique instead of stopping the scan."""
    return os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")


def _version(path: Path) -> str | None:
    try:
        facts = path.lstat()
    except OSError:
        return None
    return f"{facts.st_size} {facts.st_mtime_ns}"


def _content(path: Path, most: int) -> bytes | None:
    """Return what stands in a file, up to one byte beyond ``most``; None when it is no regular file.

    The entry may have been swapped since the scan: refuse links, never wait for a pipe, look again.
    """
    source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(source, "rb") as reader:
        return reader.read(most + 1) if stat.S_ISREG(os.fstat(source).st_mode) else None


def _unreadable(delivery: Delivery) -> Delivery:
    return replace(delivery, refusal="file_can_be_opened", reason=phrase("reason.not_readable"))


def _irregular(delivery: Delivery, kind: str) -> Delivery:
    return replace(delivery, refusal="file_is_a_regular_file", reason=phrase(f"reason.{kind}"))


def _keep(deliveries: Sequence[Delivery]) -> list[tuple[Delivery, str | None]]:
    """Copy what can be taken into ``incoming/`` and give its digest; when this returns, it survives a power cut."""
    kept: list[tuple[Delivery, str | None]] = []
    with store.incoming() as keep:
        for delivery in deliveries:
            content, looked_at = content_of(delivery)
            kept.append((looked_at, None if content is None else keep(content)))
    return kept


def _register(
    connection: warehouse.Connection, kept: Sequence[tuple[Delivery, str | None]], collected: Collected
) -> None:
    next_id = connection.execute("select coalesce(max(arrival_id), 0) + 1 from raw.arrivals").fetchone()[0]
    received_at = datetime.now(UTC).replace(tzinfo=None).isoformat()
    arrivals, findings, inbox_entries, replies = [], [], [], []
    for arrival_id, (delivery, sha256) in enumerate(kept, start=next_id):
        known_as = {
            "arrival_id": arrival_id,
            "channel": delivery.channel,
            "declared_name": mask_file_name(delivery.declared_name),
        }
        arrivals.append(
            {
                **known_as,
                "sender": delivery.sender,
                "record_id": delivery.key if delivery.is_record else None,
                "sha256": sha256,
                "size_bytes": delivery.size_bytes,
                "received_at": received_at,
                "status": "refused" if delivery.refusal else "registered",
            }
        )
        inbox_entries.append({**known_as, "identity": delivery.key, "version": delivery.version, "times_seen": 1})
        if delivery.refusal:
            findings.append({"arrival_id": arrival_id, **refusal_finding(delivery)})
        if delivery.reply:
            replies.append({**known_as, **asdict(delivery.reply)})
    collected.refused += len(findings)
    collected.registered += len(kept) - len(findings)
    with warehouse.transaction(connection):
        warehouse.append(connection, "raw.arrivals", arrivals)
        warehouse.append(connection, "raw.findings", findings)
        warehouse.append(connection, "meta.replies", replies)
        connection.execute(
            "delete from meta.inbox_entries where identity in (select unnest(?))",
            [[delivery.key for delivery, _ in kept]],
        )
        warehouse.append(connection, "meta.inbox_entries", inbox_entries)


def _known_versions(connection: warehouse.Connection, keys: list[str]) -> dict[str, str]:
    found = connection.execute(
        "select identity, version from meta.inbox_entries where identity in (select unnest(?))", [keys]
    )
    return dict(found.fetchall())


def _count_sightings(connection: warehouse.Connection, keys: list[str]) -> None:
    if keys:
        connection.execute(
            "update meta.inbox_entries set times_seen = times_seen + 1 where identity in (select unnest(?))", [keys]
        )
