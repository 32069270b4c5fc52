"""Review workbooks on their way out: each is issued to one person, and what was issued is kept.

The id of an issue is a seal over all that it says and to whom, made with a key of the house. It stands in the workbook,
so a workbook that comes back tells to whom it was issued and what stood in its locked cells. Asking twice for the same
questions gives the same workbook.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from tuquan import keys, questions, settings, verdicts
from tuquan.outbox import write_whole
from tuquan.snapshot import PERIOD, Figure, Question, Snapshot
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi, phrase, shown, time_vi
from tuquan.vocabulary.privacy_signs import mask
from tuquan.workbook.review_sheet import MARK, NUMBERS, stamp_text
from tuquan.workbook.review_workbook import ReviewBook, SheetRow, write_review_workbook

_ID = re.compile(r"[0-9a-f]{32}")


class Row(Struct, frozen=True):
    """One figure of a question as it was printed: text or a plain number by column, null where nothing stands."""

    flag_id: str
    locked: dict[str, str | None]


class Asked(Struct, frozen=True):
    """A question as it was issued, and its rows, one for each of its figures."""

    question: Question
    rows: list[Row]


class Issue(Struct, frozen=True):
    """One issued workbook. ``written_at`` is when the snapshot was written from which it was made, in UTC."""

    time_period: str
    label_vi: str
    issued_to: str
    written_at: datetime
    digest: str | None
    asked: list[Asked]

    @property
    def issue_id(self) -> str:
        return _seal(msgspec.json.encode(self))


def _seal(kept: bytes) -> str:
    return hmac.new(keys.key("workbook"), kept, hashlib.sha256).hexdigest()[:32]


def file_name(time_period: str) -> str:
    """Return how the workbook of a period is called."""
    return f"so-duyet-{time_period}.xlsx"


def issue(seen: Snapshot, name: str) -> bytes | None:
    """Return a workbook with the questions of a period that have no answer yet, issued to ``name``; None without any.

    Whoever calls this knows that ``name`` is signed in and may decide.
    """
    waiting = {verdict.question_id for verdict in verdicts.waiting(seen.time_period)}
    left = [question for question in seen.open_questions() if not questions.is_done(question, waiting)]
    if not left:
        return None
    told = Issue(
        time_period=seen.time_period,
        label_vi=seen.label_vi,
        issued_to=name,
        written_at=seen.written_at,
        digest=seen.digest,
        asked=[_asked(number, question) for number, question in enumerate(left, start=1)],
    )
    path = _path(told.time_period, told.issue_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(told), 0o600)
    return write_review_workbook(_book(told))


def read_stamp(stamps: Iterable[str]) -> Issue | None:
    """Return what was issued with these stamps; None unless they are one, and one of ours."""
    different = set(stamps)
    mark, _, told = different.pop().partition("|") if len(different) == 1 else ("", "", "")
    time_period, _, issue_id = told.partition("|")
    if mark != MARK or not PERIOD.fullmatch(time_period) or not _ID.fullmatch(issue_id):
        return None
    try:
        kept = _path(time_period, issue_id).read_bytes()
        # Of the bytes that were sealed: a later release may write the same in other words.
        return msgspec.json.decode(kept, type=Issue) if hmac.compare_digest(_seal(kept), issue_id) else None
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _path(time_period: str, issue_id: str) -> Path:
    return settings.load().review / time_period / "issued" / f"{issue_id}.json"


def _asked(number: int, question: Question) -> Asked:
    rows = [
        Row(figure.flag_id, _locked(number, question, figure, is_first=place == 0))
        for place, figure in enumerate(question.figures)
    ]
    figures = [msgspec.structs.replace(figure, series=[]) for figure in question.figures]  # charts stay on the page
    return Asked(msgspec.structs.replace(question, figures=figures), rows)


def _locked(number: int, question: Question, figure: Figure, *, is_first: bool) -> dict[str, str | None]:
    place = f"{figure.sheet or ''}, {figure.cell}".strip(", ") if figure.cell else ""
    effects = (questions.effect_vi(figure, figure.district), questions.effect_vi(figure, figure.province))
    same = phrase("review_workbook.same_question", number=number_vi(number))
    return {
        "number": str(number),
        "area": shown(question.area_name_vi),
        "indicator": _lines(f"{figure.indicator_name_vi} ({figure.unit_measure})", place),
        "reported": _plain(figure.obs_value),
        "previous": _plain(figure.previous.obs_value if figure.previous else None),
        "last_year": _plain(figure.last_year.obs_value if figure.last_year else None),
        "usual": questions.usual_vi(figure),
        "suggested": _plain(figure.suggested_value),
        "question": _lines(*_question_lines(question)) if is_first else same,
        "effect": _lines(*effects),
    }


def _question_lines(question: Question) -> list[str]:
    tags = [phrase(f"severity.{question.severity}"), phrase(f"question_state.{question.state}")]
    if question.priority is not None:
        tags.append(phrase("review_workbook.priority", percent=number_vi(question.priority, 2)))
    if not question.is_needed:
        tags.append(phrase("question.below_rest"))
    lines = [phrase("review_workbook.between").join(tags)]
    if question.suspected_cause:
        cause = phrase(f"cause.{question.suspected_cause}")
        lines.append(phrase("review_workbook.cause", cause=cause))
    return [*lines, question.message_vi]


def _lines(*texts: str) -> str:
    return "\n".join(shown(text) for text in texts if text)


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _book(told: Issue) -> ReviewBook:
    choices = [phrase(f"choice.{choice}") for choice in verdicts.CHOICES]
    hints = [
        phrase("review_workbook.choice", choice=name, hint=phrase(f"choice_hint.{choice}"))
        for choice, name in zip(verdicts.CHOICES, choices, strict=True)
    ]
    # Some accounts are called by an address, which the gate would stop when the workbook comes back.
    about = {"name": mask(shown(told.issued_to)), "time": time_vi(told.written_at), "count": number_vi(len(told.asked))}
    return ReviewBook(
        stamp=stamp_text(told.time_period, told.issue_id),
        title=phrase("review_workbook.title", period=told.label_vi),
        written_at=told.written_at,
        lines=[
            phrase("review_workbook.issued", **about),
            phrase("review_workbook.how"),
            phrase("review_workbook.between").join(hints),
        ],
        rows=[row for asked in told.asked for row in _sheet_rows(told, asked)],
        for_many=[
            questions.limit_vi(limit)
            for limit in (questions.REST, *questions.LIMITS)
            if questions.below([asked.question for asked in told.asked], limit, ())
        ],
        longest_reason=verdicts.LONGEST_REASON,
        correct=phrase("choice.correct"),
    )


def _sheet_rows(told: Issue, asked: Asked) -> list[SheetRow]:
    question, catalogue = asked.question, load_catalogue()
    choices = [phrase(f"choice.{choice}") for choice in questions.choices_for(question)]
    rows = []
    for place, (row, figure) in enumerate(zip(asked.rows, question.figures, strict=True)):
        item = catalogue[figure.indicator]
        limits = (item.value_min or Decimal(0), item.highest_possible(parse_period(told.time_period)))
        rows.append(
            SheetRow(
                row_id=row.flag_id,
                locked={tag: _value(tag, text) for tag, text in row.locked.items()},
                decimals=figure.decimals,
                choices=choices if place == 0 else [],
                limits=limits if question.can_change else None,
                is_grave=question.severity == "critical",
            )
        )
    return rows


def _value(tag: str, text: str | None) -> str | Decimal | None:
    return Decimal(text) if tag in NUMBERS and text is not None else text
