"""Who asks, what the form in their hand proves, and what the page needs of the house that it lives in."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

from tuquan import keys


@dataclass(frozen=True)
class Person:
    """A signed-in person. Everybody who has one may read."""

    name: str
    may_decide: bool
    may_approve: bool


# Says who asks; raises HTTPException 401 or 403 when it is nobody, or nobody who may read.
Identify = Callable[..., Awaitable[Person]]
# Asks Airflow's public API in the name of the person: (request, method, path, body) → (status, answer).
Ask = Callable[[Request, str, str, dict[str, Any] | None], Awaitable[tuple[int, Any]]]


def token_for(person: Person) -> str:
    """Return what a form has to bring back: only a page that was made for this person holds it."""
    return hmac.new(keys.key("form"), person.name.encode(), hashlib.sha256).hexdigest()


def is_own_form(request: Request, person: Person, token: str) -> bool:
    """Return whether a form comes from a page of ours that was made for this person.

    The token alone would do; browsers also say from where a form comes, and a foreign one is refused by that.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_from_here = site in ("same-origin", "none")
    else:  # over plain HTTP; a proxy that renames the host would hide where a form comes from
        is_from_here = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not is_from_here:
        return False
    return hmac.compare_digest(token_for(person).encode(), token.encode())
