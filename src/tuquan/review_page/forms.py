"""What a person wrote into a form, read with suspicion: decisions, or why they are none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from tuquan import questions
from tuquan.questions import key_of
from tuquan.review_page.people import Person
from tuquan.snapshot import Question, Snapshot
from tuquan.verdicts import Verdict, now
from tuquan.vocabulary.phrases import number_vi, phrase

MOST_BYTES = 2_000_000
MOST_FIELDS = 20_000


class TooLarge(ValueError):
    """A form is larger than any that our pages could send."""


class Unreadable(ValueError):
    """A form is none that a browser sends."""


@dataclass
class Outcome:
    """What became of a form: decisions to keep, and by question what is wrong with it."""

    verdicts: list[Verdict] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    filled: int = 0


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; the last of a name counts.

    Raises:
        TooLarge: more bytes or fields than our pages send.
        Unreadable: not the encoding of a plain form.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Unreadable(kind)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise TooLarge(f"more than {MOST_BYTES} bytes")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError as error:
        raise Unreadable(str(error)) from error
    except ValueError as error:
        raise TooLarge(str(error)) from error
    return dict(pairs)


def read_decisions(snapshot: Snapshot, form: Mapping[str, str], person: Person, asked: Iterable[str]) -> Outcome:
    """Return the decisions in a form about the questions whose keys are ``asked``; others are left alone."""
    outcome = Outcome()
    known = {key_of(question): question for question in snapshot.questions}
    for key in asked:
        choice = form.get(f"chon.{key}", "")
        reason = form.get(f"ly_do.{key}", "").strip()
        if not choice:
            if reason:
                outcome.filled += 1
                outcome.errors[key] = phrase("page.no_choice")
            continue
        outcome.filled += 1
        question = known.get(key)
        if question is None:
            outcome.errors[key] = phrase("page.gone")
            continue
        try:
            outcome.verdicts.append(_verdict(snapshot, question, choice, reason, form, person))
        except ValueError as error:
            outcome.errors[key] = str(error)
    return outcome


def read_bulk(snapshot: Snapshot, form: Mapping[str, str], person: Person, waiting: Iterable[str]) -> Outcome:
    """Return one confirmation of each question below the wanted effect; ``waiting`` are keys that have a decision."""
    reason = form.get("ly_do", "").strip()
    if form.get("luc") != snapshot.written_at.isoformat():
        return Outcome(errors={"": phrase("page.bulk_old")})
    try:
        questions.ensure_reason(reason)
    except ValueError as error:
        return Outcome(errors={"": str(error)})
    mild = questions.below(snapshot.questions, form.get("nguong", ""), set(waiting))
    if not mild:
        return Outcome(errors={"": phrase("page.bulk_none")})
    signed = _signed(snapshot, form, person)
    return Outcome([questions.verdict(one, "confirm", reason, **signed) for one in mild], filled=len(mild))


def _verdict(
    snapshot: Snapshot, question: Question, choice: str, reason: str, form: Mapping[str, str], person: Person
) -> Verdict:
    questions.ensure_choice(question, choice)
    questions.ensure_reason(reason)
    for figure in question.figures:
        if form.get(f"xem.{figure.flag_id}") != plain(figure.obs_value):
            raise ValueError(phrase("page.changed", value=number_vi(figure.obs_value, figure.decimals)))
    new_values = {}
    if choice == "correct":
        new_values = {
            figure.flag_id: questions.new_value(
                snapshot.time_period, figure, form.get(f"so.{figure.flag_id}", "").strip()
            )
            for figure in question.figures
        }
    return questions.verdict(question, choice, reason, new_values, **_signed(snapshot, form, person))


def _signed(snapshot: Snapshot, form: Mapping[str, str], person: Person) -> dict[str, Any]:
    return {
        "form_id": form.get("to", "")[:64],
        "time_period": snapshot.time_period,
        "decided_by": person.name,
        "decided_at": now(),
        "digest": snapshot.digest,
    }


def plain(value: Decimal) -> str:
    """Write a value so that the same value always looks the same."""
    return f"{value.normalize():f}"
