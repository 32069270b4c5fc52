"""Attachments of a mailbox → deliveries (IMAP), and answers out of the outbox (SMTP).

A mailbox is only read: no mail is moved, marked or deleted. Text of mails is neither read nor kept. Who a mail says it
is from decides where the answer goes, never which area a report belongs to. Headers are taken as they stand and cut
short: the parsers of the standard library that understand them can be made to fail or to take for ever.
"""

import contextlib
import email.errors
import email.header
import email.policy
import email.utils
import hashlib
import imaplib
import logging
import re
import smtplib
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import Message

from tuquan import settings, warehouse
from tuquan.channels.transport import CONNECT_SECONDS, ServerFailed, is_loopback
from tuquan.collect import Collected, Delivery, Reply, receive
from tuquan.outbox import REFUSED, WaitingReply, waiting_replies
from tuquan.vocabulary.phrases import phrase, shown

CHANNEL = "mail "  # the connection follows
IMAPS, SMTPS = 993, 465
# A filled form has 20 kB. Taking a mail apart needs eight times its size, and a hundred bytes and more for each line.
MAX_MAIL_BYTES = 35_000_000
MOST_LINES = 600_000
BATCH_BYTES = 60_000_000  # of mails held in memory at once
BATCH_MAILS = 200
MOST_PARTS = 100
LONGEST_HEADER = 12_000
LONGEST_HEAD = 200_000
LONGEST_NAME = 255
SMALL_PICTURE = 100_000  # the emblem below a signature, not a photographed form

TEXTS = ("text/plain", "text/html")
SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"\\]{1,64}@[^\s<>()\[\],;:\"\\@]{1,190}")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Server:
    """Where to log in. Without ``use_tls`` the connection is upgraded before the password, save on this machine."""

    host: str
    port: int
    login: str
    password: str
    use_tls: bool = True


class _AsWritten(email.policy.Compat32):
    """Gives headers as they stand."""

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002
        return value[:LONGEST_HEADER]


@dataclass(frozen=True)
class _Mail:
    """One mail of a listing; sizes before contents."""

    uid: int
    size_bytes: int
    arrived_ns: int  # by the clock of the mail server; senders write what they like


def receive_mailbox(server: Server, folder: str, channel: str) -> Collected:
    """Receive the attachments of every mail that came since the last pass.

    Raises:
        ServerFailed: the server is down, refuses us, or has no such folder.
    """
    total = Collected()
    mailbox, validity = _opened(server, folder)
    with mailbox:
        place = f"{channel} {folder}"
        for batch in _batches(_listed(mailbox, _last_seen(place, validity))):
            deliveries: list[Delivery] = []
            for mail in batch:
                deliveries += _deliveries_of(mailbox, mail, f"{validity}/{mail.uid}", channel, server.login)
            collected = receive(deliveries)
            _remember(place, validity, batch[-1].uid)
            total.registered += collected.registered
            total.refused += collected.refused
            total.unchanged += collected.unchanged
    return total


def _opened(server: Server, folder: str) -> tuple[imaplib.IMAP4, int]:
    """Log in and open the folder for reading only; return it and the number of its life."""
    try:
        if server.use_tls:
            mailbox: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                server.host, server.port, ssl_context=ssl.create_default_context(), timeout=CONNECT_SECONDS
            )
        else:
            mailbox = imaplib.IMAP4(server.host, server.port, timeout=CONNECT_SECONDS)
            if not is_loopback(server.host):
                mailbox.starttls(ssl.create_default_context())
        mailbox.login(server.login, server.password)
        quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
        _expect_ok(mailbox.select(f'"{quoted}"', readonly=True))
        return mailbox, int(mailbox.response("UIDVALIDITY")[1][0])
    except (OSError, imaplib.IMAP4.error) as failure:
        raise ServerFailed(f"the mailbox {folder} at {server.host}: {failure}") from failure


def _expect_ok(answer: tuple[str, list]) -> list:
    kind, lines = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(str(lines))
    return lines


def _listed(mailbox: imaplib.IMAP4, last_uid: int) -> list[_Mail]:
    """The mails that came after ``last_uid``, oldest first."""
    lines = _expect_ok(mailbox.uid("fetch", f"{last_uid + 1}:*", "(UID RFC822.SIZE INTERNALDATE)"))
    mails = []
    for line in lines:
        uid, size = (re.search(rb"%s (\d+)" % word, line or b"") for word in (rb"UID", rb"RFC822\.SIZE"))
        # "n:*" names the last mail also when it is older than n.
        if uid and size and int(uid[1]) > last_uid:
            arrived = imaplib.Internaldate2tuple(line)
            mails.append(_Mail(int(uid[1]), int(size[1]), int(time.mktime(arrived)) * 10**9 if arrived else 0))
    return sorted(mails, key=lambda mail: mail.uid)


