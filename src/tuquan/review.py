"""Doubtful figures out to a person, decisions and approvals back in.

Decisions and approvals are only ever added. A decision is keyed by the value that was judged: when the commune sends
another value, it lapses. An approval signs the digest of a candidate: any later change makes it stale.
"""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tuquan import candidates, settings, warehouse
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi, period_vi, phrase

CHOICES = ("confirm", "correct", "return")
_FLAGS = """
select * from quality.flags
where ($time_period is null or time_period = $time_period) and ($with_closed or is_open)
order by severity = 'critical' desc, abs(impact_on_province) desc nulls last, flag_id
"""
_SENT_VALUE = """
select obs_value from raw.cells where stands and submission_id = ? and sheet is not distinct from ? and cell = ?
"""
_COVERAGE = """
select count(*) filter (status <> 'not_owed') as expected, count(*) filter (status = 'received') as received,
    count(*) filter (status = 'held') as held, count(*) filter (status = 'missing') as missing
from marts.completeness where time_period = ?
"""


class NoSuchFlag(LookupError):
    """There is no flag with this id."""


class NotBuilt(LookupError):
    """The marts and flags are not there yet."""


class NoCandidate(LookupError):
    """The period has no candidate that could be approved."""


def open_flags(time_period: str | None = None, with_closed: bool = False) -> list[dict[str, Any]]:
    """Return the open questions, the gravest and those with the largest effect first.

    Raises:
        NotBuilt: nothing has been built yet.
    """
    with warehouse.connect() as connection:
        if not warehouse.has_table(connection, "quality.flags"):
            raise NotBuilt("nothing has been built yet; run `tuquan build` first")
        return warehouse.rows(connection, _FLAGS, {"time_period": time_period, "with_closed": with_closed})


def decide(flag_id: str, choice: str, reason: str, decided_by: str, new_value: Decimal | None = None) -> None:
    """Record what a person decided about one flag; of several decisions the newest counts.

    ``flag_id`` may be shortened to an unambiguous beginning. A confirmation is of the value in the flag; a correction
    takes the place of what was sent, also when that was corrected before.

    Raises:
        NoSuchFlag: no flag, or more than one, has this id.
        ValueError: an unknown choice, no reason, a new value where none belongs (or the other way round) or that the
            indicator cannot have, or a published statement that is to be changed.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice {choice!r} is none of {', '.join(CHOICES)}")
    if not reason.strip() or not decided_by.strip():
        raise ValueError("a decision names its reason and who decided")
    if (choice == "correct") != (new_value is not None):
        raise ValueError("a new value belongs to the choice 'correct', and only to it")
    with warehouse.connect() as connection:
        if not warehouse.has_table(connection, "quality.flags"):
            raise NotBuilt("nothing has been built yet; run `tuquan build` first")
        found = warehouse.rows(connection, "select * from quality.flags where starts_with(flag_id, ?)", [flag_id])
        if len(found) != 1:
            raise NoSuchFlag(f"{len(found)} flags have an id that begins with {flag_id!r}; see `tuquan flags`")
        flag = found[0]
        judged_value = flag["obs_value"]
        if choice != "confirm":
            sent = connection.execute(_SENT_VALUE, [flag[key] for key in ("submission_id", "sheet", "cell")]).fetchone()
            if sent is None:
                raise ValueError("a published statement can only be confirmed; what is wrong in it is mended in seeds/")
            judged_value = sent[0]
        if new_value is not None:
            _ensure_possible(new_value, flag["indicator"], flag["time_period"])
        decision_id = connection.execute("select count(*) + 1 from meta.decisions").fetchone()[0]
        decision = {
            "decision_id": decision_id,
            "decided_at": _now().isoformat(),
            "decided_by": decided_by,
            "expected_value": _json_number(judged_value),
            "choice": choice,
            "new_value": _json_number(new_value),
            "reason": reason,
            **{key: flag[key] for key in ("flag_id", "check_name", "ref_area", "time_period", "indicator")},
        }
        warehouse.append(connection, "meta.decisions", [decision])


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
        ValueError: nobody is named.
    """
    if not approver.strip():
        raise ValueError("an approval names who gave it")
    with warehouse.connect() as connection:
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


def write_review_list(time_period: str) -> Path:
    """Write what the office has to look at: a list of questions as CSV, and a summary in Vietnamese.

    Both lie in ``review/<time_period>/``; the summary is what the approval shows.
    """
    folder = settings.load().review / time_period
    folder.mkdir(parents=True, exist_ok=True)
    flags = open_flags(time_period)
    with (folder / "cau-hoi.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(phrase(f"review.column.{column}") for column in _LIST)
        for flag in flags:
            writer.writerow(_list_cell(column, flag) for column in _LIST)
    summary_file = folder / "tom-tat.md"
    summary_file.write_text(_summary(time_period, flags), encoding="utf-8")
    return summary_file


def summary(time_period: str) -> str:
    """Return the summary that :func:`write_review_list` wrote for the period (Markdown, Vietnamese)."""
    return (settings.load().review / time_period / "tom-tat.md").read_text(encoding="utf-8")


_LIST = (
    *("flag_id", "severity", "area_name_vi", "ref_area", "indicator", "obs_value", "suggested_value"),
    *("impact_on_province", "sheet", "cell", "message_vi"),
)


def _list_cell(column: str, flag: dict[str, Any]) -> str:
    value = flag[column]
    if column == "severity":
        return phrase(f"severity.{value}")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)


def _summary(time_period: str, flags: list[dict[str, Any]]) -> str:
    with warehouse.connect() as connection:
        coverage = warehouse.rows(connection, _COVERAGE, [time_period])[0]
        gates = connection.execute(
            "select digest, gate_status from meta.candidates where time_period = ? order by judged_at desc limit 1",
            [time_period],
        ).fetchone()
    digest, gate_status = gates or ("", "closed")
    critical = [flag for flag in flags if flag["severity"] == "critical"]
    lines = [
        "### " + phrase("approval.subject", period=period_vi(parse_period(time_period))),
        "",
        phrase(
            "approval.body",
            period=period_vi(parse_period(time_period)),
            received=number_vi(coverage["received"]),
            expected=number_vi(coverage["expected"]),
            critical=len(critical),
            warning=len(flags) - len(critical),
            digest=digest[:12],
        ),
        "",
        phrase(f"gate_status.{gate_status}"),
        "",
        *(f"- **{phrase('severity.' + flag['severity'])}**: {flag['message_vi']}" for flag in flags[:20]),
    ]
    if len(flags) > 20:
        lines += ["", phrase("review.more", count=len(flags) - 20)]
    return "\n".join(lines) + "\n"


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
