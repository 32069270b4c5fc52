"""What the review page shows of one period: one small file that the steps write and the page reads.

The page lives in the process of Airflow's API server, which must never open the warehouse: whoever reads there holds up
who writes. So the steps leave ``review/<time_period>/trang.json`` behind, replaced at once, and the page knows nothing
else but the decisions that wait (``verdicts.py``).
"""

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from tuquan import settings
from tuquan.outbox import write_whole

FILE = "trang.json"
HEADING_FILE = "dau-trang.json"  # what the list of all periods needs of it
PERIOD = re.compile(r"\d{4}(?:-(?:M(?:0[1-9]|1[0-2])|Q[1-4]|S[12]))?", re.ASCII)


class Point(Struct, frozen=True):
    """One figure of a series; ``obs_value`` is null where none counts."""

    time_period: str
    label_vi: str
    obs_value: Decimal | None


class Effect(Struct, frozen=True):
    """A total as it stands and as it would be if the suggestion, or else the nearest limit, were true."""

    area_name_vi: str
    total: Decimal
    changed_total: Decimal


class Answer(Struct, frozen=True):
    """The newest decision about a figure. ``decided_at`` is UTC."""

    choice: str
    new_value: Decimal | None
    reason: str
    decided_by: str
    decided_at: datetime


class Figure(Struct, frozen=True):
    """One figure that is asked about. ``expected_value`` is what a decision about it has to name."""

    flag_id: str
    indicator: str
    indicator_name_vi: str
    unit_measure: str
    decimals: int
    check_name: str
    message_vi: str
    obs_value: Decimal
    expected_low: Decimal | None
    expected_high: Decimal | None
    suggested_value: Decimal | None
    score: Decimal | None
    previous: Point | None
    last_year: Point | None
    series: list[Point]
    district: Effect | None
    province: Effect | None
    sheet: str | None
    cell: str | None
    is_open: bool
    answer: Answer | None


class Question(Struct, frozen=True):
    """One question: the figures of one report with one cause, or one broken check; or one that was answered."""

    question_id: str
    severity: str
    state: str  # new, still_open or answered
    area_key: str
    ref_area: str
    area_name_vi: str
    suspected_cause: str | None
    message_vi: str
    priority: Decimal | None
    is_needed: bool
    can_change: bool  # a published statement can only be confirmed
    figures: list[Figure]
    report: int | None  # its place in ``reports``


class Report(Struct, frozen=True):
    """One report that is owed, and what became of it."""

    area_key: str
    ref_area: str
    area_name_vi: str
    district_name_vi: str
    form: str
    status: str
    state: str
    due_date: date | None
    received_at: datetime | None
    days_late: int | None
    consecutive_misses: int
    cells_held: int
    file: str | None
    receipt_path: str | None  # below receipts/


class Approval(Struct, frozen=True):
    """What a person said about a candidate."""

    digest: str
    is_approved: bool
    approver: str
    note: str
    decided_at: datetime


class Change(Struct, frozen=True):
    """One cell that is another one than it was; null where there is none."""

    area_name_vi: str
    level: str
    indicator_name_vi: str
    before: Decimal | None
    after: Decimal | None
    cause: str | None = None


class Stale(Struct, frozen=True):
    """What makes an approval stale: the parts of the candidate that changed, and the cells (the first of them)."""

    approval: Approval
    parts: list[str]
    cells: int | None  # None: what was approved was not kept
    changes: list[Change]


class Gap(Struct, frozen=True):
    """Something that a release without it has to name: a report, or one figure of it."""

    area_name_vi: str
    what: str
    status: str  # missing, held


class Revision(Struct, frozen=True):
    """One release of the period, with the first of the cells that it changed."""

    revision: int
    released_at: datetime
    approver: str
    digest: str
    is_preliminary: bool
    withdrawn: str | None
    cells: int
    changes: list[Change]
    files: list[str]