def _batches(mails: Iterable[_Mail]) -> Iterator[list[_Mail]]:
    batch: list[_Mail] = []
    for mail in mails:
        too_many = len(batch) == BATCH_MAILS or sum(one.size_bytes for one in [*batch, mail]) > BATCH_BYTES
        if batch and too_many:
            yield batch
            batch = []
        batch.append(mail)
    if batch:
        yield batch


def _deliveries_of(mailbox: imaplib.IMAP4, mail: _Mail, name: str, channel: str, own: str) -> list[Delivery]:
    is_too_large = mail.size_bytes > MAX_MAIL_BYTES
    wanted = f"BODY.PEEK[HEADER]<0.{LONGEST_HEAD}>" if is_too_large else "BODY.PEEK[]"
    lines = _expect_ok(mailbox.uid("fetch", str(mail.uid), f"({wanted})"))
    content = next((line[1] for line in lines if isinstance(line, tuple)), None)
    if content is None:  # deleted since it was listed
        return []
    found = deliveries_in(content, name, channel, own, "file_is_of_a_safe_size" if is_too_large else None)
    return [replace(delivery, modified_ns=mail.arrived_ns) for delivery in found]


def deliveries_in(content: bytes, name: str, channel: str, own: str = "", refusal: str | None = None) -> list[Delivery]:
    """Take a mail apart; one without attachments, or that cannot be taken apart, is one refused delivery.

    ``name`` stands for a mail without Message-ID; ``own`` is our address, which gets no answer.
    """
    headers = message_from_bytes(content[:LONGEST_HEAD].partition(b"\r\n\r\n")[0], policy=_AsWritten())
    identity = (_MESSAGE_ID.findall(headers["Message-ID"] or "") or [name])[0]
    subject = _decoded(headers["Subject"] or "")[:LONGEST_NAME]
    whole = Delivery(
        channel,
        identity=identity,
        version=hashlib.sha256(content).hexdigest(),
        declared_name=subject.replace("/", "-") or name,
        read=lambda _: None,
        size_bytes=len(content),
        sender=_digest(_address(headers["From"])),
        reply=_reply(headers, subject, own),
    )
    if refusal:
        return [replace(whole, refusal=refusal, reason=phrase("reason.size"))]
    if not _is_bounded(content):
        return [replace(whole, refusal="mail_can_be_taken_apart", reason=phrase("reason.too_many_parts"))]
    try:
        attachments = _attachments(content)
    except Exception:  # whatever a hostile mail does to the parser, it is this mail's matter and stops no other
        log.exception("a mail could not be taken apart")
        return [replace(whole, refusal="mail_can_be_taken_apart", reason=phrase("reason.bad_mail"))]
    if len(attachments) > MOST_PARTS:
        return [replace(whole, refusal="mail_can_be_taken_apart", reason=phrase("reason.too_many_parts"))]
    if not attachments:
        return [replace(whole, refusal="mail_has_an_attachment")]
    deliveries = []
    for number, (declared_name, payload) in enumerate(attachments, start=1):
        sha256 = hashlib.sha256(payload).hexdigest()
        deliveries.append(
            replace(
                whole,
                # Message-IDs can be forged; another content is another file.
                identity=f"{identity} {number} {sha256[:16]}",
                version=sha256,
                declared_name=declared_name or f"{number}",
                read=lambda most, payload=payload: payload[: most + 1],
                size_bytes=len(payload),
            )
        )
    return deliveries


def _is_bounded(content: bytes) -> bool:
    """Say whether the parser of the standard library can be let loose on a mail: it recurses, and keeps every line."""
    lowered = content.lower()
    # Each level names its boundary, or is a mail itself.
    levels = lowered.count(b"boundary") + lowered.count(b"message/")
    return levels <= MOST_PARTS and lowered.count(b"\n") <= MOST_LINES


def _attachments(content: bytes) -> list[tuple[str, bytes]]:
    """Name and bytes of each attachment, also of forwarded mails; none of a note that a mail could not be delivered."""
    message = message_from_bytes(content, policy=_AsWritten())
    if message.get_content_type() == "multipart/report":
        return []
    found = []
    for part in message.walk():
        if not part.is_multipart():
            if part.get_content_maintype() == "multipart":
                raise ValueError("a part that says it has parts has none")
            name = _decoded(part.get_filename() or "")
            payload = part.get_payload(decode=True) or b""
            if _is_attachment(part, name, payload):
                found.append((name[:LONGEST_NAME], payload))
    return found


def _is_attachment(part: Message, name: str, payload: bytes) -> bool:
    kind, disposition = part.get_content_type(), part.get_content_disposition()
    if kind in SIGNATURES:
        return False
    if kind in TEXTS:
        return bool(name) or disposition == "attachment"
    if part.get_content_maintype() == "image" and len(payload) < SMALL_PICTURE:
        return disposition != "inline" and not part["Content-ID"]
    return True


