"""What chat rooms and monitors are told, by HTTPS: one JSON object per POST, with a ``text`` for people.

The place of the connection is its address; the part of it that must stay secret, as most services have one, is its
password. Nothing that happens here repeats an address.
"""

import logging
from collections.abc import Iterable

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from tuquan.channels.transport import CONNECT_SECONDS, ServerFailed, is_loopback
from tuquan.outbox import POSTS, REFUSED, WaitingReply, waiting_replies

ATTEMPTS = 3
FIRST_WAIT_SECONDS = 1.0
TOO_MANY = 429

log = logging.getLogger(__name__)
# Its line about each request names the whole address.
logging.getLogger("httpx").setLevel(logging.WARNING)


def send_posts(address: str, secret: str, only: Iterable[WaitingReply] | None = None) -> None:
    """Send everything that waits for the webhook, or ``only`` these; what is sent is forgotten here.

    Args:
        address: "https://chat.example.vn/hooks".
        secret: the rest of the address, or nothing.
        only: what to send of that which waits.

    Raises:
        ServerFailed: the server is down or in trouble, or would be reached in the open.
    """
    waiting = [reply for reply in (waiting_replies() if only is None else only) if reply.channel == POSTS]
    if not waiting:
        return
    try:
        place = httpx.URL("/".join(part.strip("/") for part in (address, secret) if part))
    except httpx.InvalidURL:
        raise ServerFailed("the address of the webhook is none") from None
    if place.scheme != "https" and not is_loopback(place.host):
        raise ServerFailed(f"{place.host} has to be reached by https: a secret address must not travel in the open")
    with httpx.Client(timeout=CONNECT_SECONDS, headers={"Content-Type": "application/json"}) as client:
        for reply in waiting:
            _post(client, place, reply)


def _post(client: httpx.Client, place: httpx.URL, reply: WaitingReply) -> None:
    (file,) = reply.files
    try:
        content = file.read_bytes()
    except FileNotFoundError:  # taken back, or sent by another pass
        return
    try:
        for attempt in Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(FIRST_WAIT_SECONDS),
            reraise=True,
        ):
            # What it answers does not matter, however long that is.
            with attempt, client.stream("POST", place, content=content) as answer:
                answer.raise_for_status()
    except httpx.HTTPStatusError as failure:
        code = failure.response.status_code
        if _may_pass(failure):
            raise ServerFailed(f"the webhook at {place.host} answered {code}") from None
        log.warning("the webhook at %s refused %s with code %s", place.host, file.name, code)
        reply.is_out(REFUSED)
    except httpx.TransportError as failure:
        raise ServerFailed(f"the webhook at {place.host} failed: {type(failure).__name__}") from None
    else:
        reply.is_out()


def _may_pass(failure: BaseException) -> bool:
    """Say whether the same request may go well later. After a time-out nobody knows whether it went well."""
    if isinstance(failure, httpx.HTTPStatusError):
        return failure.response.is_server_error or failure.response.status_code == TOO_MANY
    return isinstance(failure, httpx.TransportError)
