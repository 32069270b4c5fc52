"""Decisions that wait to be applied: one small file each below ``review/decisions/``, only ever added.

The review page writes them and a step applies them (``review.apply_verdicts``), each exactly once and in the order in
which they were made. A file appears whole and on the disk, or not at all; what was applied moves to ``applied/``.
"""

import contextlib
import hashlib
import os
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from tuquan import settings
from tuquan.snapshot import PERIOD

CHOICES = ("confirm", "correct", "return", "hold")
LONGEST_REASON = 1000


class Verdict(Struct, frozen=True):
    """What one person decided about the figures of one question.

    ``expected`` holds the value that was judged and ``new_values`` what takes its place, by flag. ``form_id`` is that
    of the form in which it was decided: the same form sent twice is the same decision. ``decided_at`` is UTC.
    """

    form_id: str
    time_period: str
    question_id: str
    area_name_vi: str
    choice: str
    reason: str
    decided_by: str
    decided_at: datetime
    digest: str | None
    expected: dict[str, Decimal]
    new_values: dict[str, Decimal] = {}
    source: str = "web"

    @property
    def verdict_id(self) -> str:
        told = f"{self.form_id}\n{self.time_period}\n{self.question_id}\n{self.decided_by}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def folder() -> Path:
    """Return where decisions wait."""
    return settings.load().review / "decisions"


def put(verdict: Verdict) -> bool:
    """Keep a decision until it is applied; return False when the same form brought it before.

    Raises:
        ValueError: it is not one that could be applied.
    """
    if verdict.choice not in CHOICES or not PERIOD.fullmatch(verdict.time_period) or not verdict.reason.strip():
        raise ValueError("a decision has a choice, a period and a reason")
    place = folder()
    (place / "applied").mkdir(parents=True, exist_ok=True)
    name = f"{verdict.verdict_id}.json"
    if (place / "applied" / name).exists():
        return False
    part = place / f".{name}.{os.getpid()}-{os.urandom(4).hex()}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(msgspec.json.encode(verdict))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, place / name)  # which, unlike a rename, never replaces what is there
    except FileExistsError:
        return False
    finally:
        part.unlink()
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return True


def waiting(time_period: str | None = None) -> list[Verdict]:
    """Return the decisions that wait, of one period or of all, in the order in which they were made."""
    found = []
    for path in folder().glob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # applied just now
            found.append(msgspec.json.decode(path.read_bytes(), type=Verdict))
    wanted = (verdict for verdict in found if time_period in (None, verdict.time_period))
    return sorted(wanted, key=lambda verdict: (verdict.decided_at, verdict.verdict_id))


def is_applied(verdict: Verdict) -> None:
    """Move a decision to those that are applied, or refused."""
    path = folder() / f"{verdict.verdict_id}.json"
    path.replace(path.parent / "applied" / path.name)


def same(name: str) -> str:
    """Return a name as it is compared: however it is spaced and written large, it is the same person."""
    return unicodedata.normalize("NFKC", " ".join(name.split())).casefold()


def now() -> datetime:
    """Return the time in UTC, without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)
