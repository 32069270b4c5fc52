"""The texts of mails that answer nothing: reminders to communes and districts, and the digest of an office.

Pure, and without a figure of any report: a mailbox is no place for what is not published. Places, names of indicators,
deadlines and how many reports there are is all that is told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tuquan.answers import area_vi
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import date_vi, number_vi, period_vi, phrase, shown
from tuquan.vocabulary.privacy_signs import mask
from tuquan.vocabulary.working_days import working_days_between
from tuquan.workbook.remarks import place_of

# In the order in which they are told; what is to be done about them.
CAUSES = {
    "overdue": "send",
    "due_soon": "send",
    "empty": "correct",
    "held_file": "correct",
    "held_cells": "correct",
    "returned": "answer",
    "unanswered": "answer",
}
MOST_LINES = 100  # of one cause in one mail: a district has some tens of communes
MOST_NAMES = 20  # of one list of the digest
MOST_QUESTIONS = 10
PAGE = "/duyet/ky"  # of a period on the review page; hosts differ
_NUMBER = re.compile(r"\d+(?:[.,\s]\d+)*")
_RULE = "─" * 40


@dataclass(frozen=True)
class Matter:
    """One thing that waits for a commune.

    ``due`` is until when it is due, or was; ``since`` the day on which counting begins when it is late. ``sheet`` to
    ``reason`` are those of a figure that the office gave back; ``count`` is how many cells are held.
    """

    cause: str
    matter_id: str
    area_key: str
    form: str
    time_period: str
    calendar: str
    since: date
    due: date | None = None
    count: int = 0
    sheet: str | None = None
    cell: str | None = None
    indicator: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Reminder:
    """A matter that is told: for the how many-th time, and whether its commune has no mailbox of its own."""

    matter: Matter
    times: int
    has_no_mailbox: bool = False


@dataclass(frozen=True)
class Collection:
    """The state of one form and period: how many reports are owed, and what became of them."""

    form: str
    time_period: str
    calendar: str
    due: date | None
    owed: int
    received: int
    held: int
    late: tuple[str, ...] = ()  # area_key of communes whose report is missing after the deadline
    missing: int = 0


@dataclass(frozen=True)
class Digest:
    """What an office is told of a day, of its communes alone.

    ``questions`` are the open ones, worst first: question_id, time_period, severity, area_key, ref_area, indicator,
    suspected_cause and check_name; ``questions_open`` how many there are by period. ``times`` is how often
    a matter was told.
    """

    collections: Sequence[Collection]
    questions: Sequence[dict[str, Any]]
    questions_open: dict[str, int]
    unanswered: Sequence[Matter]
    waiting: Sequence[Matter]  # returned, and the deadline has not passed
    sent_again: Sequence[Matter]
    times: dict[str, int]
    without_mailbox: Sequence[str]  # area_key
    refused: Sequence[str]  # names of areas whose mailbox took no mail
    problems: Sequence[str]  # of the address book
    is_of_known_areas: bool = False  # no office says which communes are its own, so those who report are taken

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for anybody."""
        return not (
            any(one.missing or one.held for one in self.collections)
            or self.questions
            or self.unanswered
            or self.waiting
            or self.sent_again
            or self.refused
            or self.problems
        )


def reminder_subject(reminders: Sequence[Reminder], to_vi: str, *, is_list: bool) -> str:
    """Return the subject of a mail to one commune, or to who sees to several (``is_list``)."""
    areas = {reminder.matter.area_key for reminder in reminders}
    if is_list:
        return phrase("reminder.subject_list", area=to_vi, count=number_vi(len(areas)))
    causes = {reminder.matter.cause for reminder in reminders}
    name = "reminder.subject_question" if causes == {"returned"} else "reminder.subject"
    return phrase(name, area=to_vi)


def reminder_text(reminders: Sequence[Reminder], to_vi: str, day: date, *, is_list: bool) -> str:
    """Return what a commune, or who sees to several communes, is reminded of, grouped by cause."""
    lines = [phrase("reminder.greeting", area=to_vi), ""]
    if is_list:
        lines += [phrase("reminder.list"), ""]
    told = {reminder.matter.cause for reminder in reminders}
    for cause in (cause for cause in CAUSES if cause in told):
        of_cause = [reminder for reminder in reminders if reminder.matter.cause == cause]
        lines.append(phrase(f"reminder.cause.{cause}").upper())
        lines += [_line(number, one, day, is_list) for number, one in enumerate(of_cause[:MOST_LINES], start=1)]
        lines += _more(len(of_cause) - MOST_LINES)
        lines.append("")
    for advice in dict.fromkeys(todo for cause, todo in CAUSES.items() if cause in told):
        lines.append(phrase(f"reminder.how.{advice}"))
    return "\n".join([*lines, "", phrase("reminder.foot"), ""])


def digest_subject(day: date) -> str:
    """Return the subject of the digest of ``day``."""
    return phrase("office.subject", date=date_vi(day))


def digest_text(digest: Digest, to_vi: str) -> str:
    """Return what an office is told, without the day: the same state has the same text."""
    parts = [
        _collected(digest),
        _questions(digest),
        _returned(digest),
        _mailboxes(digest),
    ]
    lines = [phrase("reminder.greeting", area=to_vi)]
    for part in (part for part in parts if part):
        lines += ["", *part]
    foot = (
        [phrase("office.foot"), phrase("office.known_areas")] if digest.is_of_known_areas else [phrase("office.foot")]
    )
    return "\n".join([*lines, "", _RULE, *foot, ""])


