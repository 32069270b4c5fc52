"""Answers and notices on their way out, as files below ``outbox/``: complete before they can be seen, deleted once out.

An answer is its files and a small JSON beside them, written last, that names the channel. A mail is one ``.eml`` in
``outbox/mail/``; what goes back into a storage lies in ``outbox/storage/<digest of the channel>/``. Notices, which
answer no file, lie in ``outbox/notices/``; what they told is kept in ``outbox/told/`` until it is noted. Only the
account of the system reads them, because they hold addresses.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec

from tuquan import settings
from tuquan.vocabulary.phrases import phrase, shown

MOST_ATTACHED_BYTES = 10_000_000  # of one mail: many servers refuse more
LONGEST_SUBJECT = 150
NOTICES = "mail notices"  # goes through whatever account sends mails
POSTS = "webhook"
SENT, REFUSED = "sent", "refused"
XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")
_MACHINE = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply)[@+.-]", re.IGNORECASE)  # never in a loop
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,250}@[!-;=?A-~]{1,250}>")  # visible ASCII without < and >
_POLICY = policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class WaitingReply:
    """One answer or notice that is not out yet. ``address`` says where it goes: to whom, or where below the channel.

    ``told`` says what it tells, as records that are noted once it is out; an answer to a file has none.
    """

    channel: str
    address: str
    files: tuple[Path, ...]
    note: Path
    told: tuple[dict[str, Any], ...] = ()

    def is_out(self, outcome: str = SENT) -> None:
        """Delete it: it is out, or refused for good, and its address is to be forgotten. What it told is kept."""
        if self.told:
            folder = settings.load().outbox / "told"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            now = datetime.now(UTC).replace(tzinfo=None).isoformat()
            records = [{**record, "outcome": outcome, "told_at": now} for record in self.told]
            write_whole(folder / f"{outcome} {self.note.name}", msgspec.json.encode(records), 0o600)
        self.take_back()

    def take_back(self) -> None:
        """Delete it as if it had never been written."""
        self.note.unlink(missing_ok=True)
        for file in self.files:
            file.unlink(missing_ok=True)


def waiting_replies(channel: str | None = None) -> list[WaitingReply]:
    """Return the answers that wait, oldest first: those of one channel, or all.

    A mail has one file, a complete message but for ``From``, which belongs to the account that sends it.
    """
    return [reply for reply in _waiting(settings.load().outbox) if channel in (None, reply.channel)]


def can_be_mailed(address: str) -> bool:
    """Return whether ``address`` is a plain mail address behind which a person may sit."""
    return _ADDRESS.fullmatch(address) is not None and not _MACHINE.match(address)


def put_mail(
    number: int,
    channel: str,
    address: str,
    subject: str,
    text: str,
    attachments: Mapping[str, bytes],
    answers: Sequence[tuple[str, str]],
    written_at: datetime,
) -> None:
    """Write one mail.

    Args:
        number: of the first file that it answers; a repetition replaces the mail.
        channel: the account through which it goes.
        address: whom it goes to; see :func:`can_be_mailed`.
        subject: one line; whatever would break out of it is taken out.
        text: what it says.
        attachments: workbooks by file name; those beyond the limit of a mail are named in the text instead.
        answers: (Message-ID, References) of the mails that it answers, oldest first.
        written_at: UTC without saying so; the answer to the same files is the same message.
    """
    identity = hashlib.sha256(f"{channel}\n{number}\n{answers}\n{text}".encode()).hexdigest()[:32]
    message = _message(address, subject, identity, "auto-replied", answers, written_at)
    attached, left_out, room = {}, [], MOST_ATTACHED_BYTES
    for name, content in attachments.items():
        if len(content) <= room:
            attached[name], room = content, room - len(content)
        else:
            left_out.append(phrase("reply.not_attached", workbook=name))
    message.set_content("\n".join([text, *left_out, phrase("reply.automatic"), ""]))
    for name, content in attached.items():
        message.add_attachment(content, *XLSX, filename=name)
    if attached:
        # The library would draw it by lot.
        message.set_boundary(f"=={identity}==")
    name = f"{number:06d}"
    _put(settings.load().outbox / "mail", name, channel, address, {f"{name}.eml": message.as_bytes()})


def put_notice(
    kind: str,
    address: str,
    subject: str,
    text: str,
    told: Sequence[Mapping[str, Any]],
    day: date,
    written_at: datetime,
    folder: Path | None = None,
) -> WaitingReply:
    """Write one mail of which nobody sent the cause, and return it.

    Args:
        kind: what sort of notice it is, for :func:`waiting_notices`.
        address: whom it goes to; see :func:`can_be_mailed`.
        subject: one line; whatever would break out of it is taken out.
        text: what it says.
        told: records to be noted once it is out.
        day: the same text to the same address on the same day is the same message, whenever it is written.
        written_at: UTC without saying so.
        folder: where it is written instead of into the outbox.
    """
    identity = hashlib.sha256(f"{kind}\n{address}\n{day}\n{subject}\n{text}".encode()).hexdigest()[:32]
    message = _message(address, subject, identity, "auto-generated", (), written_at)
    message.set_content(text)
    files = {f"{kind}-{identity}.eml": message.as_bytes()}
    return _put(folder or _notices(), f"{kind}-{identity}", NOTICES, address, files, told)


def put_post(
    kind: str, content: Mapping[str, Any], told: Sequence[Mapping[str, Any]], folder: Path | None = None
) -> WaitingReply:
    """Write what a webhook is to be told into the outbox, or another ``folder``, and return it."""
    body = msgspec.json.encode(content)
    name = f"{kind}-{hashlib.sha256(body).hexdigest()[:32]}"
    return _put(folder or _notices(), name, POSTS, "", {f"{name}.post": body}, told)


def waiting_notices(kind: str) -> list[WaitingReply]:
    """Return the notices of one kind that are not out yet."""
    return [reply for reply in _waiting(settings.load().outbox) if reply.note.name.startswith(f"{kind}-")]


def told_records() -> dict[Path, list[dict[str, Any]]]:
    """Return what was told and is not noted yet, with ``outcome`` and ``told_at`` (UTC), by its file."""
    found = sorted((settings.load().outbox / "told").glob("*.json"))
    return {path: msgspec.json.decode(path.read_bytes()) for path in found}


def _notices() -> Path:
    return settings.load().outbox / "notices"


def _message(
    address: str,
    subject: str,
    identity: str,
    how: str,
    answers: Sequence[tuple[str, str]],
    written_at: datetime,
) -> EmailMessage:
    """Return a mail without text; ``identity`` becomes its Message-ID, ``how`` it came about its Auto-Submitted."""
    message = EmailMessage(policy=_POLICY)
    message["To"] = address
    message["Subject"] = shown(subject)[:LONGEST_SUBJECT]
    message["Date"] = written_at.replace(tzinfo=UTC)
    message["Message-ID"] = f"<{identity}@tuquan.invalid>"
    message["Auto-Submitted"] = how
    if answered := _MESSAGE_ID.fullmatch(answers[-1][0] if answers else ""):
        earlier = [found for own, references in answers for found in _MESSAGE_ID.findall(f"{references} {own}")]
        message["In-Reply-To"] = answered[0]
        message["References"] = " ".join(dict.fromkeys(earlier))
    return message


def put_files(number: int, channel: str, address: str, files: Mapping[str, bytes]) -> None:
    """Write what is to lie at ``address`` in a storage: files by their names, which are unique and have no folders."""
    folder = settings.load().outbox / "storage" / hashlib.sha256(channel.encode()).hexdigest()[:16]
    _put(folder, f"{number:06d}", channel, address, files)


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file so that nobody ever sees a part of it, also while somebody else writes it."""
    name = path.name.encode()[:200].decode(errors="ignore")
    part = path.with_name(f".{name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(content)
    part.replace(path)


def _put(
    folder: Path,
    name: str,
    channel: str,
    address: str,
    files: Mapping[str, bytes],
    told: Sequence[Mapping[str, Any]] = (),
) -> WaitingReply:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file, content in files.items():
        write_whole(folder / file, content, 0o600)
    note = {"channel": channel, "address": address, "files": list(files)} | ({"told": list(told)} if told else {})
    write_whole(folder / f"{name}.json", msgspec.json.encode(note), 0o600)
    return _reply(folder / f"{name}.json", note)


def _waiting(outbox: Path) -> Iterator[WaitingReply]:
    notes = [note for folder in ("mail", "storage/*", "notices") for note in outbox.glob(f"{folder}/*.json")]
    for note in sorted(notes, key=lambda path: path.name):
        try:
            yield _reply(note, msgspec.json.decode(note.read_bytes()))
        except FileNotFoundError:  # somebody else sent it just now
            continue


def _reply(note: Path, told: Mapping[str, Any]) -> WaitingReply:
    files = tuple(note.parent / name for name in told["files"])
    return WaitingReply(told["channel"], told["address"], files, note, tuple(told.get("told", ())))
