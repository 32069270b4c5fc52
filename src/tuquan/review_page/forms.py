"""What a person wrote into a form, read with suspicion: decisions, or why they are none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl

from fastapi import Request

from tuquan.review_page.people import Person
from tuquan.snapshot import Figure, Question, Snapshot
from tuquan.verdicts import CHOICES, LONGEST_REASON, Verdict, now
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.figures import read_figure
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi, phrase

MOST_BYTES = 2_000_000
MOST_FIELDS = 20_000
REST = "rest"  # confirm what no longer changes a total


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


def key_of(question: Question) -> str:
    """Return what the fields of a question are called by: open and answered figures may share its id."""
    return question.figures[0].flag_id


def read_decisions(snapshot: Snapshot, form: Mapping[str, str], person: Person, asked: Iterable[str]) -> Outcome:
    """Return the decisions in a form about the questions whose keys are ``asked``; others are left alone."""
    outcome = Outcome()
    questions = {key_of(question): question for question in snapshot.questions}
    for key in asked:
        choice = form.get(f"chon.{key}", "")
        reason = form.get(f"ly_do.{key}", "").strip()
        if not choice:
            if reason:
                outcome.filled += 1
                outcome.errors[key] = phrase("page.no_choice")
            continue
        outcome.filled += 1
        question = questions.get(key)
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
    if not reason:
        return Outcome(errors={"": phrase("page.no_reason")})
    questions = below(snapshot, form.get("nguong", ""), waiting)
    if not questions:
        return Outcome(errors={"": phrase("page.bulk_none")})
    verdicts = [_signed(snapshot, question, "confirm", reason, {}, form, person) for question in questions]
    return Outcome(verdicts, filled=len(verdicts))


def below(snapshot: Snapshot, limit: str, waiting: Iterable[str]) -> list[Question]:
    """Return the open questions that break no rule and move no total by ``limit`` percent, or none that is read."""
    done = set(waiting)
    mild = [
        question
        for question in snapshot.open_questions()
        if question.severity != "critical"
        and key_of(question) not in done
        and not all(figure.answer for figure in question.figures)
    ]
    if limit == REST:
        return [question for question in mild if not question.is_needed]
    if limit not in LIMITS:
        return []
    return [question for question in mild if question.priority is not None and question.priority < Decimal(limit)]


LIMITS = ("0.05", "0.1", "0.5", "1")  # percent of a total of the province


def _verdict(
    snapshot: Snapshot, question: Question, choice: str, reason: str, form: Mapping[str, str], person: Person
) -> Verdict:
    if choice not in CHOICES or (choice != "confirm" and not question.can_change):
        raise ValueError(phrase("page.no_choice"))
    if not reason:
        raise ValueError(phrase("page.no_reason"))
    if len(reason) > LONGEST_REASON:
        raise ValueError(phrase("page.long_reason", limit=number_vi(LONGEST_REASON)))
    for figure in question.figures:
        if form.get(f"xem.{figure.flag_id}") != plain(figure.obs_value):
            raise ValueError(phrase("page.changed", value=number_vi(figure.obs_value, figure.decimals)))
    new_values = {}
    if choice == "correct":
        new_values = {figure.flag_id: _new_value(snapshot, figure, form) for figure in question.figures}
    return _signed(snapshot, question, choice, reason, new_values, form, person)


def _signed(
    snapshot: Snapshot,
    question: Question,
    choice: str,
    reason: str,
    new_values: dict[str, Decimal],
    form: Mapping[str, str],
    person: Person,
) -> Verdict:
    return Verdict(
        form_id=form.get("to", "")[:64],
        time_period=snapshot.time_period,
        question_id=key_of(question),
        area_name_vi=question.area_name_vi,
        choice=choice,
        reason=reason,
        decided_by=person.name,
        decided_at=now(),
        digest=snapshot.digest,
        expected={figure.flag_id: figure.obs_value for figure in question.figures},
        new_values=new_values,
    )


def _new_value(snapshot: Snapshot, figure: Figure, form: Mapping[str, str]) -> Decimal:
    """Return the figure that a person wrote, read as that of a clerk would be."""
    written = form.get(f"so.{figure.flag_id}", "").strip()
    item = load_catalogue()[figure.indicator]
    highest = item.highest_possible(parse_period(snapshot.time_period))
    reading = read_figure(written or None, "text" if written else "blank", item, highest=highest)
    if reading.status != "read" or reading.value is None:
        lowest = number_vi(item.value_min or Decimal(0), item.decimals)
        top = phrase("page.up_to", high=number_vi(highest, item.decimals)) if highest is not None else ""
        raise ValueError(phrase("page.no_value", indicator=item.name_vi, low=lowest, high=top))
    return reading.value


def plain(value: Decimal) -> str:
    """Write a value so that the same value always looks the same."""
    return f"{value.normalize():f}"
