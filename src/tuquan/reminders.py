"""Who is reminded of what, once a day and by one mail each: communes, who sees to several of them, and the office.

What is due follows from duties, reports, decisions and working days; what was told stands in ``meta.reminders``, so a
day that is run again tells nothing twice and a mail that could not be sent is due again. Mails are written to the
outbox and sent from there; one that is still there at the next run is taken back and written anew, so that nobody is
reminded of what was done meanwhile. Addresses are those of ``contacts.py`` and no others.
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tuquan import outbox, settings, warehouse
from tuquan.answers import area_vi
from tuquan.contacts import AddressBook, Contact, codes_above, digest_of, load_address_book
from tuquan.given_back import returned_figures
from tuquan.notices import (
    Collection,
    Digest,
    Matter,
    Reminder,
    digest_short,
    digest_subject,
    digest_text,
    reminder_subject,
    reminder_text,
)
from tuquan.vocabulary.areas import COUNTRY, Area, AreaRegister, load_register
from tuquan.vocabulary.duties import duty_of, load_duties
from tuquan.vocabulary.forms import current_form, current_forms
from tuquan.vocabulary.periods import MONTHS_IN, Period
from tuquan.vocabulary.phrases import VIETNAM, date_vi, in_vietnam, phrase
from tuquan.vocabulary.seeds import load_threshold
from tuquan.vocabulary.working_days import is_working_day, working_days_between

LOG = logging.getLogger(__name__)
DAILY, QUESTIONS = "daily", "questions"  # kinds of notices
HORIZON_DAYS = 100  # periods that ended before are history
FAILED_DAYS = 7  # for so long an office is told that a mailbox took no mail
WEBHOOK = "webhook"  # stands for the address of the webhook
DIGEST = "digest"
# These wait for the office, which lets a report count or does not (docs/decisions/0006).
FOR_THE_OFFICE = {"period_is_open", "area_owes_a_report"}

_REPORTS = """
select area_key, form, time_period,
    arg_max(arrival_id, report_number) filter (is_loaded) as arrival_id,
    arg_max(received_at, report_number) filter (is_loaded) as received_at,
    arg_max(figures_read, report_number) filter (is_loaded) as figures_read,
    arg_max(figures_held, report_number) filter (is_loaded) as figures_held,
    arg_max(arrival_id, report_number) filter (is_waiting) as waiting_arrival_id,
    arg_max(received_at, report_number) filter (is_waiting) as waiting_since,
    coalesce(max(report_number) filter (is_waiting) > max(report_number) filter (is_loaded), true) as is_newer
from (
    select submissions.*, arrivals.received_at, submissions.status = 'held' and not is_loaded as is_waiting
    from raw.submissions
    inner join raw.arrivals using (arrival_id)
    where area_key is not null and time_period in (select unnest($periods))
)
group by all
"""
# What is asked about files that wait as a whole.
_WAITING_FOR = """
select arrival_id, list(distinct check_name) as checks
from raw.findings where severity = 'held' and cell is null and arrival_id in (select unnest($arrivals)) group by all
"""
# Of an area that changed inside a period the marts know who reports for it.
_NOT_OWED = """
with owed as (select area_key, form, time_period from marts.completeness where status <> 'not_owed')
select distinct unnest($areas) as area_key, form, time_period
from owed where time_period in (select unnest($periods)) and form || time_period in (select unnest($moved))
except select * from owed
"""
_REPORTED = "select distinct area_key from raw.submissions where is_loaded and area_key is not null"
_RELEASED = "select distinct time_period from meta.releases"
_QUESTIONS = """
select questions.question_id, questions.time_period, questions.severity, questions.ref_area, questions.indicator,
    questions.suspected_cause, flags.area_key, flags.check_name