def digest_short(digest: Digest, day: date) -> dict[str, Any]:
    """Return the digest as one sentence and as numbers, for a webhook."""
    counts = {
        "reports_owed": sum(one.owed for one in digest.collections),
        "reports_received": sum(one.received for one in digest.collections),
        "reports_late": sum(len(one.late) for one in digest.collections),
        "questions_open": sum(digest.questions_open.values()),
        "answers_late": len(digest.unanswered),
    }
    told = {name: number_vi(count) for name, count in counts.items()}
    return {
        "kind": "digest",
        "date": day.isoformat(),
        "text": phrase("office.short", date=date_vi(day), **told),
    } | counts


def _line(number: int, reminder: Reminder, day: date, is_list: bool) -> str:
    matter = reminder.matter
    who = f"{area_vi(matter.area_key)}, " if is_list else ""
    text = phrase(
        f"reminder.line.{matter.cause}",
        period=_period_vi(matter),
        form=matter.form,
        place=_place(matter),
        indicator=_indicator_vi(matter),
        reason=_without_figures(matter.reason),
        due=date_vi(matter.due) if matter.due else "",
        days=number_vi(working_days_between(matter.due, day)) if matter.due else "",
        count=number_vi(matter.count),
    )
    again = phrase("reminder.again", count=number_vi(reminder.times)) if reminder.times > 1 else ""
    alone = phrase("reminder.no_mailbox") if is_list and reminder.has_no_mailbox else ""
    return " ".join(part for part in (f"{number}. {who}{text}", again, alone) if part)


def _collected(digest: Digest) -> list[str]:
    lines = []
    for one in digest.collections:
        name = "office.collected" if one.due else "office.collected_without_deadline"
        lines.append(
            phrase(
                name,
                period=_period_vi(one),
                form=one.form,
                due=date_vi(one.due) if one.due else "",
                owed=number_vi(one.owed),
                received=number_vi(one.received),
                held=number_vi(one.held),
                missing=number_vi(one.missing),
            )
        )
        if one.late:
            lines.append("  " + phrase("office.late", areas=_names(one.late)))
        lines.append("  " + phrase("office.page", page=f"{PAGE}/{one.time_period}/tiep-nhan"))
    return [phrase("office.head.collected").upper(), *lines] if lines else []


def _questions(digest: Digest) -> list[str]:
    if not digest.questions:
        return []
    lines = [
        phrase("office.questions", period=period_vi(parse_period(period)), count=number_vi(count))
        + " "
        + phrase("office.page", page=f"{PAGE}/{period}")
        for period, count in list(digest.questions_open.items())[:MOST_NAMES]
    ]
    lines += _more(len(digest.questions_open) - MOST_NAMES)
    lines += ["", phrase("office.worst", count=number_vi(min(len(digest.questions), MOST_QUESTIONS)))]
    catalogue = load_catalogue()
    for number, one in enumerate(digest.questions[:MOST_QUESTIONS], start=1):
        cause = one["suspected_cause"]
        lines.append(
            phrase(
                "office.question",
                number=number,
                severity=phrase(f"severity.{one['severity']}"),
                area=area_vi(one["area_key"], one["ref_area"]),
                period=period_vi(parse_period(one["time_period"])),
                indicator=catalogue[one["indicator"]].name_vi,
                cause=phrase(f"cause.{cause}" if cause else f"office.check.{one['check_name']}"),
                question=one["question_id"][:8],
            )
        )
    return [phrase("office.head.questions").upper(), *lines]


def _returned(digest: Digest) -> list[str]:
    lines = []
    for name in ("unanswered", "sent_again", "waiting"):
        matters = getattr(digest, name)
        if not matters:
            continue
        lines.append(phrase(f"office.returned.{name}", count=number_vi(len(matters))))
        for matter in matters[:MOST_NAMES]:
            times = digest.times.get(matter.matter_id, 0)
            told = phrase("office.told", count=number_vi(times)) if times else phrase("office.not_told")
            lines.append(
                phrase(
                    "office.returned_line",
                    area=area_vi(matter.area_key),
                    period=_period_vi(matter),
                    place=_place(matter),
                    indicator=_indicator_vi(matter),
                    due=date_vi(matter.due),
                    told=told,
                )
            )
        lines += _more(len(matters) - MOST_NAMES)
    return [phrase("office.head.returned").upper(), *lines] if lines else []


def _mailboxes(digest: Digest) -> list[str]:
    lines = []
    if digest.without_mailbox:
        lines.append(phrase("office.without_mailbox", areas=_names(digest.without_mailbox)))
    if digest.refused:
        lines.append(phrase("office.refused", areas="; ".join(digest.refused)))
    lines += digest.problems[:MOST_NAMES]
    lines += _more(len(digest.problems) - MOST_NAMES)
    return [phrase("office.head.mailboxes").upper(), *lines] if lines else []


def _names(area_keys: Sequence[str]) -> str:
    named = "; ".join(area_vi(key) for key in area_keys[:MOST_NAMES])
    left_out = len(area_keys) - MOST_NAMES
    return f"{named} {phrase('office.more_areas', count=number_vi(left_out))}" if left_out > 0 else named


def _more(count: int) -> list[str]:
    return [phrase("reminder.more", count=number_vi(count))] if count > 0 else []


def _period_vi(of: Matter | Collection) -> str:
    return period_vi(parse_period(of.time_period, of.calendar))


def _place(matter: Matter) -> str:
    return place_of(shown(matter.sheet or ""), matter.cell) if matter.indicator else ""


def _indicator_vi(matter: Matter) -> str:
    return load_catalogue()[matter.indicator].name_vi if matter.indicator else ""


def _without_figures(reason: str) -> str:
    """Return what a person wrote as a reason, without the numbers in it.

    >>> _without_figures("Kỳ trước là 1.288 hộ")
    'Kỳ trước là … hộ'
    """
    return _NUMBER.sub("…", mask(shown(reason)))