class Refusal(Struct, frozen=True):
    """A decision that could not be applied, and why."""

    area_name_vi: str
    decided_by: str
    decided_at: datetime
    message_vi: str


class CommuneFigure(Struct, frozen=True, array_like=True):
    """One figure of a commune in the period, as it counts."""

    indicator: str
    obs_value: Decimal | None
    value_status: str
    previous: Decimal | None


class Snapshot(Struct, frozen=True):
    """One period as the steps last saw it. Times are UTC."""

    time_period: str
    label_vi: str
    previous_label_vi: str | None
    written_at: datetime
    digest: str | None  # of the newest candidate; None: never judged
    gate_status: str
    unmet: list[str]
    is_current: bool  # the marts and the judgement tell what is known
    is_released: bool  # this very content
    questions: list[Question]  # open ones first, by their effect; then those that were answered
    needed: int
    deciders: list[str]
    approvals: list[Approval]
    stale: Stale | None
    gaps: list[Gap]
    reports: list[Report]
    releases: list[Revision]
    refusals: list[Refusal]
    figures: dict[str, msgspec.Raw]  # of each commune, by its key: a list of CommuneFigure

    def open_questions(self) -> list[Question]:
        return [question for question in self.questions if question.state != "answered"]

    def figures_of(self, area_key: str) -> list[CommuneFigure]:
        """Return the figures of one commune."""
        return msgspec.json.decode(self.figures.get(area_key, b"[]"), type=list[CommuneFigure])


class Heading(Struct, frozen=True):
    """One period in the list of all of them."""

    time_period: str
    label_vi: str
    is_current: bool
    gate_status: str
    is_stale: bool  # an approval is, and nothing that came after it is released
    received: int
    owed: int
    open: int
    needed: int
    release: Revision | None


def _heading(snapshot: Snapshot) -> Heading:
    newest = snapshot.releases[0] if snapshot.releases else None
    return Heading(
        *(snapshot.time_period, snapshot.label_vi, snapshot.is_current, snapshot.gate_status),
        is_stale=snapshot.stale is not None and not snapshot.is_released,
        received=sum(report.status != "missing" for report in snapshot.reports),
        owed=len(snapshot.reports),
        open=len(snapshot.open_questions()),
        needed=snapshot.needed,
        release=msgspec.structs.replace(newest, changes=[]) if newest else None,
    )


def save(snapshot: Snapshot) -> Path:
    """Put ``snapshot`` where the page reads it, whole or not at all."""
    folder = settings.load().review / snapshot.time_period
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FILE, msgspec.json.encode(snapshot))
    write_whole(folder / HEADING_FILE, msgspec.json.encode(_heading(snapshot)))
    return folder / FILE


def read(time_period: str) -> Snapshot | None:
    """Return what the page shows of a period, or None."""
    if not PERIOD.fullmatch(time_period):
        return None
    path = settings.load().review / time_period / FILE
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return _read(path, state.st_mtime_ns, state.st_ino)


def headings() -> list[Heading]:
    """Return the periods of which there is something to show, the newest first."""
    found = sorted(settings.load().review.glob(f"*/{HEADING_FILE}"), reverse=True)
    return [
        msgspec.json.decode(path.read_bytes(), type=Heading) for path in found if PERIOD.fullmatch(path.parent.name)
    ]


_READ: dict[Path, tuple[tuple[int, int], Snapshot]] = {}  # the one that was read last stands last
_MOST_KEPT = 8


def _read(path: Path, *version: int) -> Snapshot:
    known = _READ.pop(path, None)
    if known is None or known[0] != version:
        # The file may be replaced in between: then it is newer than its version says, and is read again next time.
        known = version, msgspec.json.decode(path.read_bytes(), type=Snapshot)
    _READ[path] = known
    while len(_READ) > _MOST_KEPT:
        _READ.pop(next(iter(_READ)), None)
    return known[1]
