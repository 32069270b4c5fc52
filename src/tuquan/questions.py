"""A question about figures, as people are told it and as they answer it: the same on the page and in the workbook."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from tuquan.snapshot import Effect, Figure, Question
from tuquan.verdicts import CHOICES, LONGEST_REASON, Verdict
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.figures import read_figure
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi, phrase
from tuquan.workbook.privacy import screen_text

REST = "rest"  # confirm what no longer changes a total
LIMITS = ("0.05", "0.1", "0.5", "1")  # percent of a total of the province


def key_of(question: Question) -> str:
    """Return what the answers to a question are called by: open and answered figures may share its id."""
    return question.figures[0].flag_id


def is_done(question: Question, waiting: Collection[str]) -> bool:
    """Return whether a question has its answer; ``waiting`` are the keys of those whose answer waits."""
    return key_of(question) in waiting or all(figure.answer for figure in question.figures)


def choices_for(question: Question) -> tuple[str, ...]:
    """Return what may be decided about a question: a published statement can only be confirmed."""
    return CHOICES if question.can_change else CHOICES[:1]


def below(questions: Iterable[Question], limit: str, waiting: Collection[str]) -> list[Question]:
    """Return the open questions that break no rule and move no total by ``limit`` percent, or none that is read."""
    mild = [
        question
        for question in questions
        if question.state != "answered" and question.severity != "critical" and not is_done(question, waiting)
    ]
    if limit == REST:
        return [question for question in mild if not question.is_needed]
    if limit not in LIMITS:
        return []
    return [question for question in mild if question.priority is not None and question.priority < Decimal(limit)]


# As it is told


def figure_vi(value: Decimal | None, decimals: int = 0) -> str:
    """Write a figure, or that there is none."""
    return "–" if value is None else number_vi(value, decimals)


def usual_vi(figure: Figure) -> str:
    """Say what is usual: one value, or from which to which."""
    low, high = figure_vi(figure.expected_low, figure.decimals), figure_vi(figure.expected_high, figure.decimals)
    return low if low == high else phrase("question.usual", low=low, high=high)


def effect_vi(figure: Figure, effect: Effect | None) -> str:
    """Say what a total would be if the figure were the suggested one, or else the nearest that is usual."""
    if effect is None or not figure.is_open:
        return ""
    return phrase(
        "question.effect",
        value=number_vi(figure.obs_value - effect.total + effect.changed_total, figure.decimals),
        area=effect.area_name_vi,
        total=number_vi(effect.total, figure.decimals),
        changed=number_vi(effect.changed_total, figure.decimals),
        share=_share_vi(effect),
    )


def limit_vi(limit: str) -> str:
    """Say which questions are confirmed together."""
    if limit == REST:
        return phrase("question.below_rest")
    return phrase("question.below", limit=limit.replace(".", ","))


def _share_vi(effect: Effect) -> str:
    if not effect.total:
        return ""
    share = 100 * float(effect.changed_total - effect.total) / float(effect.total)
    return f" ({'+' if share > 0 else '−' if share < 0 else ''}{number_vi(abs(share), 2)} %)"


# As it is answered: each of these says in Vietnamese what is wrong


def ensure_choice(question: Question, choice: str) -> None:
    """Raises ValueError: this cannot be decided about the question."""
    if choice not in choices_for(question):
        raise ValueError(phrase("page.no_choice"))


def ensure_reason(reason: str) -> None:
    """Raises ValueError: there is no reason, or it is too long, or holds what a report may not hold either."""
    if not any(sign.isalnum() for sign in reason):  # a dot, a dash or a sign that nobody sees says nothing
        raise ValueError(phrase("page.no_reason"))
    if len(reason) > LONGEST_REASON:
        raise ValueError(phrase("page.long_reason", limit=number_vi(LONGEST_REASON)))
    if screen_text(reason, ""):
        raise ValueError(phrase("page.private_reason"))


def new_value(
    time_period: str,
    figure: Figure,
    raw_text: str | None,
    raw_type: str = "text",
    number_format: str | None = None,
) -> Decimal:
    """Return the figure that a person wrote, read as that of a clerk would be.

    Raises:
        ValueError: it is no number that the indicator can have.
    """
    item = load_catalogue()[figure.indicator]
    highest = item.highest_possible(parse_period(time_period))
    kind = raw_type if raw_text else "blank"
    reading = read_figure(raw_text or None, kind, item, highest=highest, number_format=number_format)
    if reading.status != "read" or reading.value is None:
        lowest = number_vi(item.value_min or Decimal(0), item.decimals)
        top = phrase("page.up_to", high=number_vi(highest, item.decimals)) if highest is not None else ""
        raise ValueError(phrase("page.no_value", indicator=item.name_vi, low=lowest, high=top))
    return reading.value


def verdict(
    question: Question, choice: str, reason: str, new_values: Mapping[str, Decimal] | None = None, **signed: object
) -> Verdict:
    """Return the decision about a question; ``signed`` are form_id, time_period, decided_by, decided_at and digest."""
    return Verdict(
        question_id=key_of(question),
        area_name_vi=question.area_name_vi,
        choice=choice,
        reason=reason,
        expected={figure.flag_id: figure.obs_value for figure in question.figures},
        new_values=dict(new_values or {}),
        **signed,
    )