from quality.open_questions as questions
left join (
    select incident_id, any_value(area_key) as area_key, min(check_name) as check_name
    from quality.flags where is_open group by all
) as flags on questions.question_id = flags.incident_id
order by severity = 'critical' desc, priority desc nulls last, question_id
"""
_TOLD = """
select recipient, matter_id, count(distinct day) filter (outcome = 'sent') as times,
    max(day) filter (outcome = 'sent') as last_day, max(day) as tried_on
from meta.reminders group by all
"""
_REFUSED = """
select recipient from meta.reminders where day > $first_day
group by all having arg_max(outcome, told_at) = 'refused'
"""
_NOTE = """
insert into meta.reminders by name
select * from new_reminders anti join meta.reminders using (notice_id, matter_id, outcome)
"""


@dataclass
class Written:
    """What one run wrote: mails by how many, and in words why none could be."""

    mails: int = 0
    posts: int = 0
    digest: Path | None = None
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Rules:
    """The numbers of ``seeds/thresholds.csv``, in working days."""

    before: int | None
    again: int
    most: int


def _rules() -> _Rules:
    before = load_threshold("remind_before_days")
    again, most = load_threshold("remind_again_days"), load_threshold("most_reminders")
    return _Rules(None if before is None else int(before), max(1, int(again or 1)), int(most or 0))


@dataclass(frozen=True)
class _Owed:
    """One report that is owed, with what became of it: missing, held (as a whole) or received."""

    area: Area
    form: str
    period: Period
    due: date | None
    state: str = "missing"
    row: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Mailbox:
    """One address with the areas that it is of."""

    address: str
    contacts: tuple[Contact, ...]

    @property
    def recipient(self) -> str:
        return digest_of(self.address)

    @property
    def is_office(self) -> bool:
        return any(contact.is_office for contact in self.contacts)

    @property
    def is_list(self) -> bool:
        return len(self.contacts) > 1 or any(contact.level != "commune" for contact in self.contacts)

    @property
    def name_vi(self) -> str:
        return "; ".join(f"{contact.name_vi} ({contact.code})" for contact in self.contacts)


@dataclass
class _State:
    """What is known on a day."""

    day: date
    rules: _Rules
    owed: list[_Owed]
    matters: list[Matter]
    sent_again: list[Matter]
    questions: list[dict[str, Any]]
    released: set[str]
    told: dict[tuple[str, str], dict[str, Any]]  # by recipient and matter
    refused: set[str]
    book: AddressBook
    mailboxes: list[_Mailbox]
    codes: dict[str, frozenset[str]]  # of each commune, see codes_above
    reported: list[str]  # area_key of every commune of which a report was ever loaded

    @cached_property
    def reached(self) -> set[str]:
        """The communes that have a mailbox of their own."""
        by_code = {one.code for box in self.mailboxes for one in box.contacts if one.level == "commune"}
        by_key = load_register().by_key
        return {key for key in self.codes if by_key[key].ref_area in by_code}

    @cached_property
    def times(self) -> dict[str, int]:
        """How often each matter was told, to the mailbox that was told most often."""
        most: dict[str, int] = defaultdict(int)
        for (_, matter_id), one in self.told.items():
            most[matter_id] = max(most[matter_id], one["times"])
        return dict(most)


def is_quiet(day: date) -> bool:
    """Return whether nobody is reminded on ``day``, because offices do not work."""
    return not is_working_day(day)


def write_notices(day: date, written_at: datetime, *, by_mail: bool, by_webhook: bool) -> Written:
    """Write everything that is due on ``day`` to the outbox: one mail per mailbox, and the digest of the office.

    The digest also lies in the outbox as a file that people read. What an earlier run wrote and nobody could send is
    taken back first. Nothing is written to mailboxes when no account can send (``by_mail``), so that it stays due.

    Args:
        day: a working day in Viet Nam.
        written_at: UTC without saying so.
        by_mail: whether there is a channel for mails.
        by_webhook: whether there is one for posts.
    """
    with warehouse.connect() as connection:
        note_told(connection)
        _take_back(DAILY, QUESTIONS)
        state = _state(connection, day)
    written = Written(remarks=_remarks(state, by_mail, by_webhook))
    offices = [mailbox for mailbox in state.mailboxes if mailbox.is_office]
    own = _own_digest(state)
    written.digest = _write_file(own, day)
    if by_mail:
        written.mails += _write_reminders(state, DAILY, written_at, state.matters)
        for office in offices:
            written.mails += _write_digest(state, office, written_at)
    if by_webhook and not own.is_empty and not _was_told(state, WEBHOOK, DIGEST):
        outbox.put_post(DAILY, digest_short(own, day), [_record(DAILY, WEBHOOK, DIGEST, DIGEST, 1, day)])
        written.posts = 1
    return written


def preview(day: date) -> list[tuple[str, str]]:
    """Return subject and text of what is due on ``day``, the digest last; nothing is written."""
    with warehouse.connect() as connection:
        state = _state(connection, day)
    mails = [_mail(mailbox, due, day) for mailbox, due in _due_to_mailboxes(state, DAILY, state.matters)]
    digest = _own_digest(state)
    return mails if digest.is_empty else [*mails, (digest_subject(day), digest_text(digest, phrase("office.name")))]


def write_questions(day: date, written_at: datetime, *, by_mail: bool) -> int:
    """Ask communes by mail about the figures that the office gave back, once each; return how many mails these are."""
    with warehouse.connect() as connection:
        note_told(connection)
        if not by_mail:
            return 0
        _take_back(QUESTIONS)
        state = _state(connection, day, with_reports=False)
    waits = {record["matter_id"] for notice in outbox.waiting_notices(DAILY) for record in notice.told}
    asked = [matter for matter in state.matters if matter.cause == "returned" and matter.matter_id not in waits]
    return _write_reminders(state, QUESTIONS, written_at, asked)


def write_today(now: datetime, by_mail: bool, by_webhook: bool) -> Written:
    """Write what is due on the day of ``now``, and say in the log what was written and what was not."""
    written = write_notices(now.astimezone(VIETNAM).date(), _utc(now), by_mail=by_mail, by_webhook=by_webhook)
    for remark in written.remarks:
        LOG.warning("%s", remark)
    LOG.info("%s", phrase("remind.written", mails=written.mails, posts=written.posts, file=written.digest or "–"))
    return written


def ask_today(now: datetime, by_mail: bool) -> int:
    """Ask on the day of ``now`` about figures that were given back; return how many mails were written."""
    return write_questions(now.astimezone(VIETNAM).date(), _utc(now), by_mail=by_mail)


def note_told(connection: warehouse.Connection | None = None) -> int:
    """Note in the warehouse what left the outbox, or was refused for good; return how many records there are."""
    if connection is None:
        with warehouse.connect() as connection:
            return note_told(connection)
    files = outbox.told_records()
    records = [record for of_file in files.values() for record in of_file]
    if records:
        with warehouse.transaction(connection):
            connection.execute("create or replace temp table new_reminders as from meta.reminders limit 0")
            warehouse.append(connection, "new_reminders", records)
            connection.execute(_NOTE)
            connection.execute("drop table new_reminders")
    for path in files:
        path.unlink(missing_ok=True)
    return len(records)


# What is due


def _state(connection: warehouse.Connection, day: date, *, with_reports: bool = True) -> _State:
    rules = _rules()
    owed = _owed_reports(connection, day, rules) if with_reports else []
    returned = [_returned_matter(row, day) for row in returned_figures(connection)]
    matters = [_matter(one, day, rules) for one in owed] + [
        matter for matter, is_sent_again in returned if not is_sent_again
    ]
    book = load_address_book(day)
    state = _State(
        day=day,
        rules=rules,
        owed=owed,
        matters=sorted(filter(None, matters), key=lambda one: (one.time_period, one.form, one.area_key)),
        sent_again=[matter for matter, is_sent_again in returned if is_sent_again],
        questions=_questions(connection) if with_reports else [],
        released={period for (period,) in connection.execute(_RELEASED).fetchall()},
        told={(row["recipient"], row["matter_id"]): row for row in warehouse.rows(connection, _TOLD)},
        refused={
            recipient
            for (recipient,) in connection.execute(
                _REFUSED, {"first_day": day - timedelta(days=FAILED_DAYS)}
            ).fetchall()
        },
        book=book,
        mailboxes=_mailboxes(book),
        codes={},
        reported=[key for (key,) in connection.execute(_REPORTED).fetchall()],
    )
    register = load_register()
    about = [one.area.area_key for one in owed] + [matter.area_key for matter, _ in returned]
    about += [one["area_key"] for one in state.questions] + state.reported
    for key in set(about):
        area = register.by_key.get(key)
        if area is not None:
            state.codes[key] = _codes_of(area, day, register)
    return state


def _owed_reports(connection: warehouse.Connection, day: date, rules: _Rules) -> list[_Owed]:
    register = load_register()
    owed: list[_Owed] = []
    comes_due = cache(lambda due: _comes_due(due, day, rules))  # of a few days for thousands of communes
    for form in current_forms():
        for period in _periods(form.calendar, day):
            of_duties = {duty.ref_area for duty in load_duties() if duty.is_in_force(form.form, period)}
            areas = {area for ref_area in of_duties for area in register.communes(ref_area, period.end)}
            for area in sorted(areas, key=lambda area: area.ref_area):
                duty = duty_of(area, form.form, period, register)
                if duty is None:
                    continue
                due = duty.due_date(period)
                if period.end < day or comes_due(due):
                    owed.append(_Owed(area, form.form, period, due))
    periods = sorted({one.period.code for one in owed})
    rows = {
        (row["area_key"], row["form"], row["time_period"]): row
        for row in warehouse.rows(connection, _REPORTS, {"periods": periods})
    }
    not_owed = _not_owed(connection, owed, periods)
    found = []
    for one in owed:
        key = (one.area.area_key, one.form, one.period.code)
        row = rows.get(key)
        if row is None:
            found += [one] if key not in not_owed else []
        else:
            is_received = row["arrival_id"] is not None
            state = "received" if is_received else "held" if row["waiting_arrival_id"] is not None else "missing"
            found.append(replace(one, state=state, row=row))
    return _with_what_is_asked(connection, found)


def _periods(calendar: str, day: date) -> list[Period]:
    """The periods of which reports may be due around ``day``."""
    found = []
    for frequency in MONTHS_IN:
        period = Period(day.year + 1, frequency, 1, calendar)
        while period.end >= day - timedelta(days=HORIZON_DAYS):
            if period.start <= day:
                found.append(period)
            period = period.previous
    return found


def _comes_due(due: date | None, day: date, rules: _Rules) -> bool:
    if due is None or rules.before is None or day > due:
        return False
    return working_days_between(day, due) <= rules.before


def _not_owed(
    connection: warehouse.Connection, owed: Sequence[_Owed], periods: Sequence[str]
) -> set[tuple[str, str, str]]:
    """Of periods inside which areas changed: the reports that the marts do not expect, because another one came."""
    moved = {one.form + one.period.code for one in owed if one.period.start < one.area.valid_from <= one.period.end}
    if not moved or not warehouse.has_table(connection, "marts.completeness"):
        return set()
    about = {"areas": sorted({one.area.area_key for one in owed}), "periods": list(periods), "moved": sorted(moved)}
    return {tuple(row) for row in connection.execute(_NOT_OWED, about).fetchall()}


def _with_what_is_asked(connection: warehouse.Connection, found: list[_Owed]) -> list[_Owed]:
    waiting = [one.row["waiting_arrival_id"] for one in found if one.row and one.row["waiting_arrival_id"] is not None]
    checks = dict(connection.execute(_WAITING_FOR, {"arrivals": waiting}).fetchall()) if waiting else {}
    return [
        replace(one, row={**one.row, "checks": checks.get(one.row["waiting_arrival_id"], [])}) if one.row else one
        for one in found
    ]


def _matter(one: _Owed, day: date, rules: _Rules) -> Matter | None:
    """Return what a report that is owed lacks, if anything."""
    about = {
        "area_key": one.area.area_key,
        "form": one.form,
        "time_period": one.period.code,
        "calendar": one.period.calendar,
        "due": one.due,
    }
    row = one.row
    if row and row["waiting_arrival_id"] is not None and row["is_newer"] and set(row["checks"]) - FOR_THE_OFFICE:
        since = in_vietnam(row["waiting_since"]).date()
        return Matter("held_file", _id("held", row["waiting_arrival_id"], about), since=since, **about)
    if one.state == "missing":
        if one.due is None:
            return None
        cause = "overdue" if day > one.due else "due_soon" if _comes_due(one.due, day, rules) else None
        return Matter(cause, _id("report", "", about), since=one.due, **about) if cause else None
    if one.state == "received":
        since = in_vietnam(row["received_at"]).date()
        if row["figures_read"] + row["figures_held"] == 0:
            return Matter("empty", _id("empty", row["arrival_id"], about), since=since, **about)
        if row["figures_held"]:
            held = row["figures_held"]
            return Matter("held_cells", _id("cells", row["arrival_id"], about), since=since, count=held, **about)
    return None


def _returned_matter(row: Mapping[str, Any], day: date) -> tuple[Matter, bool]:
    about = {
        "area_key": row["area_key"],
        "form": row["form"],
        "time_period": row["time_period"],
        "calendar": row["calendar"] or current_form(row["form"]).calendar,
        "due": row["answer_by"],
    }
    place = {name: row[name] for name in ("sheet", "cell", "indicator", "reason")}
    matter = Matter(
        "unanswered" if day > row["answer_by"] else "returned",
        _id("returned", f"{row['decision_id']} {row['indicator']}", about),
        since=row["answer_by"],
        **about,
        **place,
    )
    return matter, row["is_sent_again"]


def _id(kind: str, which: object, about: Mapping[str, Any]) -> str:
    named = f"{kind}\n{about['area_key']}\n{about['form']}\n{about['time_period']}\n{which}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _questions(connection: warehouse.Connection) -> list[dict[str, Any]]:
    if not warehouse.has_table(connection, "quality.open_questions"):
        return []
    return warehouse.rows(connection, _QUESTIONS)


# Who is told


def _mailboxes(book: AddressBook) -> list[_Mailbox]:
    by_address: dict[str, list[Contact]] = defaultdict(list)
    for contact in book.contacts:
        by_address[contact.address.lower()].append(contact)
    return [_Mailbox(contacts[0].address, tuple(contacts)) for contacts in by_address.values()]


def _write_reminders(state: _State, kind: str, written_at: datetime, matters: Sequence[Matter]) -> int:
    """Write one mail per mailbox that is no office's and to which something is due; return how many."""
    due_to = _due_to_mailboxes(state, kind, matters)
    for mailbox, due in due_to:
        told = [
            _record(kind, mailbox.recipient, one.matter.cause, one.matter.matter_id, one.times, state.day, one.matter)
            for one in due
        ]
        subject, text = _mail(mailbox, due, state.day)
        outbox.put_notice(kind, mailbox.address, subject, text, told, state.day, written_at)
    return len(due_to)


