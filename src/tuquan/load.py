"""Incoming file → cells and an outcome, and its bytes to where they may stay.

All registered files in one pass: parsed in child processes, judged in the order of their arrival, written in chunks of
one transaction each. After a kill the pass is simply repeated: a file is either wholly loaded and has its outcome, or
it is still ``registered``. Bytes are moved before that commit and deleted after it, so nothing is lost or kept.

Where the engine lets several processes work, any number of passes may run at once. They share the chunks: a chunk is
read by the process that claims it, while others read theirs, and written in its turn, after those before it, because
what arrived later has the last word. A chunk whose process died is taken by whoever comes to need it.
"""

import hashlib
import logging
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec

from tuquan import settings, store, verdicts, warehouse
from tuquan.judging import Arrival, Figure, Judged, Known, Version, judge, key_of
from tuquan.returned_workbooks import Sent, judge_return
from tuquan.verdicts import Verdict
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import phrase
from tuquan.vocabulary.privacy_signs import mask
from tuquan.workbook.sandbox import SandboxedReader
from tuquan.workbook.submission import ReadCell, ReadFile, ReadSubmission

# One transaction each: small enough to bound memory and what a kill costs, large enough that commits don't count.
CHUNK = 500
SHARED_CHUNK = 100  # where others read along: small enough that each finds something to do
ABSENT = "absent"  # the reading rule of a figure for which a sheet has no row
_DOUBTFUL_FIRST = ("held", "refused", "read", "blank")
LOG = logging.getLogger(__name__)

_WAITING = """
select arrival_id, declared_name, sha256, received_at, record_id
from raw.arrivals where status = 'registered' and arrival_id // $size = $chunk and arrival_id <= $last
order by arrival_id
"""
_CHUNKS = """
select distinct arrival_id // $size from raw.arrivals
where status = 'registered' and arrival_id <= $last order by all
"""
_REGISTERED = "select coalesce(max(arrival_id), 0), count(*) from raw.arrivals where status = 'registered'"
_LOADED = """
select sha256, area_key, form, time_period, max(version) as version, min(arrival_id) as arrival_id
from raw.submissions inner join raw.arrivals using (arrival_id)
where is_loaded and sha256 in (select unnest($sha256s))
group by all
"""
_CURRENT = """
select area_key, form, time_period, max(version) as version, arg_max(report_number, version) as report_number
from raw.submissions
where is_loaded and concat_ws('|', area_key, form, time_period) in (select unnest($keys))
group by all
"""
_FIGURES = """
select report_number, indicator, measure from raw.cells
where status = 'read' and report_number in (select unnest($report_numbers))
"""
_SUBMISSIONS = """
select sha256, count(*) from raw.submissions inner join raw.arrivals using (arrival_id)
where sha256 in (select unnest($sha256s)) group by all
"""
_RECORDS = """
select record_id, area_key, form, time_period from raw.submissions inner join raw.arrivals using (arrival_id)
where is_loaded and record_id in (select unnest($record_ids))
"""
_REVIEWED = """
select min(arrival_id) from raw.arrivals inner join meta.review_workbooks using (arrival_id)
where sha256 = ? and status in ('accepted', 'held')
"""


@dataclass
class Loaded:
    """What one pass loaded: files by outcome, also by format, figures, and the periods that received something."""

    files: Counter[str] = field(default_factory=Counter)
    formats: Counter[tuple[str, str]] = field(default_factory=Counter)
    figures: int = 0
    periods: set[str] = field(default_factory=set)

    def summary(self) -> str:
        """Return a table of text: one line per outcome, one column per format."""
        formats = sorted({file_format for _, file_format in self.formats})
        counts = [
            [phrase(f"status.{status}"), *(str(self.formats[status, name]) for name in formats)]
            for status in sorted(self.files)
        ]
        lines = [["", *formats], *counts]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.rjust, line, widths)) for line in lines)


Read = Callable[[Iterable[tuple[Path, str]]], Iterable[ReadFile]]


