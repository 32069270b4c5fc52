"""Doubtful figures out to a person, decisions and approvals back in.

Decisions and approvals are only ever added. A decision is keyed by the value that was judged: when the commune sends
another value, it lapses. An approval signs the digest of a candidate: any later change makes it stale.
"""

import csv
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tuquan import candidates, settings, showing, verdicts, warehouse
from tuquan.standing import Overtaken, standing_flags
from tuquan.verdicts import CHOICES, Verdict
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi, period_vi, phrase

LOG = logging.getLogger(__name__)
PLAUSIBLE = "figure_is_plausible"  # the check whose questions come with a probability and a likely mistake
WORST = 10  # questions that the summary tells
_FLAGS = """
select * from quality.flags
where ($time_period is null or time_period = $time_period) and ($with_closed or is_open)
order by severity = 'critical' desc, priority desc nulls last, abs(impact_on_province) desc nulls last, flag_id
"""
_QUESTIONS = """
select * from quality.open_questions
where ($time_period is null or time_period = $time_period) and (is_needed or not $until_stable)
order by severity = 'critical' desc, time_period, place
"""
_FIGURES = """
select flags.*, questions.state
from quality.flags
inner join quality.open_questions as questions
    on flags.incident_id = questions.question_id and flags.time_period = questions.time_period
where flags.is_open and ($time_period is null or flags.time_period = $time_period)
order by flags.time_period, questions.place, flags.priority desc nulls last, flags.flag_id
"""
# What changes in the list of a period: what is asked from now on, or in other words than before, and what no longer is,
# because it was answered or because the figure, or what is known of it, is another one.
_NOTE_QUESTIONS = """
insert into meta.questions by name
with standing as (
    select *
    from meta.questions
    where time_period = $time_period
    qualify row_number() over (partition by flag_id, obs_value order by listed_at desc) = 1 and event = 'asked'
),
open_flags as (select * from quality.flags where is_open and time_period = $time_period)
select $now as listed_at, 'asked' as event, flag_id, check_name, ref_area, time_period, indicator, obs_value,
    expected_low, expected_high, suggested_value, score, prior, suspected_cause, reason_vi, message_vi
from open_flags
anti join standing using (flag_id, obs_value, message_vi)
left join seeds.causes on suspected_cause = cause
union all by name
select standing.* replace (
    $now as listed_at,
    case when answered.flag_id is null then 'gone' else 'answered' end as event
)
from standing
anti join open_flags using (flag_id, obs_value)
left join (select flag_id, obs_value from quality.flags where not is_open) as answered using (flag_id, obs_value)
"""
_LEFT_LIST = """
select event, count(*) from meta.questions
where time_period = $time_period and event <> 'asked' and listed_at = $now
group by event
"""
# What an area reported, as a decision about it names it.
_REPORTED = """
select md5($plausible || '|' || area_key || '|' || time_period || '|' || indicator) as flag_id,
    $plausible as check_name, ref_area, time_period, indicator, obs_value::varchar as expected_value
from marts.commune_observations
where ref_area = $ref_area and time_period = $time_period and indicator in $indicators and obs_value is not null
"""
_NAMED = """
select *, starts_with(incident_id, $id) as is_of_question
from quality.flags
where starts_with(incident_id, $id) or starts_with(flag_id, $id)
order by flag_id
"""
_SENT_VALUE = """
select obs_value from raw.cells where stands and submission_id = ? and sheet is not distinct from ? and cell = ?
"""
_COVERAGE = """
select count(*) filter (status <> 'not_owed') as expected, count(*) filter (status = 'received') as received,
    count(*) filter (status = 'held') as held, count(*) filter (status = 'missing') as missing
from marts.completeness where time_period = ?
"""


_DECIDED_BY = "select distinct decided_by from meta.decisions where time_period = ?"


class SamePerson(ValueError):
    """Who decided about figures of a period does not approve its release."""


class NoSuchFlag(LookupError):
    """There is no flag with this id."""


class NotBuilt(LookupError):
    """The marts and flags are not there yet."""


class NoCandidate(LookupError):
    """The period has no candidate that could be approved."""


def open_flags(time_period: str | None = None, with_closed: bool = False) -> list[dict[str, Any]]:
    """Return the figures that are asked about, the gravest and those with the largest effect first.

    Raises:
        NotBuilt: nothing has been built yet.
    """
    with _built() as connection:
        return warehouse.rows(connection, _FLAGS, {"time_period": time_period, "with_closed": with_closed})