def _due_to_mailboxes(state: _State, kind: str, matters: Sequence[Matter]) -> list[tuple[_Mailbox, list[Reminder]]]:
    by_code = _by_code(state, matters)
    found = []
    for mailbox in (mailbox for mailbox in state.mailboxes if not mailbox.is_office):
        due = [
            Reminder(matter, _times(state, mailbox, matter) + 1, matter.area_key not in state.reached)
            for matter in _of_mailbox(mailbox, by_code)
            if _is_due(state, mailbox.recipient, matter, kind)
        ]
        if due:
            found.append((mailbox, due))
    return found


def _times(state: _State, mailbox: _Mailbox, matter: Matter) -> int:
    told = state.told.get((mailbox.recipient, matter.matter_id))
    return told["times"] if told else 0


def _mail(mailbox: _Mailbox, due: Sequence[Reminder], day: date) -> tuple[str, str]:
    subject = reminder_subject(due, mailbox.name_vi, is_list=mailbox.is_list)
    return subject, reminder_text(due, mailbox.name_vi, day, is_list=mailbox.is_list)


def _by_code(state: _State, matters: Sequence[Matter]) -> dict[str, list[Matter]]:
    """Matters by the code of everything that a mailbox may be of: of their commune, and those above it."""
    found: dict[str, list[Matter]] = defaultdict(list)
    for matter in matters:
        for code in state.codes.get(matter.area_key, ()):
            found[code].append(matter)
    return found


