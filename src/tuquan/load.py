"""Raw file → raw cells, or a rejection with its reason.

All registered files in one pass: parsed in child processes, written in chunks of one transaction each. After a kill the
pass is simply repeated: a file is either wholly loaded and has its outcome, or it is still ``registered``.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from tuquan import store, warehouse
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.duties import owes_report
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import period_vi
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.sandbox import SandboxedReader
from tuquan.workbook.submission import Finding, ReadFile, ReadSubmission

# One transaction each: small enough to bound memory and what a kill costs, large enough that commits don't count.
CHUNK = 500
_GRAVEST_LAST = ("ignored", "accepted", "held", "refused")


@dataclass(frozen=True)
class Arrival:
    """One line of the register that waits to be loaded."""

    arrival_id: int
    declared_name: str
    sha256: str


@dataclass
class Loaded:
    """What one pass loaded: files by outcome, figures, and the periods that received something."""

    files: Counter[str] = field(default_factory=Counter)
    figures: int = 0
    periods: set[str] = field(default_factory=set)


def load_registered() -> Loaded:
    """Read every registered file and write its cells, findings and outcome. Bad files are outcomes, not exceptions."""
    loaded = Loaded()
    with warehouse.connect() as connection, _reader() as read:
        waiting = [
            Arrival(**row)
            for row in warehouse.rows(
                connection,
                "select arrival_id, declared_name, sha256 from raw.arrivals where status = 'registered' "
                "order by arrival_id",
            )
        ]
        for start in range(0, len(waiting), CHUNK):
            chunk = waiting[start : start + CHUNK]
            _write(connection, list(zip(chunk, read(chunk), strict=True)), loaded)
    return loaded


@contextmanager
def _reader() -> Iterator[Callable[[Sequence[Arrival]], Iterable[ReadFile]]]:
    """Yield a function that reads arrivals in their order, one child process per core."""
    with ExitStack() as children, ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        own = threading.local()

        def read(arrival: Arrival) -> ReadFile:
            if not hasattr(own, "reader"):
                own.reader = children.enter_context(SandboxedReader())
            # Senders know their file by its name alone, not by the folders of the channel.
            return own.reader.read(store.find(arrival.sha256), arrival.declared_name.rsplit("/", 1)[-1])

        yield lambda arrivals: threads.map(read, arrivals)


def _write(connection: warehouse.Connection, files: list[tuple[Arrival, ReadFile]], loaded: Loaded) -> None:
    now = datetime.now(UTC).replace(tzinfo=None).isoformat()
    numbers = _Numbers(connection)
    submissions, cells, findings, outcomes = [], [], [], []
    for arrival, read in files:
        file = hold_what_is_not_owed(read, arrival.declared_name)
        findings += _findings(arrival, None, file.findings)
        statuses = [file.status] if not file.submissions else []
        for submission in file.submissions:
            submission_id = numbers.next_id(arrival)
            statuses.append(submission.status)
            submissions.append(
                {
                    "submission_id": submission_id,
                    "arrival_id": arrival.arrival_id,
                    "sheet": submission.sheet,
                    "form": submission.form,
                    "form_version": submission.form_version,
                    "calendar": submission.calendar,
                    "ref_area": submission.ref_area,
                    "area_key": submission.area_key,
                    "time_period": submission.time_period,
                    "version": numbers.next_version(submission) if submission.is_loadable else None,
                    "status": submission.status,
                    "is_loaded": submission.is_loadable,
                    "loaded_at": now,
                }
            )
            findings += _findings(arrival, submission_id, submission.findings)
            if submission.is_loadable:
                cells += [{"submission_id": submission_id, **msgspec.structs.asdict(cell)} for cell in submission.cells]
                loaded.figures += sum(cell.status == "read" for cell in submission.cells)
            if submission.time_period:
                loaded.periods.add(submission.time_period)
        status = max([*statuses, file.status], key=_GRAVEST_LAST.index)
        if any(submission.is_loadable for submission in file.submissions) and status == "refused":
            status = "held"  # something of this file was taken, something was not: it needs an answer
        outcomes.append({"arrival_id": arrival.arrival_id, "status": status, "file_format": file.file_format})
        loaded.files[status] += 1
    store.move({arrival.sha256: file.storage for arrival, file in files if file.storage in store.PLACES})
    with warehouse.transaction(connection):
        warehouse.append(connection, "raw.submissions", submissions)
        warehouse.append(connection, "raw.cells", cells)
        warehouse.append(connection, "raw.findings", findings)
        connection.execute("create or replace temp table outcomes (arrival_id bigint, status text, file_format text)")
        warehouse.append(connection, "outcomes", outcomes)
        connection.execute(
            "update raw.arrivals set status = outcomes.status, file_format = outcomes.file_format "
            "from outcomes where arrivals.arrival_id = outcomes.arrival_id"
        )


def hold_what_is_not_owed(file: ReadFile, declared_name: str) -> ReadFile:
    """Hold each submission that nobody owes: a form of another year, or an area that nobody put under a duty."""
    submissions = [_held_unless_owed(submission, declared_name) for submission in file.submissions]
    if submissions == file.submissions:
        return file
    status = "refused" if file.status == "refused" else "held"
    return msgspec.structs.replace(file, submissions=submissions, status=status)


def _held_unless_owed(submission: ReadSubmission, declared_name: str) -> ReadSubmission:
    if not submission.is_loadable or not (submission.form and submission.area_key and submission.time_period):
        return submission
    register = load_register()
    area = register.by_key[submission.area_key]
    period = parse_period(submission.time_period, submission.calendar or "administrative")
    if owes_report(area, submission.form, period, register):
        return submission
    places = {"file": quoted(declared_name.rsplit("/", 1)[-1]), "area": area.name_vi, "period": period_vi(period)}
    finding = remark("area_owes_a_report", sheet=submission.sheet, **places)
    return msgspec.structs.replace(
        submission, findings=[*submission.findings, finding], status="held", is_loadable=False
    )


class _Numbers:
    """Numbers the submissions of one area, form and period in the order of their arrival, and those of one file."""

    def __init__(self, connection: warehouse.Connection) -> None:
        self._versions: dict[tuple[str | None, ...], int] = {
            (area_key, form, time_period): version
            for area_key, form, time_period, version in connection.execute(
                "select area_key, form, time_period, max(version) from raw.submissions where is_loaded group by all"
            ).fetchall()
        }
        # Bytes of which nothing was taken may come, and be read, again.
        self._of_file: Counter[str] = Counter(
            dict(
                connection.execute(
                    "select sha256, count(*) from raw.submissions inner join raw.arrivals using (arrival_id) "
                    "group by all"
                ).fetchall()
            )
        )

    def next_version(self, submission: ReadSubmission) -> int:
        key = (submission.area_key, submission.form, submission.time_period)
        self._versions[key] = self._versions.get(key, 0) + 1
        return self._versions[key]

    def next_id(self, arrival: Arrival) -> str:
        self._of_file[arrival.sha256] += 1
        return f"{arrival.sha256[:16]}-{self._of_file[arrival.sha256]}"


def _findings(arrival: Arrival, submission_id: str | None, findings: Iterable[Finding]) -> list[dict[str, object]]:
    return [
        {"arrival_id": arrival.arrival_id, "submission_id": submission_id, **msgspec.structs.asdict(finding)}
        for finding in findings
    ]
