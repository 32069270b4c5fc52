"""The words that one DAG says to the next: assets, the writer's pool, run ids and what a run is started with.

A period travels as a run of its own (docs/decisions/0001): its run id says which period it is about, so that a
person finds it in the grid and a hand-over that is repeated starts nothing twice. Identifiers travel, never figures.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from tuquan import settings
from tuquan.vocabulary.phrases import VIETNAM

SUBMISSIONS = "tuquan_submissions"
MARTS = "tuquan_marts"
RELEASE = "tuquan_release"
RECEIPTS = "tuquan_receipts"
MOST_LISTED = 100  # receipts that a run names one by one

# Whoever opens the warehouse. As many slots as loaders: of one file there is one writer, and who opens it waits for the
# others. The locks of tuquan.warehouse are the real guard.
WAREHOUSE_WRITER = "warehouse_writer"

COLLECT = "collect_submissions"
APPLY = "apply_decisions"
BUILD = "build_marts"
PUBLISH = "publish_release"
REMIND = "remind_and_digest"
DAGS = (COLLECT, APPLY, BUILD, PUBLISH, REMIND)  # in the order of the flow

# 2026-M11, 2026-Q4, 2026-S2, 2026; checked by Airflow before a run exists.
PERIOD_PATTERN = r"^\d{4}(-(M(0[1-9]|1[0-2])|Q[1-4]|S[12]))?$"
DIGEST_PATTERN = r"^[0-9a-f]{8,64}$"

APPROVAL = "approve"  # the task of publish_release that asks
DECISION = "record_decision"  # the task of publish_release that keeps the answer
APPROVE, REJECT = "Approve", "Reject"  # the words of Airflow's ApprovalOperator


def loaders() -> list[int]:
    """Number the tasks that load at once: ``TUQUAN_LOADERS`` of them on a lake, one where the warehouse is one file."""
    count = int(os.environ.get("TUQUAN_LOADERS") or 1) if settings.load().lake else 1
    return list(range(1, count + 1))


def day_of(asked: datetime, now: datetime) -> date | None:
    """Return the day in Viet Nam of a run; None when it is asked for another day than today, as a backfill does.

    >>> early, late = datetime.fromisoformat("2026-11-27T00:30Z"), datetime.fromisoformat("2026-11-27T16:59Z")
    >>> day_of(early, late)
    datetime.date(2026, 11, 27)
    >>> day_of(datetime.fromisoformat("2026-11-26T00:30Z"), late) is None
    True
    """
    day = now.astimezone(VIETNAM).date()
    return day if asked.astimezone(VIETNAM).date() == day else None


def build_run(time_period: str, stamp: str) -> str:
    """Name one build of a period.

    >>> build_run("2026-M11", "20261124T163200")
    'build__2026-M11__20261124T163200'
    """
    return f"build__{time_period}__{stamp}"


def publish_run(time_period: str, digest: str) -> str:
    """Name the publication of one candidate: the same content has the same name, so it is asked for once.

    >>> publish_run("2026-M11", "9f86d081884c7d65")
    'publish__2026-M11__9f86d081'
    """
    return f"publish__{time_period}__{digest[:8]}"


def builds(periods: Iterable[str], asked_at: datetime) -> list[dict[str, Any]]:
    """Describe the builds that follow one pass over the inbox: one per period with news, none when there is none."""
    stamp = f"{asked_at:%Y%m%dT%H%M%S}"
    return [{"trigger_run_id": build_run(period, stamp), "conf": {"time_period": period}} for period in periods]


def counts(formats: Mapping[tuple[str, str], int], figures: int) -> list[tuple[str, int, dict[str, str]]]:
    """Describe one pass as metrics: (name, count, tags).

    >>> counts({("accepted", "csv"): 2}, 60)
    [('tuquan.files.accepted', 2, {'format': 'csv'}), ('tuquan.figures', 60, {})]
    """
    files = [
        (f"tuquan.files.{outcome}", count, {"format": file_format}) for (outcome, file_format), count in formats.items()
    ]
    return [*files, ("tuquan.figures", figures, {})]


def receipts_of(paths: list[str]) -> dict[str, Any]:
    """Say on the page of a run which receipts it wrote: how many, and where the first of them lie."""
    return {"count": len(paths), "receipts": paths[:MOST_LISTED]}


def publications(time_period: str, digest: str | None) -> list[dict[str, Any]]:
    """Describe the publication that follows a build: one for a new candidate, none when there is nothing to decide."""
    if digest is None:
        return []
    conf = {"time_period": time_period, "digest": digest}
    return [{"trigger_run_id": publish_run(time_period, digest), "conf": conf}]


def decision(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Read who decided what from the answer that the approval task left behind.

    >>> decision({"chosen_options": ["Reject"], "params_input": {"note": "xem lại"},
    ...           "responded_by_user": {"id": "lan"}})
    {'approver': 'lan', 'approved': False, 'note': 'xem lại'}
    """
    user = answer["responded_by_user"]
    return {
        "approver": user.get("name") or user["id"],
        "approved": answer["chosen_options"] == [APPROVE],
        "note": (answer.get("params_input") or {}).get("note") or "",
    }
