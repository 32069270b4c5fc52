"""What becomes of a received file, given what is known: whether it is owed, new, old, too late, or erases something.

Pure: the same file and the same knowledge give the same judgement. Files are judged in the order of their arrival, and
each judgement is added to what is known, so that a file is compared with the one just before it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

import msgspec

from tuquan.verdicts import Verdict
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.duties import duty_of
from tuquan.vocabulary.periods import Period, parse_period
from tuquan.vocabulary.phrases import date_vi, in_vietnam, number_vi, period_vi, phrase
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.submission import Finding, ReadFile, ReadSubmission

NAMED_FIGURES = 5  # of those that a version would erase
_GRAVEST_LAST = ("ignored", "accepted", "held", "refused")

Key = tuple[str, str, str]  # area_key, form, time_period: what a report is about
Figure = tuple[str, str]  # indicator, measure


@dataclass(frozen=True)
class Arrival:
    """One line of the register that waits to be loaded. ``received_at`` is UTC without saying so."""

    arrival_id: int
    declared_name: str
    sha256: str
    received_at: datetime
    record_id: str | None = None

    @property
    def name(self) -> str:
        """The name alone, for a sentence: senders do not know the folders of the channel."""
        return quoted(self.declared_name.rsplit("/", 1)[-1])

    @property
    def day(self) -> date:
        """The day of arrival in Vietnam."""
        return in_vietnam(self.received_at).date()


@dataclass(frozen=True)
class Version:
    """The version of a report that counts, and what gives the figures that it states: seldom is another one sent."""

    number: int
    figures: Callable[[], frozenset[Figure]]


@dataclass
class Known:
    """What the register knows about some files: their reports, their bytes and their records."""

    current: dict[Key, Version] = field(default_factory=dict)
    # By sha256: the arrival that was loaded first, and the newest version that its bytes became of each report.
    first_arrivals: dict[str, int] = field(default_factory=dict)
    loaded: dict[str, dict[Key, int]] = field(default_factory=dict)
    submissions: Counter[str] = field(default_factory=Counter)
    records: dict[str, set[Key]] = field(default_factory=dict)
    released: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Judged:
    """One file with its outcome; ``versions`` and ``submission_ids`` are those of its submissions, in their order."""

    arrival: Arrival
    file: ReadFile
    status: str
    submission_ids: tuple[str, ...] = ()
    versions: tuple[int | None, ...] = ()
    repeats_arrival_id: int | None = None
    verdicts: tuple[Verdict, ...] = ()  # of a review workbook: the decisions to keep
    review: dict[str, Any] | None = None  # and its row of meta.review_workbooks

    def submissions(self) -> Iterator[tuple[ReadSubmission, str, int | None]]:
        """Yield each report of the file with its id and its version; None = it does not count."""
        return zip(self.file.submissions, self.submission_ids, self.versions, strict=True)


def judge(arrival: Arrival, read: ReadFile, known: Known) -> Judged:
    """Return what becomes of a file, and add it to ``known``."""
    earlier = known.loaded.get(arrival.sha256, {})
    is_old = any(known.current[key].number != version for key, version in earlier.items())
    if earlier and not is_old:
        # Under another name, or after a change of the seeds, a file may turn into something else than the first time.
        told = {key_of(submission) for submission in read.submissions if submission.is_loadable}
        news = [one for one in read.submissions if not (one.is_loadable and key_of(one) in earlier)]
        if not news and told >= earlier.keys():
            empty = msgspec.structs.replace(read, submissions=[], findings=[])
            return Judged(arrival, empty, "duplicate", repeats_arrival_id=known.first_arrivals[arrival.sha256])
        read = msgspec.structs.replace(read, submissions=news)
    if read.storage == "nothing":  # only hash and reasons remain
        read = msgspec.structs.replace(read, submissions=[])
    findings = list(read.findings)
    if is_old:
        findings.append(remark("bytes_are_the_current_version", file=arrival.name))
    submissions, versions, ids = [], [], []
    for submission in read.submissions:
        if is_old:
            judged = _held(submission, [])
        elif submission.is_loadable and key_of(submission):
            judged = _judge_submission(arrival, submission, known)
        else:
            judged = submission
        submissions.append(judged)
        known.submissions[arrival.sha256] += 1
        ids.append(f"{arrival.sha256[:16]}-{known.submissions[arrival.sha256]}")
        versions.append(_add(arrival, judged, known) if judged.is_loadable else None)
    file = msgspec.structs.replace(read, submissions=submissions, findings=findings)
    return Judged(arrival, file, _status(read, file), tuple(ids), tuple(versions))


def key_of(submission: ReadSubmission) -> Key | None:
    """Return what a report is about, or None when the file does not tell all of it."""
    if submission.area_key and submission.form and submission.time_period:
        return submission.area_key, submission.form, submission.time_period
    return None


def _judge_submission(arrival: Arrival, submission: ReadSubmission, known: Known) -> ReadSubmission:
    findings = list(_questions(arrival, submission, known))
    if any(finding.severity == "held" for finding in findings):
        return _held(submission, findings)
    return msgspec.structs.replace(submission, findings=[*submission.findings, *findings])


def _held(submission: ReadSubmission, findings: list[Finding]) -> ReadSubmission:
    status = "refused" if submission.status == "refused" else "held"
    return msgspec.structs.replace(
        submission, findings=[*submission.findings, *findings], status=status, is_loadable=False
    )


def _questions(arrival: Arrival, submission: ReadSubmission, known: Known) -> Iterator[Finding]:
    """Yield why a readable report cannot count now; what is only worth a note too."""
    key = key_of(submission)
    register = load_register()
    area = register.by_key[submission.area_key or ""]
    period = parse_period(submission.time_period or "", submission.calendar or "administrative")
    current = known.current.get(key)

    def ask(check: str, **facts: object) -> Finding:
        about = {"file": arrival.name, "area": area.name_vi, "period": period_vi(period)}
        return remark(check, sheet=submission.sheet, **about, **facts)

    duty = duty_of(area, submission.form or "", period, register)
    if duty is None:
        yield ask("area_owes_a_report")
    if period.start > arrival.day:
        yield ask("period_has_begun", limit=date_vi(period.start))
    elif period.end >= arrival.day:
        yield ask("period_has_ended", limit=date_vi(period.end))
    if arrival.record_id and key not in known.records.get(arrival.record_id, {key}):
        others = (_report_vi(other, period) for other in sorted(known.records[arrival.record_id]))
        yield ask("record_keeps_its_area_and_period", other_value="; ".join(others))
    if period.code in known.released:
        yield ask("period_is_open", reason=phrase("reason.released"))
    elif current and duty and (last_day := duty.last_day(period)) and arrival.day > last_day:
        yield ask("period_is_open", reason=phrase("reason.closed", date=date_vi(last_day)))
    if current and (erased := current.figures() - _figures(submission, doubtful=True)):
        catalogue = load_catalogue()
        names = list({catalogue[code].name_vi if code in catalogue else code: None for code, _ in sorted(erased)})
        named = [*names[:NAMED_FIGURES], "…"] if len(names) > NAMED_FIGURES else names
        yield ask("no_figure_is_erased", value="; ".join(named), other_value=number_vi(len(erased)))


def _report_vi(key: Key, period: Period) -> str:
    area_key, _, time_period = key
    area = load_register().by_key.get(area_key)
    return f"{area.name_vi if area else area_key}, {period_vi(parse_period(time_period, period.calendar))}"


def _figures(submission: ReadSubmission, *, doubtful: bool = False) -> frozenset[Figure]:
    wanted = ("read", "held", "refused") if doubtful else ("read",)
    return frozenset((cell.indicator, cell.measure) for cell in submission.cells if cell.status in wanted)


def _add(arrival: Arrival, submission: ReadSubmission, known: Known) -> int:
    """Note that a report counts from now on, and return its version: they count up per area, form and period."""
    key = key_of(submission)
    version = known.current[key].number + 1 if key in known.current else 1
    known.current[key] = Version(version, partial(_figures, submission))
    known.loaded.setdefault(arrival.sha256, {})[key] = version
    known.first_arrivals.setdefault(arrival.sha256, arrival.arrival_id)
    if arrival.record_id:
        known.records.setdefault(arrival.record_id, set()).add(key)
    return version


def _status(read: ReadFile, file: ReadFile) -> str:
    """The gravest outcome; when something of a file was taken and something not, it needs an answer: held."""
    statuses = [read.status, *(submission.status for submission in file.submissions)]
    status = max(statuses, key=_GRAVEST_LAST.index)
    if status == "refused" and any(submission.is_loadable for submission in file.submissions):
        return "held"
    return status