def _decoded(written: str) -> str:
    """Return a header as text: encoded words, raw bytes of any encoding, on one line of signs that can be stored."""
    written = written[:LONGEST_HEADER].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = written
    with contextlib.suppress(LookupError, ValueError, email.errors.MessageError):  # then it stays as written
        text = str(email.header.make_header(email.header.decode_header(written)))
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def _address(header: str | None) -> str:
    """Return the one address of a From or Reply-To, or nothing when there is none that could be answered."""
    with contextlib.suppress(RecursionError):
        address = email.utils.parseaddr(_decoded((header or "")[:1000]))[1]
        if _ADDRESS.fullmatch(address):
            return address
    return ""


def _digest(address: str) -> str | None:
    return hashlib.sha256(address.lower().encode()).hexdigest()[:16] if address else None


def _reply(headers: Message, subject: str, own: str) -> Reply | None:
    """Return where the answer goes; None for what machines sent, so that two machines never talk for ever."""
    address = _address(headers["Reply-To"]) or _address(headers["From"])
    is_automatic = (
        (headers["Auto-Submitted"] or "no").strip().lower() != "no"
        or (headers["Precedence"] or "").strip().lower() in ("bulk", "junk", "list")
        or (headers["Return-Path"] or "").strip() == "<>"
        or headers["List-Id"] is not None
        or headers.get_content_type() == "multipart/report"
        or address.lower().startswith("mailer-daemon@")
    )
    if not address or is_automatic or address.lower() == own.lower():
        return None
    message_id = "".join(_MESSAGE_ID.findall(headers["Message-ID"] or "")[:1])
    earlier = _MESSAGE_ID.findall(headers["References"] or "")[-10:]
    return Reply(
        address,
        subject=shown(subject if subject.lower().startswith("re:") else f"Re: {subject}"),
        in_reply_to=message_id,
        reference_ids=" ".join(dict.fromkeys([*earlier, *([message_id] if message_id else [])])),
    )


def _last_seen(place: str, validity: int) -> int:
    with warehouse.connect() as connection:
        found = connection.execute(
            "select max(last_uid) from meta.mailboxes where place = ? and uid_validity = ?", [place, validity]
        ).fetchone()
    return found[0] or 0


def _remember(place: str, validity: int, last_uid: int) -> None:
    """Later passes begin behind this mail. Numbers of an earlier life of the mailbox mean nothing any more."""
    with warehouse.connect() as connection, warehouse.transaction(connection):
        connection.execute("delete from meta.mailboxes where place = ?", [place])
        warehouse.append(
            connection, "meta.mailboxes", [{"place": place, "uid_validity": validity, "last_uid": last_uid}]
        )


def send_replies(server: Server, sender: str, only: Iterable[WaitingReply] | None = None) -> None:
    """Send every mail that waits in the outbox, or ``only`` these; what is sent is forgotten here.

    An answer whose recipient is refused for good goes to ``outbox/failed``; of a notice it is noted, and what it told
    stays due. One who is refused for now waits for the next pass.

    Raises:
        ServerFailed: the server is down or refuses us.
    """
    found = waiting_replies() if only is None else only
    waiting = [reply for reply in found if reply.channel.startswith(CHANNEL)]
    if not waiting:
        return
    try:
        with _post_office(server) as post:
            if server.login:
                post.login(server.login, server.password)
            for reply in waiting:
                _send(post, reply, sender)
    except (OSError, smtplib.SMTPException) as failure:
        # What it says may name a recipient.
        raise ServerFailed(f"the mail server {server.host} failed: {type(failure).__name__}") from None


def _post_office(server: Server) -> smtplib.SMTP:
    if server.use_tls:
        post: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, context=ssl.create_default_context(), timeout=CONNECT_SECONDS
        )
    else:
        post = smtplib.SMTP(server.host, server.port, timeout=CONNECT_SECONDS)
        if not is_loopback(server.host):
            post.starttls(context=ssl.create_default_context())
    return post


def _send(post: smtplib.SMTP, reply: WaitingReply, sender: str) -> None:
    for file in reply.files:
        try:
            message = message_from_bytes(file.read_bytes(), policy=email.policy.SMTP)
        except FileNotFoundError:  # taken back, or sent by another pass
            return
        message["From"] = sender
        try:
            post.send_message(message, from_addr=sender)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPNotSupportedError) as refusal:
            code = _code(refusal)
            log.warning("mail %s was refused with code %s", file.name, code)
            if code < 500:
                return
            if reply.told:
                reply.is_out(REFUSED)
                return
            failed = settings.load().outbox / "failed"
            failed.mkdir(mode=0o700, exist_ok=True)
            file.replace(failed / file.name)
    reply.is_out()


def _code(refusal: smtplib.SMTPException) -> int:
    if isinstance(refusal, smtplib.SMTPRecipientsRefused):
        return max(code for code, _ in refusal.recipients.values())
    return getattr(refusal, "smtp_code", 550)
