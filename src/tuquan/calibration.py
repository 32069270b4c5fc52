"""What answers say about the scores: how often each kind of mistake is made here, and from which score on to ask.

A score promises how many of the figures that it is given to are wrong. Where the answers of the office say otherwise,
the prior of the mistake is moved by as much as makes the promise true. Few answers move it little: before any answer a
prior is taken to be right within a factor of e, more or less.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from io import StringIO

from tuquan import settings, warehouse
from tuquan.review import PLAUSIBLE
from tuquan.vocabulary.phrases import phrase
from tuquan.vocabulary.seeds import load_threshold, read_seed

LEAST_ANSWERS = 5  # of a mistake, before its prior is touched
_LARGEST_MOVE = 5.0  # of the logarithm of the odds
_SURE = 1e-6  # a score of 1 is a promise that nobody can keep
# Each figure counts once for each value that was judged, with the newest answer and the question as it was last put.
_ANSWERS = """
with questions as (
    select * from meta.questions
    where check_name = $plausible and event = 'asked'
    qualify row_number() over (partition by flag_id, obs_value order by listed_at desc) = 1
),
decisions as (
    select * from meta.decisions
    where check_name = $plausible
    qualify row_number() over (partition by flag_id, expected_value order by decision_id desc) = 1
)
select questions.suspected_cause, questions.score, decisions.choice <> 'confirm' as is_mistake, questions.prior
from questions
inner join decisions on questions.flag_id = decisions.flag_id and questions.obs_value = decisions.expected_value
where decisions.choice <> 'hold' -- which says that nobody knows yet
order by all
"""
# How many figures there are in the periods in which somebody has answered.
_JUDGED_FIGURES = """
select count(*) from marts.commune_observations
where obs_value is not null
    and time_period in (select time_period from meta.decisions where check_name = $plausible)
"""


@dataclass(frozen=True)
class Answer:
    """One answered figure: with which mistake and score it was asked about, and whether it was wrong.

    ``prior`` is that of the mistake when the score was made, None when nobody knows.
    """

    cause: str
    score: float
    is_mistake: bool
    prior: float | None = None


@dataclass(frozen=True)
class Proposal:
    """One number of ``seeds/<seed>.csv``, as it is and as the answers want it."""

    seed: str
    name: str
    answered: int
    expected: float
    mistakes: int
    before: float
    after: float

    @property
    def is_change(self) -> bool:
        return shown(self.before) != shown(self.after)

    @property
    def label_vi(self) -> str:
        return phrase(f"cause.{self.name}" if self.seed == "causes" else f"threshold.{self.name}")


def propose() -> list[Proposal]:
    """Return a proposal for each prior of which enough was answered, and for the threshold when there is a budget."""
    check = {"plausible": PLAUSIBLE}
    with warehouse.connect() as connection:
        answers = [Answer(*row) for row in connection.execute(_ANSWERS, check).fetchall()]
        has_marts = warehouse.has_table(connection, "quality.flags")
        figures = connection.execute(_JUDGED_FIGURES, check).fetchone()[0] if has_marts else 0
    by_cause: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_cause[answer.cause].append(answer)
    priors = {row["cause"]: float(row["prior"]) for row in read_seed("causes")}
    proposals = [
        _proposal("causes", cause, answered, prior, prior_of(answered, prior))
        for cause, prior in priors.items()
        if len(answered := by_cause[cause]) >= LEAST_ANSWERS
    ]
    budget, before = load_threshold("false_alarms_per_10000"), load_threshold("flag_score")
    if budget is not None and len(answers) >= LEAST_ANSWERS:
        allowed = budget * figures / 10_000
        proposals.append(_proposal("thresholds", "flag_score", answers, before, score_within(answers, allowed, before)))
    return proposals


def prior_of(answers: Sequence[Answer], now: float) -> float:
    """Return the prior with which these scores would have promised what was answered.

    A score is measured with the prior that it was made with, not with that of ``now``: the same answers give the same
    prior, however often they are asked for it.
    """
    made_with = [_logit(answer.prior or now) for answer in answers]
    usual = sum(made_with) / len(made_with)
    comparable = [
        replace(answer, score=_share(_logit(answer.score) - before + usual))
        for answer, before in zip(answers, made_with, strict=True)
    ]
    return _share(usual + move_of_odds(comparable))


def move_of_odds(answers: Iterable[Answer]) -> float:
    """Return by how much the logarithm of the odds of these scores has to move to keep what they promise.

    The maximum of the likelihood of the answers under a normal prior of standard deviation 1.
    """
    from scipy.optimize import brentq  # a third of a second, for this command alone

    odds = [_logit(answer.score) for answer in answers]
    mistakes = sum(answer.is_mistake for answer in answers)

    def excess(move: float) -> float:
        return sum(_share(odd + move) for odd in odds) - mistakes + move

    return brentq(excess, -_LARGEST_MOVE - len(odds), _LARGEST_MOVE + len(odds))


def score_within(answers: Iterable[Answer], allowed: float, before: float) -> float:
    """Return the lowest score, not below ``before``, from which at most ``allowed`` confirmed figures were asked about.

    >>> score_within([Answer("", 0.6, False), Answer("", 0.7, False), Answer("", 0.9, True)], 1, 0.5)
    0.7
    """
    alarms = sorted((answer.score for answer in answers if not answer.is_mistake), reverse=True)
    beyond = alarms[math.floor(allowed) :]
    kept = [answer.score for answer in answers if not beyond or answer.score > beyond[0]]
    return max(before, min(kept, default=1.0)) if beyond else before


def write(proposals: Iterable[Proposal]) -> None:
    """Write the proposed numbers to the seeds; everything else in them stays as it is."""
    changed = {(one.seed, one.name): shown(one.after) for one in proposals if one.is_change}
    for seed, (key, column) in {"causes": ("cause", "prior"), "thresholds": ("threshold", "value")}.items():
        if not any(name == seed for name, _ in changed):
            continue
        rows = read_seed(seed)
        text = StringIO(newline="")
        writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, column: changed.get((seed, row[key]), row[column])} for row in rows)
        (settings.load().seeds / f"{seed}.csv").write_text(text.getvalue(), encoding="utf-8", newline="")


def shown(number: float) -> str:
    """Write a prior or a threshold as the seeds have it.

    >>> shown(0.00151234), shown(0.000000123)
    ('0.00151', '0.000000123')
    """
    return f"{Decimal(f'{number:.3g}'):f}"


def _proposal(seed: str, name: str, answers: list[Answer], before: float, after: float) -> Proposal:
    expected = sum(answer.score for answer in answers)
    return Proposal(seed, name, len(answers), expected, sum(answer.is_mistake for answer in answers), before, after)


def _share(log_odds: float) -> float:
    return (1 + math.tanh(log_odds / 2)) / 2  # as 1 / (1 + exp(-x)), which is too large a number below -709


def _logit(share: float) -> float:
    share = min(max(share, _SURE), 1 - _SURE)
    return math.log(share / (1 - share))
