"""Where reports come from and where answers go, besides the inbox folder; each channel ends in ``collect.receive``.

``TUQUAN_CHANNELS`` names them, separated by spaces. The user of such a URL is an Airflow connection, which alone knows
host, login and password::

    sftp://tuquan_sftp@/inbox  s3://tuquan_s3@bucket/inbox  imap://tuquan_imap@/INBOX
    kobo://tuquan_kobo@/aXb3…  smtp://tuquan_smtp@  webhook://tuquan_webhook@

``smtp`` only sends answers and notices; mail needs both. ``webhook`` only sends notices. Servers and drivers are
imported when a channel is used: reading the list costs nothing.
"""

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tuquan import collect
from tuquan.channels.transport import ServerFailed
from tuquan.outbox import WaitingReply, waiting_replies

FOLDER = "folder"
INCOMING = ("sftp", "s3", "imap", "kobo")
OUTGOING = ("sftp", "s3", "smtp", "webhook")
NOTIFYING = ("smtp", "webhook")

log = logging.getLogger(__name__)


class WrongChannel(ValueError):
    """``TUQUAN_CHANNELS`` does not say which channel is meant. Never repeats what it says: it might be a password."""


def incoming() -> list[str]:
    """Return the channels that bring reports, the folder first."""
    return [FOLDER, *(url for url in _configured() if urlsplit(url).scheme in INCOMING)]


def outgoing() -> list[str]:
    """Return the channels that take answers."""
    return [url for url in _configured() if urlsplit(url).scheme in OUTGOING]


def notifying() -> list[str]:
    """Return the channels that take notices, which answer no file."""
    return [url for url in _configured() if urlsplit(url).scheme in NOTIFYING]


def can_notify(scheme: str) -> bool:
    """Return whether there is a channel of this kind: "smtp" or "webhook"."""
    return any(urlsplit(url).scheme == scheme for url in notifying())


def _configured() -> list[str]:
    """Return the URLs of ``TUQUAN_CHANNELS``.

    Raises:
        WrongChannel: one of them is of no known kind, names no connection, or holds a password.
    """
    urls = os.environ.get("TUQUAN_CHANNELS", "").split()
    for number, url in enumerate(urls, start=1):
        parts = urlsplit(url)
        if parts.scheme not in {*INCOMING, *OUTGOING}:
            raise WrongChannel(f"channel {number} of TUQUAN_CHANNELS is none of {', '.join({*INCOMING, *OUTGOING})}")
        if not parts.username or parts.password is not None:
            raise WrongChannel(
                f"channel {number} of TUQUAN_CHANNELS has to name an Airflow connection and no password: "
                f"{parts.scheme}://connection@/place"
            )
    return urls


def receive(channel: str, get_connection: Callable[[str], Any], storage_path: Callable[[str], Any]) -> None:
    """Receive what is new in one channel of :func:`incoming`.

    ``get_connection`` and ``storage_path`` are Airflow's ``Connection.get`` and ``ObjectStoragePath``.

    Raises:
        ServerFailed, OSError: the server is down or refuses us; other channels don't depend on it.
    """
    found = _receive(urlsplit(channel), get_connection, storage_path)
    waiting = len(found.waiting)
    log.info(
        "%s: %d new, %d refused, %d as before, %d waiting",
        channel,
        found.registered,
        found.refused,
        found.unchanged,
        waiting,
    )


def _receive(
    place: SplitResult, get_connection: Callable[[str], Any], storage_path: Callable[[str], Any]
) -> collect.Collected:
    if place.path == FOLDER:
        return collect.register_inbox()
    if place.scheme == "imap":
        from tuquan.channels import mail

        server = _mail_server(get_connection(place.username), mail.IMAPS)
        return mail.receive_mailbox(server, place.path.strip("/") or "INBOX", f"{mail.CHANNEL}{place.username}")
    if place.scheme == "kobo":
        from tuquan.channels import kobo

        connection = get_connection(place.username)
        with kobo.client(_address(connection), connection.password) as server:
            return collect.receive(kobo.deliveries_of(server, place.path.strip("/")))
    from tuquan.channels import storage

    files, root = _files(place, get_connection, storage_path)
    listed = storage.sftp_deliveries if place.scheme == "sftp" else storage.bucket_deliveries
    return collect.receive(listed(files, root, f"{place.scheme} {place.username}"))


def send_replies(channel: str, get_connection: Callable[[str], Any], storage_path: Callable[[str], Any]) -> None:
    """Send what waits in the outbox for one channel of :func:`outgoing`; raises as :func:`receive` does."""
    place = urlsplit(channel)
    name = f"{place.scheme} {place.username}"
    if place.scheme in NOTIFYING:
        _send(place, get_connection)
    elif waiting_replies(name):
        from tuquan.channels import storage

        files, _ = _files(place, get_connection, storage_path)
        storage.put_replies(files, name)


def send_now(notices: Sequence[WaitingReply], get_connection: Callable[[str], Any]) -> None:
    """Try to send these notices through every channel that takes them; what fails is logged, and waits for a pass."""
    for channel in notifying():
        try:
            _send(urlsplit(channel), get_connection, notices)
        except ServerFailed as failure:
            log.warning("%s; the notice waits in the outbox", failure)
        except Exception as failure:  # whoever calls has more to do than this
            log.warning("%s: %s; the notice waits in the outbox", channel, type(failure).__name__)


def _send(place: SplitResult, get_connection: Callable[[str], Any], only: Sequence[WaitingReply] | None = None) -> None:
    connection = get_connection(place.username)
    if place.scheme == "smtp":
        from tuquan.channels import mail

        sender = connection.extra_dejson.get("from_email") or connection.login
        mail.send_replies(_mail_server(connection, mail.SMTPS), sender, only)
    else:
        from tuquan.channels import webhook

        webhook.send_posts(_address(connection), connection.password or "", only)


def _files(
    place: SplitResult, get_connection: Callable[[str], Any], storage_path: Callable[[str], Any]
) -> tuple[Any, str]:
    """The files of a storage, and where below them the channel begins."""
    if place.scheme == "sftp":
        from tuquan.channels import storage

        return storage.sftp(get_connection(place.username)), place.path
    path = storage_path(place.geturl())
    return path.fs, path.path


def _mail_server(connection: Any, port: int) -> Any:
    from tuquan.channels import mail

    return mail.Server(
        connection.host,
        connection.port or port,
        connection.login or "",
        connection.password or "",
        use_tls=connection.extra_dejson.get("use_ssl", True) is not False,
    )


def _address(connection: Any) -> str:
    """The address of an HTTP connection, whose kind is its schema: https unless it says otherwise."""
    if "://" in (connection.host or ""):
        return connection.host
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'https'}://{connection.host}{port}"