def _of_mailbox(mailbox: _Mailbox, by_code: Mapping[str, list[Matter]]) -> list[Matter]:
    """Return the matters of everything that a mailbox is of, each once."""
    return list({one.matter_id: one for contact in mailbox.contacts for one in by_code.get(contact.code, ())}.values())


def _is_due(state: _State, recipient: str, matter: Matter, kind: str) -> bool:
    """Say whether a matter is to be told on the day of ``state``, by what was told of it to this mailbox before."""
    told = state.told.get((recipient, matter.matter_id))
    times, last_day = (told["times"], told["last_day"]) if told else (0, None)
    if times >= state.rules.most:
        return False
    if kind == QUESTIONS and told and told["tried_on"] == state.day:  # refused: once a day is enough
        return False
    if matter.cause in ("due_soon", "returned"):
        return times == 0
    is_late = matter.cause in ("overdue", "unanswered")
    if is_late and (last_day is None or last_day <= matter.since):
        return True
    # What is held or empty was told by a receipt on the day it came.
    return working_days_between(max(matter.since, last_day or matter.since), state.day) >= state.rules.again


def _was_told(state: _State, recipient: str, matter_id: str, within: int = 1) -> bool:
    """Say whether something was told so few working days ago; 1 = on the day itself."""
    told = state.told.get((recipient, matter_id))
    last_day = told["last_day"] if told else None
    return last_day is not None and (last_day == state.day or working_days_between(last_day, state.day) < within)


