"""Answers on their way back, as files below ``outbox/``: complete before they can be seen, deleted once they are out.

An answer is its files and a small JSON beside them, written last, that names the channel. A mail is one ``.eml`` in
``outbox/mail/``; what goes back into a storage lies in ``outbox/storage/<digest of the channel>/``. Only the account
of the system reads them, because they hold addresses.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path

import msgspec

from tuquan import settings
from tuquan.vocabulary.phrases import phrase, shown

MOST_ATTACHED_BYTES = 10_000_000  # of one mail: many servers refuse more
LONGEST_SUBJECT = 150
XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}")
_MACHINE = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply)[@+.-]", re.IGNORECASE)  # never in a loop
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,250}@[!-;=?A-~]{1,250}>")  # visible ASCII without < and >
_POLICY = policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class WaitingReply:
    """One answer that is not out yet. ``address`` says where it goes: to whom, or where below the channel."""

    channel: str
    address: str
    files: tuple[Path, ...]
    note: Path

    def is_out(self) -> None:
        """Delete the answer: it is out, and its address is to be forgotten."""
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
    message = EmailMessage(policy=_POLICY)
    message["To"] = address
    message["Subject"] = shown(subject)[:LONGEST_SUBJECT]
    message["Date"] = written_at.replace(tzinfo=UTC)
    identity = hashlib.sha256(f"{channel}\n{number}\n{answers}\n{text}".encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{identity}@tuquan.invalid>"
    message["Auto-Submitted"] = "auto-replied"
    if answered := _MESSAGE_ID.fullmatch(answers[-1][0] if answers else ""):
        earlier = [found for own, references in answers for found in _MESSAGE_ID.findall(f"{references} {own}")]
        message["In-Reply-To"] = answered[0]
        message["References"] = " ".join(dict.fromkeys(earlier))
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


def put_files(number: int, channel: str, address: str, files: Mapping[str, bytes]) -> None:
    """Write what is to lie at ``address`` in a storage: files by their names, which are unique and have no folders."""
    folder = settings.load().outbox / "storage" / hashlib.sha256(channel.encode()).hexdigest()[:16]
    _put(folder, f"{number:06d}", channel, address, files)


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file so that nobody ever sees a part of it."""
    part = path.with_name(f".{path.name.encode()[:200].decode(errors='ignore')}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(content)
    part.replace(path)


def _put(folder: Path, name: str, channel: str, address: str, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file, content in files.items():
        write_whole(folder / file, content, 0o600)
    note = msgspec.json.encode({"channel": channel, "address": address, "files": list(files)})
    write_whole(folder / f"{name}.json", note, 0o600)


def _waiting(outbox: Path) -> Iterator[WaitingReply]:
    for note in sorted([*outbox.glob("mail/*.json"), *outbox.glob("storage/*/*.json")], key=lambda path: path.name):
        told = msgspec.json.decode(note.read_bytes())
        files = tuple(note.parent / name for name in told["files"])
        yield WaitingReply(told["channel"], told["address"], files, note)
