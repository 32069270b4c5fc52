"""Submissions of one KoboToolbox form (API v2) → deliveries, one per report; an edit is a new version of it.

Only what was answered becomes bytes: who sent it, from which device and where are dropped before. A report that was
deleted on the server stays with us.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import msgspec
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from tuquan.channels.transport import CONNECT_SECONDS, ServerFailed, is_loopback
from tuquan.collect import MAX_FILE_BYTES, Delivery

PAGE = 1000  # the most that the server gives at once
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 1.0

# What the server and the telephone say about the sender.
PERSONAL_BEGINNINGS = ("_", "meta/", "formhub/")
PERSONAL = frozenset(
    ("start", "end", "today", "deviceid", "subscriberid", "simserial", "phonenumber", "username", "email", "audit")
)

Record = dict[str, msgspec.Raw]  # values as they were written: 12.50 stays 12.50


class _Page(msgspec.Struct):
    count: int
    results: list[Record]
    next: str | None = None


def client(host: str, token: str) -> httpx.Client:
    """Return a client of the server at ``host`` ("https://kf.example.vn") that knows the token of an account.

    Raises:
        ServerFailed: the token would travel unencrypted to another machine.
    """
    address = httpx.URL(host if "://" in host else f"https://{host}")
    if address.scheme != "https" and not is_loopback(address.host):
        raise ServerFailed(f"{address.host} has to be reached by https: the token must not travel in the open")
    return httpx.Client(base_url=address, headers={"Authorization": f"Token {token}"}, timeout=CONNECT_SECONDS)


def deliveries_of(server: httpx.Client, asset: str) -> Iterator[Delivery]:
    """Yield every submission of the form ``asset``.

    Raises:
        ServerFailed: the server is down, refuses, sends elsewhere, or gives fewer submissions than it counts.
    """
    for record in _records(server, asset):
        identity = _text(record, "meta/rootUuid", "_uuid").removeprefix("uuid:")
        if not identity:
            raise ServerFailed(f"a submission of {asset} has neither meta/rootUuid nor _uuid")
        content = _answers(record)
        yield Delivery(
            f"kobo {asset}",
            identity=identity,
            version=_text(record, "meta/instanceID", "_uuid"),
            declared_name=f"{asset}/{identity}.json",
            read=lambda most, content=content: content[: most + 1],
            size_bytes=len(content),
            modified_ns=_time_ns(_text(record, "_submission_time")),
            is_record=True,
        )


def _records(server: httpx.Client, asset: str) -> list[Record]:
    """All pages, or an error: a part of them would look like the whole."""
    records: list[Record] = []
    address = server.base_url.join(f"/api/v2/assets/{asset}/data.json")
    following: httpx.URL | None = address.copy_merge_params({"format": "json", "limit": PAGE, "start": 0})
    expected, seen = 0, set()
    while following and following not in seen:
        seen.add(following)
        page = _page(server, following)
        expected = max(expected, page.count)
        records += page.results
        following = following.join(page.next) if page.next else None
        if following and _origin(following) != _origin(address):
            raise ServerFailed(f"{asset}: the next page is on another server, which must not see the token")
    if len(records) < expected:
        raise ServerFailed(f"{asset}: the server counts {expected} submissions and gave {len(records)}")
    return records


def _page(server: httpx.Client, address: httpx.URL) -> _Page:
    try:
        for attempt in Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(FIRST_WAIT_SECONDS),
            reraise=True,
        ):
            with attempt, server.stream("GET", address) as answer:
                answer.raise_for_status()
                return msgspec.json.decode(_body(answer), type=_Page)
    except (httpx.HTTPError, msgspec.MsgspecError) as failure:
        # The text of an HTTP error names the address, which holds no secret; the token is in a header.
        raise ServerFailed(f"{address.host} gave no page of submissions: {failure}") from failure
    raise AssertionError("unreachable")


def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > MAX_FILE_BYTES:
            raise ServerFailed(f"a page of {answer.url.path} has more than {MAX_FILE_BYTES} bytes")
    return bytes(body)


def _may_pass(failure: BaseException) -> bool:
    if isinstance(failure, httpx.HTTPStatusError):
        return failure.response.status_code == httpx.codes.TOO_MANY_REQUESTS or failure.response.is_server_error
    return isinstance(failure, httpx.TransportError)


def _origin(address: httpx.URL) -> tuple[str, str, int | None]:
    return address.scheme, address.host, address.port


def _answers(record: Record) -> bytes:
    kept = {
        name: value
        for name, value in record.items()
        if not name.startswith(PERSONAL_BEGINNINGS) and name.lower().rsplit("/", 1)[-1] not in PERSONAL
    }
    return msgspec.json.encode(kept, order="sorted")


def _text(record: Record, *names: str) -> str:
    """The first of these that the record states."""
    for name in names:
        value = msgspec.json.decode(record.get(name, b"null"))
        if isinstance(value, str) and value:
            return value
    return ""


def _time_ns(written: str) -> int:
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        return 0
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()) * 10**9