def _record(
    kind: str, recipient: str, cause: str, matter_id: str, times: int, day: date, matter: Matter | None = None
) -> dict[str, Any]:
    notice = hashlib.sha256(f"{kind}\n{recipient}\n{day}".encode()).hexdigest()[:16]
    about = {name: getattr(matter, name) for name in ("area_key", "form", "time_period", "indicator")} if matter else {}
    record = {"notice_id": notice, "recipient": recipient, "cause": cause, "matter_id": matter_id, "times": times}
    return {**record, **about, "day": day.isoformat()}


# The office


def _write_digest(state: _State, office: _Mailbox, written_at: datetime) -> int:
    """Write the digest of one office unless it was told today, or told the same some days ago; return how many."""
    digest = _digest(state, {contact.code for contact in office.contacts})
    text = digest_text(digest, office.name_vi)
    content = hashlib.sha256(text.encode()).hexdigest()[:16]
    is_told = _was_told(state, office.recipient, DIGEST)
    is_told = is_told or _was_told(state, office.recipient, content, state.rules.again)
    if digest.is_empty or is_told:
        return 0
    told = [_record(DAILY, office.recipient, DIGEST, matter, 1, state.day) for matter in (DIGEST, content)]
    outbox.put_notice(DAILY, office.address, digest_subject(state.day), text, told, state.day, written_at)
    return 1