def open_questions(time_period: str | None = None, until_stable: bool = False) -> list[dict[str, Any]]:
    """Return the open questions, each with the ``flags`` of the figures that it is about, in the order of their effect.

    With ``until_stable`` only as many as may change a total in the digits that are read (seeds/thresholds.csv).

    Raises:
        NotBuilt: nothing has been built yet.
    """
    with _built() as connection:
        found = warehouse.rows(connection, _QUESTIONS, {"time_period": time_period, "until_stable": until_stable})
        flags = defaultdict(list)
        for flag in warehouse.rows(connection, _FIGURES, {"time_period": time_period}):
            flags[flag["incident_id"]].append(flag)
    return [{**question, "flags": flags[question["question_id"]]} for question in found]


@contextmanager
def _built() -> Iterator[warehouse.Connection]:
    with warehouse.connect() as connection:
        if not warehouse.has_table(connection, "quality.open_questions"):
            raise NotBuilt("nothing has been built yet; run `tuquan build` first")
        yield connection


def decide(question_id: str, choice: str, reason: str, decided_by: str, new_value: Decimal | None = None) -> int:
    """Record what a person decided about one question, or one figure of it; return about how many figures.

    ``question_id`` is that of a question or of a flag, and may be shortened to an unambiguous beginning. A confirmation
    is of the values in the flags; a correction takes the place of what was sent, also when that was corrected before.
    Of several decisions the newest counts.

    Raises:
        NotBuilt: nothing has been built yet.
        NoSuchFlag: no question and no flag, or more than one, has this id.
        ValueError: an unknown choice, no reason, a new value where none belongs (or the other way round), for several
            figures or that the indicator cannot have, or a published statement that is to be changed.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice {choice!r} is none of {', '.join(CHOICES)}")
    _ensure_signed(reason, decided_by)
    if (choice == "correct") != (new_value is not None):
        raise ValueError("a new value belongs to the choice 'correct', and only to it")
    with _built() as connection:
        flags = _flags_of(connection, question_id)
        if new_value is not None and len(flags) > 1:
            raise ValueError(
                f"question {question_id} is about {len(flags)} figures; correct each of them by the id of its flag: "
                + ", ".join(f"{flag['flag_id'][:8]} ({flag['indicator']})" for flag in flags)
            )
        decisions = [_decision(connection, flag, choice, new_value) for flag in flags]
        periods = {flag["time_period"] for flag in flags}
        with warehouse.transaction(connection):
            for time_period in periods:
                _note_questions(connection, time_period)  # an answer is to a question as it was put
            _append_decisions(connection, decisions, reason, decided_by)
        showing.show_decisions(connection, periods)
    return len(flags)


def apply_verdicts() -> list[str]:
    """Apply the decisions that wait as files, in the order in which they were made; return the periods to build anew.

    Each is applied once, however often this is called or killed, with the checks of :func:`decide` and one more: the
    figures are still those that were judged. One that is not is refused, with its reason on the review page.
    """
    waiting = verdicts.waiting()
    periods, applied = set(), set()
    if waiting:
        with _built() as connection:
            for verdict in waiting:
                periods.add(verdict.time_period)
                if _apply_once(connection, verdict):
                    applied.add(verdict.time_period)
            showing.show_decisions(connection, periods)
        for verdict in waiting:
            verdicts.is_applied(verdict)
    return sorted(applied)


def _apply_once(connection: warehouse.Connection, verdict: Verdict) -> bool:
    """Apply one decision unless it was applied before; return whether its period has to be built anew."""
    known = connection.execute(
        "select outcome from meta.verdicts where verdict_id = ?", [verdict.verdict_id]
    ).fetchone()
    if known:  # killed before the file was moved
        return known[0] == "applied"
    try:
        decisions = _judged(connection, verdict)
        refused = None
    except (NoSuchFlag, ValueError) as reason:
        decisions = []
        refused = str(reason) if isinstance(reason, Overtaken) else phrase("verdict.refused", reason=reason)
        LOG.warning("decision %s of %s: %s", verdict.verdict_id, verdict.decided_by, reason)
    row = {
        **{name: getattr(verdict, name) for name in ("verdict_id", "time_period", "question_id", "area_name_vi")},
        **{name: getattr(verdict, name) for name in ("choice", "decided_by", "source")},
        "decided_at": verdict.decided_at.isoformat(),
        "outcome": "refused" if refused else "applied",
        "message_vi": refused,
        "applied_at": _now().isoformat(),
    }
    with warehouse.transaction(connection):
        if decisions:
            _note_questions(connection, verdict.time_period)
            _append_decisions(connection, decisions, verdict.reason, verdict.decided_by)
        warehouse.append(connection, "meta.verdicts", [row])
    return not refused


def _judged(connection: warehouse.Connection, verdict: Verdict) -> list[dict[str, Any]]:
    """Return the decisions that a verdict stands for.

    Raises:
        Overtaken: a figure is another one now, or its commune sent another report.
        NoSuchFlag, ValueError: as :func:`decide`.
    """
    _ensure_signed(verdict.reason, verdict.decided_by)
    if verdict.choice not in CHOICES:
        raise ValueError(f"choice {verdict.choice!r} is none of {', '.join(CHOICES)}")
    if (verdict.choice == "correct") != (set(verdict.new_values) == set(verdict.expected) != set()):
        raise ValueError("a new value for each figure belongs to the choice 'correct', and only to it")
    flags = standing_flags(connection, verdict.time_period, verdict.expected)
    return [_decision(connection, flag, verdict.choice, verdict.new_values.get(flag["flag_id"])) for flag in flags]


def confirm_event(ref_area: str, time_period: str, indicators: Iterable[str], reason: str, decided_by: str) -> int:
    """Record that figures of an area and period are unusual and right, such as those of a campaign or a new model.

    They are not asked about for as long as they stay what they are, whether they have been or not, and what comes later
    is compared with them. Returns how many figures there are.

    Raises:
        NotBuilt: nothing has been built yet.
        ValueError: nothing was reported for one of the indicators, or no reason or person is named.
    """
    _ensure_signed(reason, decided_by)
    wanted = list(dict.fromkeys(indicators))
    with _built() as connection:
        about = {"ref_area": ref_area, "time_period": time_period, "indicators": wanted, "plausible": PLAUSIBLE}
        figures = warehouse.rows(connection, _REPORTED, about)
        if missing := [name for name in wanted if name not in {figure["indicator"] for figure in figures}]:
            raise ValueError(f"{ref_area} has reported nothing for {time_period} of: {', '.join(missing)}")
        with warehouse.transaction(connection):
            _append_decisions(connection, [{**figure, "choice": "confirm"} for figure in figures], reason, decided_by)
    return len(figures)


def _ensure_signed(reason: str, decided_by: str) -> None:
    if not reason.strip() or not decided_by.strip():
        raise ValueError("a decision names its reason and who decided")


def _flags_of(connection: warehouse.Connection, question_id: str) -> list[dict[str, Any]]:
    """Return the flags of a question that are open, or all of them when none is; or one flag."""
    named = warehouse.rows(connection, _NAMED, {"id": question_id})
    of_question = [flag for flag in named if flag["is_of_question"]]
    ids = {flag["incident_id"] for flag in of_question}
    ids |= {flag["flag_id"] for flag in named if flag["flag_id"].startswith(question_id)}
    if len(ids) != 1:
        raise NoSuchFlag(f"{len(ids)} questions have an id that begins with {question_id!r}; see `tuquan flags`")
    return [flag for flag in of_question if flag["is_open"]] or of_question or named


def _decision(
    connection: warehouse.Connection, flag: dict[str, Any], choice: str, new_value: Decimal | None
) -> dict[str, Any]:
    judged_value = flag["obs_value"]
    if choice != "confirm":
        sent = connection.execute(_SENT_VALUE, [flag[key] for key in ("submission_id", "sheet", "cell")]).fetchone()
        if sent is None:
            raise ValueError("a published statement can only be confirmed; what is wrong in it is mended in seeds/")
        judged_value = sent[0]
    if new_value is not None:
        _ensure_possible(new_value, flag["indicator"], flag["time_period"])
    return {
        "expected_value": _json_number(judged_value),
        "choice": choice,
        "new_value": _json_number(new_value),
        **{key: flag[key] for key in ("flag_id", "check_name", "ref_area", "time_period", "indicator")},
    }


def _append_decisions(
    connection: warehouse.Connection, decisions: list[dict[str, Any]], reason: str, decided_by: str
) -> None:
    first = connection.execute("select count(*) + 1 from meta.decisions").fetchone()[0]
    about = {"decided_at": _now().isoformat(), "decided_by": decided_by, "reason": reason}
    warehouse.append(
        connection,
        "meta.decisions",
        [{"decision_id": number, **about, **decision} for number, decision in enumerate(decisions, start=first)],
    )


def candidate(time_period: str) -> str | None:
    """Return the digest of the period's newest candidate: what an approval signs.

    None when its gate is closed, when nothing has been judged yet, when seeds, code or figures changed since it was
    judged, or when this very content is released already.
    """
    with warehouse.connect() as connection:
        found = connection.execute(
            "select digest, gate_status from meta.candidates where time_period = ? order by judged_at desc limit 1",
            [time_period],
        ).fetchone()
        if found is None or found[1] == "closed":
            return None
        if candidates.current_digest(connection, time_period) != found[0]:
            return None
        released = connection.execute(
            "select digest from meta.releases where time_period = ? order by revision desc, released_at desc limit 1",
            [time_period],
        ).fetchone()
    return None if released and released[0] == found[0] else found[0]


def record_approval(time_period: str, digest: str, approver: str, approved: bool, note: str = "") -> None:
    """Record that a named person approved, or rejected, the candidate with this digest (a shortened one will do).

    Raises:
        NoCandidate: the period has no candidate with this digest.
        SamePerson: who approves decided about figures of the period.
        ValueError: nobody is named.
    """
    if not approver.strip():
        raise ValueError("an approval names who gave it")
    with warehouse.connect() as connection:
        names = [name for (name,) in connection.execute(_DECIDED_BY, [time_period]).fetchall()]
        names += [verdict.decided_by for verdict in verdicts.waiting(time_period)]  # it is applied any moment
        deciders = set(map(verdicts.same, names))
        if approved and verdicts.same(approver) in deciders:
            raise SamePerson(phrase("approval.same_person", name=approver))
        found = connection.execute(
            "select distinct digest from meta.candidates where time_period = ? and starts_with(digest, ?)",
            [time_period, digest],
        ).fetchall()
        if len(found) != 1:
            raise NoCandidate(f"{time_period} has {len(found)} candidates whose digest begins with {digest!r}")
        connection.execute(
            "insert into meta.approvals values (?, ?, ?, ?, ?, ?)",
            [time_period, found[0][0], approved, approver, note, _now()],
        )
        showing.show_approvals(connection, time_period)


def keep_answer(time_period: str, digest: str, approver: str, approved: bool, note: str = "") -> bool:
    """Record the answer to the question of an approval; return whether its release may be written.

    A yes of a person who may not give it is none: it is told in the log and not recorded.
    """
    try:
        record_approval(time_period, digest, approver, approved, note)
    except SamePerson as reason:
        LOG.warning("%s", reason)
        return False
    return approved


def write_review_list(time_period: str) -> Path:
    """Write what the office has to look at: a list of questions as CSV, and a summary in Vietnamese.

    Both lie in ``review/<time_period>/``; the summary is what the approval shows. What is asked from now on, and what
    no longer is, is noted.
    """
    folder = settings.load().review / time_period
    folder.mkdir(parents=True, exist_ok=True)
    with _built() as connection:
        figures = warehouse.rows(connection, _FIGURES, {"time_period": time_period})
        with warehouse.transaction(connection):
            gone = _note_questions(connection, time_period)
    with (folder / "cau-hoi.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(phrase(f"review.column.{column}") for column in _LIST)
        for flag in figures:
            writer.writerow(_list_cell(column, flag) for column in _LIST)
    summary_file = folder / "tom-tat.md"
    summary_file.write_text(_summary(time_period, open_questions(time_period), gone), encoding="utf-8")
    showing.show(time_period)
    return summary_file


def _note_questions(connection: warehouse.Connection, time_period: str) -> dict[str, int]:
    """Note what is asked from now on and what no longer is; return how many figures were answered, and are gone."""
    about = {"time_period": time_period, "now": _now()}
    connection.execute(_NOTE_QUESTIONS, about)
    return dict(connection.execute(_LEFT_LIST, about).fetchall())


def summary(time_period: str) -> str:
    """Return the summary that :func:`write_review_list` wrote for the period (Markdown, Vietnamese)."""
    return (settings.load().review / time_period / "tom-tat.md").read_text(encoding="utf-8")


_LIST = (
    *("incident_id", "flag_id", "state", "severity", "area_name_vi", "ref_area", "indicator", "obs_value"),
    *("expected_low", "expected_high", "suggested_value", "suspected_cause", "score", "impact_on_province", "priority"),
    *("sheet", "cell", "message_vi"),
)
_WORDED = {"severity": "severity", "state": "question_state", "suspected_cause": "cause"}


def _list_cell(column: str, flag: dict[str, Any]) -> str:
    value = flag[column]
    if column in _WORDED and value is not None:
        return phrase(f"{_WORDED[column]}.{value}")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)


def _summary(time_period: str, questions: list[dict[str, Any]], gone: dict[str, int]) -> str:
    with warehouse.connect() as connection:
        coverage = warehouse.rows(connection, _COVERAGE, [time_period])[0]
        gates = connection.execute(
            "select digest, gate_status from meta.candidates where time_period = ? order by judged_at desc limit 1",
            [time_period],
        ).fetchone()
        shut = [
            result
            for result in candidates.newest_gate_results(connection, time_period)
            if result["severity"] == "critical" and not result["is_met"]
        ]
        gaps = candidates.gaps(connection, time_period)
    digest, gate_status = gates or ("", "closed")
    critical = sum(question["severity"] == "critical" for question in questions)
    needed = sum(question["is_needed"] for question in questions)
    states = Counter(question["state"] for question in questions)
    lines = [
        "### " + phrase("approval.subject", period=period_vi(parse_period(time_period))),
        "",
        phrase(
            "approval.body",
            period=period_vi(parse_period(time_period)),
            received=number_vi(coverage["received"]),
            expected=number_vi(coverage["expected"]),
            critical=critical,
            warning=len(questions) - critical,
            digest=digest[:12],
        ),
        "",
        phrase(f"gate_status.{gate_status}"),
        *(f"- {_unmet_vi(time_period, result)}" for result in shut),
        *(["", phrase("approval.preliminary", gaps=_gaps_vi(gaps))] if gaps else []),
        "",
        phrase(
            "review.states",
            new=number_vi(states["new"]),
            still_open=number_vi(states["still_open"]),
            answered=number_vi(gone.get("answered", 0)),
            gone=number_vi(gone.get("gone", 0)),
        ),
        "",
        *(f"- **{phrase('severity.' + one['severity'])}**: {one['message_vi']}" for one in questions[:WORST]),
    ]
    if len(questions) > WORST:
        lines += ["", phrase("review.more", count=number_vi(len(questions) - WORST))]
    if len(questions) > needed:
        name = "review.stable" if needed else "review.stable_already"
        lines += ["", phrase(name, count=number_vi(needed))]
    return "\n".join(lines) + "\n"


def _gaps_vi(gaps: list[dict[str, Any]]) -> str:
    """Name what a release would be without: communes of which a report is not there, and figures that are held."""
    communes = list(dict.fromkeys(gap["area_name_vi"] for gap in gaps if gap["indicator"] is None))
    named = [*communes[:WORST], *(["…"] if len(communes) > WORST else [])]
    held = sum(gap["indicator"] is not None for gap in gaps)
    told = [phrase("gaps.reports", count=number_vi(len(communes)), areas="; ".join(named))] if communes else []
    return "; ".join([*told, *([phrase("gaps.figures", count=number_vi(held))] if held else [])])


def _unmet_vi(time_period: str, result: dict[str, Any]) -> str:
    examples = json.loads(result["examples"] or "[]")
    return candidates.unmet_vi(time_period, result["check_name"], examples, result["unexpected_count"])


def _ensure_possible(value: Decimal, indicator: str, time_period: str) -> None:
    item = load_catalogue()[indicator]
    lowest, highest = item.value_min or Decimal(0), item.highest_possible(parse_period(time_period))
    in_range = value.is_finite() and lowest <= value and (highest is None or value <= highest)
    if not in_range or value != round(value, item.decimals):
        raise ValueError(
            f"{value} is no value that {indicator} can have ({lowest} to {highest}, {item.decimals} decimals)"
        )


def _json_number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