def load_registered() -> Loaded:
    """Read every registered file and write its cells, findings and outcome. Bad files are outcomes, not exceptions.

    When it returns, every file that was registered when it began has its outcome; what others loaded meanwhile is
    theirs to count.

    Raises:
        RawFileMissing: a registered file is gone.
        WarehouseBusy: another process kept a chunk, or the right to write, for too long.
    """
    with warehouse.share() as shared, open_reader() as read:
        loaded = _Pass(shared, read).load()
        with shared.turn():  # also when nothing waited: a killed pass may have left what must go
            _sweep(shared.connection)
        return loaded


class _Pass:
    """One pass over what is registered when it begins, beside others that may do the same."""

    def __init__(self, shared: warehouse.Shared, read: Read) -> None:
        self._shared, self._connection, self._read = shared, shared.connection, read
        self._size = SHARED_CHUNK if shared.session else CHUNK
        self._last, self._count = shared.connection.execute(_REGISTERED).fetchone()
        self._started = time.monotonic()
        self._loaded = Loaded()

    def load(self) -> Loaded:
        """Load chunk after chunk: the first that nobody else has in hand; in the end wait for those of others."""
        since = time.monotonic()
        while chunks := self._chunks(self._last):
            if any(map(self._load_chunk, chunks)):
                since = time.monotonic()
            else:
                self._wait(since, chunks[0])
        return self._loaded

    def _chunks(self, last: int) -> list[int]:
        """Return the numbers of the chunks in which something waits, up to the arrival of number ``last``."""
        found = self._connection.execute(_CHUNKS, {"size": self._size, "last": last})
        return [number for (number,) in found.fetchall()]

    def _load_chunk(self, number: int) -> bool:
        """Read and write one chunk, unless somebody else has it in hand; return whether it was ours."""
        with self._shared.claim(number) as is_ours:
            if is_ours:
                about = {"size": self._size, "chunk": number, "last": self._last}
                chunk = [Arrival(**row) for row in warehouse.rows(self._connection, _WAITING, about)]
                places = [_place_of(arrival) for arrival in chunk]
                files = self._read((place.path, one.declared_name) for one, place in zip(chunk, places, strict=True))
                self._write_in_turn(list(zip(chunk, places, files, strict=True)))
        return is_ours

    def _write_in_turn(self, read: Sequence[tuple[Arrival, "_Place", ReadFile]]) -> None:
        """Write a chunk once those before it are written; one that nobody has in hand is loaded first."""
        since = time.monotonic()
        while read:
            with self._shared.turn():
                before = self._chunks(read[0][0].arrival_id - 1)
                if not before:
                    self._write(read)
                    return
            if not self._load_chunk(before[0]):
                self._wait(since, before[0])

    def _write(self, read: Sequence[tuple[Arrival, "_Place", ReadFile]]) -> None:
        files = [
            (arrival, file if place.is_unchanged() else self._read_again(arrival)) for arrival, place, file in read
        ]
        _write(self._connection, judge_all(self._connection, files), self._loaded)
        _sweep(self._connection)
        counts = ", ".join(f"{outcome} {count}" for outcome, count in sorted(self._loaded.files.items()))
        done, seconds = self._loaded.files.total(), time.monotonic() - self._started
        LOG.info("%d of %d files: %s; %d figures; %.1f s", done, self._count, counts, self._loaded.figures, seconds)

    def _read_again(self, arrival: Arrival) -> ReadFile:
        """Read a file that was moved while it was read: the same bytes came in another chunk, too."""
        (file,) = self._read([(store.find(arrival.sha256), arrival.declared_name)])
        return file

    def _wait(self, since: float, chunk: int) -> None:
        if time.monotonic() - since > warehouse.LOCK_WAIT_SECONDS:
            raise warehouse.WarehouseBusy(
                f"the files from arrival {chunk * self._size} on are in the hands of {self._shared.holder(chunk)}; "
                "wait for that run to end, or look for a hanging one"
            )
        time.sleep(0.1)