def _digest(state: _State, codes: set[str]) -> Digest:
    """Return what the office with these codes is told, about its communes alone."""

    def is_own(area_key: str | None) -> bool:
        return COUNTRY in codes or not codes.isdisjoint(state.codes.get(area_key or "", ()))

    owed = [one for one in state.owed if is_own(one.area.area_key) and one.period.code not in state.released]
    matters = [matter for matter in state.matters if is_own(matter.area_key)]
    questions = [one for one in state.questions if is_own(one["area_key"])]
    by_period: dict[str, int] = defaultdict(int)
    for one in sorted(questions, key=lambda one: one["time_period"], reverse=True):
        by_period[one["time_period"]] += 1
    unreached = {matter.area_key for matter in matters} - state.reached
    return Digest(
        collections=_collections(owed, state.day),
        questions=questions,
        questions_open=dict(by_period),
        unanswered=[matter for matter in matters if matter.cause == "unanswered"],
        waiting=[matter for matter in matters if matter.cause == "returned"],
        sent_again=[matter for matter in state.sent_again if is_own(matter.area_key)],
        times=state.times,
        without_mailbox=sorted(unreached, key=area_vi),
        refused=[box.name_vi for box in state.mailboxes if box.recipient in state.refused],
        problems=state.book.problems,
    )