@dataclass(frozen=True)
class _Place:
    """Where a file lay before it was read, and which one it was."""

    path: Path
    mark: tuple[int, int] | None

    def is_unchanged(self) -> bool:
        """Return whether it lay there all the time: a name may come back, a file that has it anew is another."""
        return self.mark is not None and _mark_of(self.path) == self.mark


def _place_of(arrival: Arrival) -> _Place:
    path = store.find(arrival.sha256)
    return _Place(path, _mark_of(path))


def _mark_of(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_dev, facts.st_ino


@contextmanager
def open_reader() -> Iterator[Read]:
    """Yield a function that reads files (path, declared name) in their order, one child process per core."""
    with ExitStack() as children, ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as threads:
        own = threading.local()

        def read(file: tuple[Path, str]) -> ReadFile:
            if not hasattr(own, "reader"):
                own.reader = children.enter_context(SandboxedReader())
            return own.reader.read(*file)

        yield lambda files: threads.map(read, files)


def judge_all(connection: warehouse.Connection, files: Sequence[tuple[Arrival, ReadFile]]) -> list[Judged]:
    """Judge read files in the order of their arrival by what the register knows; writes nothing."""
    known = _look_up(connection, [(arrival, read) for arrival, read in files if read.review is None])
    reviews = _Reviews(connection)
    return [
        judge(arrival, read, known) if read.review is None else reviews.judge(arrival, read) for arrival, read in files
    ]


class _Reviews:
    """Judges the review workbooks among some files, each with what those before it decided."""

    def __init__(self, connection: warehouse.Connection) -> None:
        self._connection = connection
        self._first: dict[str, int] = {}  # by sha256: the arrival from which something was taken, or could be
        self._pending: list[Verdict] = []

    def judge(self, arrival: Arrival, read: ReadFile) -> Judged:
        first = self._first.get(arrival.sha256) or self._first_arrival(arrival.sha256)
        if first is not None:
            return Judged(arrival, msgspec.structs.replace(read, findings=[]), "duplicate", repeats_arrival_id=first)
        sent = Sent(arrival.arrival_id, arrival.name, arrival.sha256, arrival.received_at, read.review)
        returned = judge_return(self._connection, sent, self._pending)
        if returned.status != "refused":
            self._first[arrival.sha256] = arrival.arrival_id
        self._pending += returned.verdicts
        file = msgspec.structs.replace(read, findings=returned.findings)
        return Judged(arrival, file, returned.status, verdicts=tuple(returned.verdicts), review=returned.record)

    def _first_arrival(self, sha256: str) -> int | None:
        return self._connection.execute(_REVIEWED, [sha256]).fetchone()[0]


def _look_up(connection: warehouse.Connection, files: Sequence[tuple[Arrival, ReadFile]]) -> Known:
    known = Known()
    sha256s = list({arrival.sha256 for arrival, _ in files})
    for row in warehouse.rows(connection, _LOADED, {"sha256s": sha256s}):
        key = (row["area_key"], row["form"], row["time_period"])
        known.loaded.setdefault(row["sha256"], {})[key] = row["version"]
        first = known.first_arrivals.get(row["sha256"], row["arrival_id"])
        known.first_arrivals[row["sha256"]] = min(first, row["arrival_id"])
    known.submissions.update(dict(connection.execute(_SUBMISSIONS, {"sha256s": sha256s}).fetchall()))
    keys = {key for _, read in files for submission in read.submissions if (key := key_of(submission))}
    keys.update(*known.loaded.values())
    current = warehouse.rows(connection, _CURRENT, {"keys": ["|".join(key) for key in keys]})
    figures: dict[int, set[Figure]] = defaultdict(set)
    if current:
        numbers = [row["report_number"] for row in current]
        for report_number, *figure in connection.execute(_FIGURES, {"report_numbers": numbers}).fetchall():
            figures[report_number].add(tuple(figure))
    for row in current:
        key = (row["area_key"], row["form"], row["time_period"])
        known.current[key] = Version(row["version"], partial(frozenset, figures[row["report_number"]]))
    record_ids = list({arrival.record_id for arrival, _ in files if arrival.record_id})
    for record_id, *key in connection.execute(_RECORDS, {"record_ids": record_ids}).fetchall():
        known.records.setdefault(record_id, set()).add(tuple(key))
    released = connection.execute("select distinct time_period from meta.releases").fetchall()
    known.released = frozenset(time_period for (time_period,) in released)
    return known


def submission_rows(judged: Judged, loaded_at: datetime, first_number: int = 1) -> list[dict[str, Any]]:
    """Return the lines of ``raw.submissions`` for one file, whose reports are numbered from ``first_number``."""
    return [
        {
            "submission_id": submission_id,
            "report_number": report_number,
            "arrival_id": judged.arrival.arrival_id,
            "sheet": submission.sheet,
            "form": submission.form,
            "form_version": submission.form_version,
            "calendar": submission.calendar,
            "ref_area": submission.ref_area,
            "area_key": submission.area_key,
            "time_period": submission.time_period,
            "version": version,
            "status": submission.status,
            "is_loaded": submission.is_loadable,
            "loaded_at": loaded_at,
            **figures_of(kept_cells(submission)),
        }
        for report_number, (submission, submission_id, version) in enumerate(judged.submissions(), first_number)
    ]


def finding_rows(judged: Judged) -> list[dict[str, Any]]:
    """Return the lines of ``raw.findings`` for one file: those about all of it first."""
    about = [(None, judged.file.findings)]
    about += [(submission_id, submission.findings) for submission, submission_id, _ in judged.submissions()]
    return [
        {
            **msgspec.structs.asdict(finding),
            "arrival_id": judged.arrival.arrival_id,
            "submission_id": submission_id,
            "as_written": finding.as_written and mask(finding.as_written),
        }
        for submission_id, findings in about
        for finding in findings
    ]


def cell_rows(judged: Judged, first_number: int = 1) -> Iterator[dict[str, Any]]:
    """Yield the lines of ``raw.cells`` for one file, whose reports are numbered from ``first_number``."""
    for report_number, (submission, submission_id, _) in enumerate(judged.submissions(), first_number):
        cells = kept_cells(submission)
        standing = set(map(id, standing_cells(cells)))
        for cell in cells:
            row = {"report_number": report_number, "submission_id": submission_id, **msgspec.structs.asdict(cell)}
            row["stands"] = id(cell) in standing
            if cell.raw_type == "text" and cell.raw_text:
                row["raw_text"] = mask(cell.raw_text)
            yield row


def kept_cells(submission: ReadSubmission) -> list[ReadCell]:
    """Return the cells of a report that are stored: also when it waits as a whole, until somebody admits it.

    What its form asks for and its sheet has no row for is blank, so that every report states every figure.
    """
    if not (submission.is_loadable or submission.status == "held"):
        return []
    stated = {cell.indicator for cell in submission.cells if cell.measure == "period"}
    absent = [_absent(indicator, submission.sheet) for indicator in _asked(submission) if indicator not in stated]
    return [*submission.cells, *absent]


def standing_cells(cells: Iterable[ReadCell]) -> list[ReadCell]:
    """Return one cell per figure: of several the doubtful one, so that nothing doubtful counts, then the first."""
    standing: dict[Figure, ReadCell] = {}
    for cell in sorted(cells, key=lambda cell: (_DOUBTFUL_FIRST.index(cell.status), cell.sheet, cell.cell)):
        standing.setdefault((cell.indicator, cell.measure), cell)
    return list(standing.values())


def figures_of(cells: Iterable[ReadCell]) -> dict[str, Any]:
    """Return what a report says about its figures of the period as a whole: how many of each kind, and their digest."""
    standing = [cell for cell in standing_cells(cells) if cell.measure == "period"]
    read = sorted((cell.indicator, Decimal(cell.obs_value or 0)) for cell in standing if cell.status == "read")
    text = "\n".join(f"{indicator} {value + 0:.4f}" for indicator, value in read)
    return {
        "figures_read": len(read),
        "figures_zero": sum(not value for _, value in read),
        "figures_blank": sum(cell.status == "blank" for cell in standing),
        "figures_held": sum(cell.status in ("held", "refused") for cell in standing),
        "figures_digest": hashlib.sha256(text.encode()).hexdigest() if read else None,
    }


def _asked(submission: ReadSubmission) -> tuple[str, ...]:
    if not (submission.form and submission.time_period):
        return ()
    return _on_form(settings.load().seeds, submission.form, submission.time_period, submission.calendar)


@cache
def _on_form(seeds: Path, form: str, time_period: str, calendar: str | None) -> tuple[str, ...]:
    period = parse_period(time_period, calendar or "administrative")
    return tuple(item.indicator for item in load_catalogue(seeds).on_form(form, period))


def _absent(indicator: str, sheet: str | None) -> ReadCell:
    return ReadCell(
        sheet=sheet or "",
        cell="",
        indicator=indicator,
        measure="period",
        raw_text=None,
        raw_type="blank",
        number_format=None,
        is_formula=False,
        is_hidden=False,
        is_merged=False,
        obs_value=None,
        reading_rule=ABSENT,
        status="blank",
    )


def _write(connection: warehouse.Connection, files: Sequence[Judged], loaded: Loaded) -> None:
    """Move the bytes of a chunk and write all its lines in one transaction."""
    now = datetime.now(UTC).replace(tzinfo=None)
    outcomes = []
    for judged in files:
        outcome = {
            "arrival_id": judged.arrival.arrival_id,
            "status": judged.status,
            "file_format": judged.file.file_format,
            "stored_in": judged.file.storage,
            "repeats_arrival_id": judged.repeats_arrival_id,
        }
        outcomes.append(outcome)
        loaded.files[judged.status] += 1
        loaded.formats[judged.status, judged.file.file_format] += 1
        for submission, _, _ in judged.submissions():
            if submission.is_loadable:
                loaded.figures += sum(cell.status == "read" for cell in submission.cells)
            if submission.time_period:
                loaded.periods.add(submission.time_period)
    store.move({one.arrival.sha256: one.file.storage for one in files if one.file.storage in store.PLACES})
    # Whoever is killed here judges the files again, and the same decisions are kept once.
    for verdict in (verdict for one in files for verdict in one.verdicts):
        verdicts.put(verdict)
    with warehouse.transaction(connection):
        numbered = list(_numbered(files, _next_number(connection)))
        submissions = [row for number, one in numbered for row in submission_rows(one, now, number)]
        warehouse.append(connection, "raw.submissions", submissions)
        warehouse.append(connection, "raw.cells", (row for number, one in numbered for row in cell_rows(one, number)))
        warehouse.append(connection, "raw.findings", [row for one in files for row in finding_rows(one)])
        warehouse.append(connection, "meta.review_workbooks", [one.review for one in files if one.review])
        connection.execute(
            "create or replace temp table outcomes as "
            "select arrival_id, status, file_format, stored_in, repeats_arrival_id from raw.arrivals limit 0"
        )
        warehouse.append(connection, "outcomes", outcomes)
        connection.execute(
            "update raw.arrivals set status = outcomes.status, file_format = outcomes.file_format, "
            "stored_in = outcomes.stored_in, repeats_arrival_id = outcomes.repeats_arrival_id "
            "from outcomes where arrivals.arrival_id = outcomes.arrival_id"
        )


def _next_number(connection: warehouse.Connection) -> int:
    return connection.execute("select coalesce(max(report_number), 0) + 1 from raw.submissions").fetchone()[0]


def _numbered(files: Iterable[Judged], number: int) -> Iterator[tuple[int, Judged]]:
    """Yield each file with the number of its first report."""
    for one in files:
        yield number, one
        number += len(one.submission_ids)


def _sweep(connection: warehouse.Connection) -> None:
    waiting = connection.execute("select distinct sha256 from raw.arrivals where status = 'registered'").fetchall()
    store.sweep({sha256 for (sha256,) in waiting})