def _own_digest(state: _State) -> Digest:
    """Return what this installation is told as a whole.

    That is what the offices of the address book are told. Without any it is about the provinces and former districts
    of whoever ever reported or has a mailbox: everybody has a duty, and most report elsewhere.
    """
    offices = {one.code for one in state.book.contacts if one.is_office}
    if offices:
        return _digest(state, offices)
    register = load_register()
    communes = {one.code for one in state.book.contacts if one.level == "commune"}
    above = [state.codes.get(key, frozenset()) for key in state.reported]
    above += [_codes_of(area, state.day, register) for code in communes for area in register.versions(code)]
    codes = {one.code for one in state.book.contacts} | {code for one in above for code in one if ":" not in code}
    return replace(_digest(state, codes - {COUNTRY}), is_of_known_areas=True)


def _codes_of(area: Area, day: date, register: AreaRegister) -> frozenset[str]:
    """Return the codes above an area on a day, or when it was last in force."""
    return codes_above(area, min(day, area.valid_to - timedelta(days=1)) if area.valid_to else day, register)


def _collections(owed: Iterable[_Owed], day: date) -> list[Collection]:
    groups: dict[tuple[Period, str], list[_Owed]] = defaultdict(list)
    for one in owed:
        groups[one.period, one.form].append(one)
    return [
        Collection(
            form=form,
            time_period=period.code,
            calendar=period.calendar,
            due=max((one.due for one in group if one.due), default=None),
            owed=len(group),
            received=sum(one.state == "received" for one in group),
            held=sum(one.state == "held" for one in group),
            missing=sum(one.state == "missing" for one in group),
            late=tuple(
                one.area.area_key for one in group if one.state == "missing" and one.due is not None and day > one.due
            ),
        )
        for (period, form), group in sorted(groups.items(), key=lambda item: (item[0][0].end, item[0][1]), reverse=True)
    ]


def _write_file(digest: Digest, day: date) -> Path | None:
    if digest.is_empty:
        return None
    folder = settings.load().outbox
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / phrase("office.file_name", date=day.isoformat())
    head = phrase("office.subject", date=date_vi(day))
    outbox.write_whole(path, f"{head}\n\n{digest_text(digest, phrase('office.name'))}".encode())
    return path


def _remarks(state: _State, by_mail: bool, by_webhook: bool) -> list[str]:
    remarks = [] if by_mail else [phrase("remind.no_mail")]
    remarks += [] if by_webhook else [phrase("remind.no_webhook")]
    remarks += [] if state.mailboxes else [phrase("remind.no_contacts", file=settings.load().contacts.name)]
    return [*remarks, *state.book.problems]


def _utc(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _take_back(*kinds: str) -> None:
    for kind in kinds:
        for notice in outbox.waiting_notices(kind):
            notice.take_back()
