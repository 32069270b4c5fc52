"""Fill what the review page shows of a period (``snapshot.py``) from the warehouse and the releases.

Every step that changes something that people see calls :func:`show`. It also keeps the figures of each candidate that
was judged (``review/<time_period>/candidates/<digest>.*``), so that a later change can be named cell by cell.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tuquan import candidates, settings, snapshot, verdicts, warehouse
from tuquan.candidates import quoted
from tuquan.inputs import is_built
from tuquan.outbox import write_whole
from tuquan.releases import DATABASE, read_manifest, revisions_of
from tuquan.snapshot import (
    Answer,
    Approval,
    Change,
    CommuneFigure,
    Effect,
    Figure,
    Gap,
    Point,
    Question,
    Refusal,
    Report,
    Revision,
    Snapshot,
    Stale,
)
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import period_vi

SERIES = 13  # periods in a chart: a year of months, and the same month of the year before
MOST_CHANGES = 200  # that are named one by one
MOST_REFUSALS = 50
KEPT = 3  # candidates whose figures are kept beside those that were approved

_PERIOD = "select * from marts.dim_periods where time_period = $time_period order by calendar limit 1"
_REPORTS = """
select completeness.area_key, completeness.ref_area, completeness.area_name_vi,
    completeness.district_area, completeness.district_key, completeness.form, completeness.status, completeness.state,
    completeness.due_date, completeness.received_at, completeness.days_late, completeness.consecutive_misses,
    completeness.cells_held, completeness.submission_id, arrivals.declared_name as file, arrivals.receipt_path
from marts.completeness
left join raw.submissions as submissions using (submission_id)
left join raw.arrivals as arrivals on submissions.arrival_id = arrivals.arrival_id
where completeness.time_period = $time_period and completeness.status <> 'not_owed'
order by completeness.province_area, completeness.district_area, completeness.ref_area, completeness.form
"""
_QUESTIONS = """
select question_id, severity, state, suspected_cause, message_vi, priority, is_needed
from quality.open_questions where time_period = $time_period order by place
"""
_FLAGS = """
select * from quality.flags
where time_period = $time_period and (is_open or decision is not null)
order by incident_id, priority desc nulls last, flag_id
"""
# Whether the newest decision about a figure is in the marts, or waits for the next build.
_NEWEST_DECISIONS = """
select flag_id, choice, new_value, reason, decided_by, decided_at,
    decided_at > coalesce(
        (select max(started_at) from meta.builds where time_period = $time_period), '-infinity'::timestamp
    ) as is_new
from meta.decisions where time_period = $time_period
qualify row_number() over (partition by flag_id order by decision_id desc) = 1
"""
# Of the figures that are asked about: what the same commune reported in the periods of this length before.
_SERIES = """
with periods as (
    select time_period, label_vi
    from marts.dim_periods
    where calendar = $calendar and frequency = $frequency and time_period <= $time_period
    order by time_period desc
    limit $length
)
select observations.area_key, observations.indicator, time_period, periods.label_vi, observations.obs_value
from marts.commune_observations as observations
inner join periods using (time_period)
where observations.calendar = $calendar
    and observations.indicator in $indicators
    and observations.area_key in $areas
    and observations.time_period in (select time_period from periods)
order by all
"""
_TOTALS = """
select 'district' as level, ref_area, area_name_vi, indicator, obs_value
from marts.district_observations
where time_period = $time_period and obs_value is not null and indicator in $indicators
union all
select 'province', ref_area, area_name_vi, indicator, obs_value
from marts.province_observations
where time_period = $time_period and obs_value is not null and indicator in $indicators
"""
_DISTRICTS = "select area_key, any_value(district_area) from marts.completeness where time_period = ? group by area_key"
_COMMUNE_FIGURES = """
select area_key, indicator, time_period, obs_value, value_status
from marts.commune_observations
where calendar = $calendar and time_period in ($time_period, $previous)
"""
_CANDIDATE = """
select digest, gate_status, judged_at from meta.candidates
where time_period = ? order by judged_at desc limit 1
"""
_APPROVALS = """
select digest, is_approved, approver, coalesce(note, '') as note, decided_at
from meta.approvals where time_period = $time_period order by decided_at desc
"""
_DECIDERS = "select distinct decided_by from meta.decisions where time_period = ? order by all"
_RELEASED = "select digest from meta.releases where time_period = ? order by revision desc, released_at desc limit 1"
_REFUSALS = f"""
select area_name_vi, decided_by, decided_at, message_vi from meta.verdicts
where time_period = $time_period and outcome = 'refused' order by decided_at desc limit {MOST_REFUSALS}
"""
_KEPT_FIGURES = """
select level, ref_area, area_key, area_name_vi, indicator, obs_value, value_status
from (select * from ({figures})) where level in ('commune', 'province')
"""
_CHANGED = """
select coalesce(now_.area_name_vi, before.area_name_vi) as area_name_vi, coalesce(now_.level, before.level) as level,
    coalesce(now_.indicator, before.indicator) as indicator, before.obs_value as before, now_.obs_value as after
from ({now}) as now_
full join read_parquet('{before}') as before using (level, ref_area, area_key, indicator)
where now_.obs_value is distinct from before.obs_value or now_.value_status is distinct from before.value_status
order by level, area_name_vi, indicator
"""
_REVISIONS = f"""
select area_name_vi, level, indicator, old_value as before, new_value as after, cause_vi as cause,
    count(*) over () as cells
from marts.revisions
order by level, area_name_vi, indicator limit {MOST_CHANGES}
"""


def show(time_period: str) -> Path | None:
    """Write what the review page shows of ``time_period`` as it is now; None when nothing has been built yet."""
    with warehouse.connect() as connection:
        if not warehouse.has_table(connection, "quality.open_questions"):
            return None
        return snapshot.save(_snapshot(connection, time_period))


def show_decisions(connection: warehouse.Connection, time_periods: Iterable[str]) -> None:
    """Show what was decided since the periods were last shown; the figures wait for the next build."""
    for time_period in time_periods:
        seen = snapshot.read(time_period)
        if seen is None:
            continue
        decisions = _newest_decisions(connection, time_period)
        questions = [
            msgspec.structs.replace(question, figures=[_answered(figure, decisions) for figure in question.figures])
            for question in seen.questions
        ]
        is_new = any(row["is_new"] for row in decisions.values())
        snapshot.save(
            msgspec.structs.replace(
                seen,
                written_at=verdicts.now(),
                questions=questions,
                is_current=seen.is_current and not is_new,
                deciders=_deciders(connection, time_period),
                refusals=_refusals(connection, time_period),
            )
        )


def show_approvals(connection: warehouse.Connection, time_period: str) -> None:
    """Show what was said about the candidates of a period since it was last shown."""
    seen = snapshot.read(time_period)
    if seen is not None:
        approvals = _approvals(connection, time_period)
        given = next((approval for approval in approvals if approval.is_approved), None)
        stale = None if given and given.digest == seen.digest else seen.stale
        snapshot.save(msgspec.structs.replace(seen, written_at=verdicts.now(), approvals=approvals, stale=stale))


def show_releases(connection: warehouse.Connection, time_period: str) -> None:
    """Show the releases of a period as they are on the disk, and whether its newest candidate is the newest of them."""
    seen = snapshot.read(time_period)
    if seen is not None:
        snapshot.save(
            msgspec.structs.replace(
                seen,
                written_at=verdicts.now(),
                releases=_releases(time_period),
                is_released=_is_released(connection, time_period, seen.digest),
            )
        )


def _snapshot(connection: warehouse.Connection, time_period: str) -> Snapshot:
    about = {"time_period": time_period}
    found = warehouse.rows(connection, _PERIOD, about)
    period = found[0] if found else {}
    reports = warehouse.rows(connection, _REPORTS, about)
    judged = connection.execute(_CANDIDATE, [time_period]).fetchone()
    current, parts = _current(connection, time_period)
    is_current = judged is not None and current == judged[0]
    if is_current:
        _keep(connection, time_period, current, parts)
    approvals = _approvals(connection, time_period)
    stale = None
    if is_current:
        stale = _stale(connection, time_period, current, parts, approvals)
    questions = _questions(connection, time_period, period, {row["submission_id"]: n for n, row in enumerate(reports)})
    catalogue = load_catalogue()
    return Snapshot(
        time_period=time_period,
        label_vi=period_vi(parse_period(time_period)),
        previous_label_vi=_label(period.get("previous_period")),
        written_at=verdicts.now(),
        digest=judged[0] if judged else None,
        gate_status=judged[1] if judged else "closed",
        unmet=_unmet(connection, time_period, len(reports)) if judged else [],
        is_current=is_current,
        is_released=judged is not None and _is_released(connection, time_period, judged[0]),
        questions=questions,
        needed=sum(question.is_needed for question in questions if question.state != "answered"),
        deciders=_deciders(connection, time_period),
        approvals=approvals,
        stale=stale,
        gaps=[
            Gap(
                row["area_name_vi"],
                row["form"] or catalogue[row["indicator"]].name_vi,
                row["status"],
            )
            for row in candidates.gaps(connection, time_period)
        ],
        reports=_reports(reports),
        releases=_releases(time_period),
        refusals=_refusals(connection, time_period),
        figures=_figures_of_communes(connection, time_period, period),
    )


def _is_released(connection: warehouse.Connection, time_period: str, digest: str | None) -> bool:
    released = connection.execute(_RELEASED, [time_period]).fetchone()
    return released is not None and released[0] == digest


def _approvals(connection: warehouse.Connection, time_period: str) -> list[Approval]:
    return [Approval(**row) for row in warehouse.rows(connection, _APPROVALS, {"time_period": time_period})]


def _deciders(connection: warehouse.Connection, time_period: str) -> list[str]:
    return [row[0] for row in connection.execute(_DECIDERS, [time_period]).fetchall()]


def _refusals(connection: warehouse.Connection, time_period: str) -> list[Refusal]:
    return [Refusal(**row) for row in warehouse.rows(connection, _REFUSALS, {"time_period": time_period})]


def _label(time_period: str | None) -> str | None:
    return period_vi(parse_period(time_period)) if time_period else None


def _current(connection: warehouse.Connection, time_period: str) -> tuple[str | None, dict[str, str]]:
    """Return the digest of the candidate as it is now, and of each of its parts."""
    if not is_built(connection, time_period):
        return None, {}
    tables = candidates.content_tables(connection, time_period)
    results = [tuple(row.values()) for row in candidates.newest_gate_results(connection, time_period)]
    content = candidates.digest_of(time_period, tables)
    return candidates.candidate_digest(content, results), candidates.parts_of(tables)


def _unmet(connection: warehouse.Connection, time_period: str, owed: int) -> list[str]:
    return [
        candidates.unmet_vi(
            *(time_period, result["check_name"], json.loads(result["examples"] or "[]")),
            *(result["unexpected_count"], owed),
        )
        for result in candidates.newest_gate_results(connection, time_period)
        if result["severity"] in ("critical", "warning") and not result["is_met"]
    ]


# Questions


def _questions(
    connection: warehouse.Connection, time_period: str, period: Mapping[str, Any], reports: Mapping[str, int]
) -> list[Question]:
    flags = warehouse.rows(connection, _FLAGS, {"time_period": time_period})
    figures = _figures(connection, time_period, period, flags)
    of_question = defaultdict(list)
    for flag in flags:
        of_question[(flag["incident_id"], flag["is_open"])].append(flag)
    asked = warehouse.rows(connection, _QUESTIONS, {"time_period": time_period})
    told = [
        _question(one, of_question[(one["question_id"], True)], figures, reports)
        for one in asked
        if of_question[(one["question_id"], True)]
    ]
    for (question_id, is_open), members in of_question.items():
        if not is_open:
            worst = members[0]
            names = ("severity", "suspected_cause", "message_vi", "priority")
            one = {name: worst[name] for name in names} | {"question_id": question_id, "state": "answered"}
            told.append(_question({**one, "is_needed": False}, members, figures, reports))
    return told


def _question(
    asked: Mapping[str, Any],
    flags: list[dict[str, Any]],
    figures: Mapping[str, Figure],
    reports: Mapping[str, int],
) -> Question:
    worst = flags[0]
    area = load_register().by_key.get(worst["area_key"])
    return Question(
        **asked,
        area_key=worst["area_key"],
        ref_area=worst["ref_area"],
        area_name_vi=area.name_vi if area else worst["area_name_vi"],
        can_change=worst["level"] != "statement",
        figures=[figures[flag["flag_id"]] for flag in flags],
        report=reports.get(worst["submission_id"]) if worst["submission_id"] else None,
    )


def _figures(
    connection: warehouse.Connection, time_period: str, period: Mapping[str, Any], flags: list[dict[str, Any]]
) -> dict[str, Figure]:
    if not flags:
        return {}
    catalogue = load_catalogue()
    indicators = sorted({flag["indicator"] for flag in flags})
    series: dict[tuple[str, str], list[Point]] = defaultdict(list)
    if period:
        about = {
            **{name: period[name] for name in ("calendar", "frequency", "time_period")},
            "length": SERIES,
            "indicators": indicators,
            "areas": sorted({flag["area_key"] for flag in flags}),
        }
        for row in warehouse.rows(connection, _SERIES, about):
            point = Point(row["time_period"], row["label_vi"], row["obs_value"])
            series[(row["area_key"], row["indicator"])].append(point)
    totals = {
        (row["level"], row["ref_area"], row["indicator"]): (row["area_name_vi"], row["obs_value"])
        for row in warehouse.rows(connection, _TOTALS, {"time_period": time_period, "indicators": indicators})
    }
    districts = dict(connection.execute(_DISTRICTS, [time_period]).fetchall())
    decisions = _newest_decisions(connection, time_period)
    figures = {}
    for flag in flags:
        item = catalogue[flag["indicator"]]
        points = series[(flag["area_key"], flag["indicator"])]
        by_period = {point.time_period: point for point in points}
        effects = [
            _effect(totals.get((level, area, flag["indicator"])), flag["impact_on_province"])
            for level, area in (("district", districts.get(flag["area_key"])), ("province", flag["province_area"]))
        ]
        names = ("flag_id", "indicator", "check_name", "message_vi", "obs_value", "expected_low", "expected_high")
        more = ("suggested_value", "score", "sheet", "cell", "is_open")
        figures[flag["flag_id"]] = Figure(
            **{name: flag[name] for name in (*names, *more)},
            indicator_name_vi=item.name_vi,
            unit_measure=item.unit_measure,
            decimals=item.decimals,
            previous=by_period.get(period.get("previous_period")),
            last_year=by_period.get(period.get("same_period_last_year")),
            series=points,
            district=effects[0],
            province=effects[1],
            answer=_answer(flag["flag_id"], flag["is_open"], decisions),
        )
    return figures


def _effect(total: tuple[str, Decimal] | None, impact: Decimal | None) -> Effect | None:
    if total is None or impact is None:
        return None
    return Effect(total[0], total[1], total[1] - impact)


def _newest_decisions(connection: warehouse.Connection, time_period: str) -> dict[str, dict[str, Any]]:
    newest = warehouse.rows(connection, _NEWEST_DECISIONS, {"time_period": time_period})
    return {row["flag_id"]: row for row in newest}


def _answered(figure: Figure, decisions: Mapping[str, dict[str, Any]]) -> Figure:
    return msgspec.structs.replace(figure, answer=_answer(figure.flag_id, figure.is_open, decisions))


def _answer(flag_id: str, is_open: bool, decisions: Mapping[str, dict[str, Any]]) -> Answer | None:
    """Return the newest decision about a figure; one that is built and left the question open has lapsed."""
    newest = decisions.get(flag_id)
    if newest is None or (is_open and not newest["is_new"]):
        return None
    return Answer(**{name: newest[name] for name in Answer.__struct_fields__})


# Reports, figures and releases


def _reports(rows: list[dict[str, Any]]) -> list[Report]:
    register = load_register()
    reports = []
    for row in rows:
        district = register.by_key.get(row["district_key"])
        names = [name for name in Report.__struct_fields__ if name != "district_name_vi"]
        reports.append(
            Report(**{name: row[name] for name in names}, district_name_vi=district.name_vi if district else "")
        )
    return reports


def _figures_of_communes(
    connection: warehouse.Connection, time_period: str, period: Mapping[str, Any]
) -> dict[str, msgspec.Raw]:
    if not period:
        return {}
    about = {
        "calendar": period["calendar"],
        "time_period": time_period,
        "previous": period["previous_period"] or time_period,
    }
    now, before = defaultdict(dict), {}
    for area_key, indicator, of_period, obs_value, status in connection.execute(_COMMUNE_FIGURES, about).fetchall():
        if of_period == time_period:
            now[area_key][indicator] = (obs_value, status)
        else:
            before[(area_key, indicator)] = obs_value
    figures = {}
    items = sorted(load_catalogue(), key=lambda item: (item.form, item.form_order, item.indicator))
    for area_key, values in now.items():
        told = [
            CommuneFigure(item.indicator, *values[item.indicator], before.get((area_key, item.indicator)))
            for item in items
            if item.indicator in values
        ]
        figures[area_key] = msgspec.Raw(msgspec.json.encode(told))
    return figures


def _releases(time_period: str) -> list[Revision]:
    folder = settings.load().releases / time_period
    if not folder.is_dir():
        return []
    catalogue = load_catalogue()
    told = []
    for release in reversed(revisions_of(folder)):
        manifest = read_manifest(release.path)
        changes = []
        if release.revision > 1:
            with warehouse.open_release(release.path / DATABASE) as connection:
                changes = warehouse.rows(connection, _REVISIONS)
        told.append(
            Revision(
                revision=release.revision,
                released_at=release.released_at,
                approver=manifest["approval"]["approver"],
                digest=release.digest,
                is_preliminary=bool(manifest.get("gaps")),
                withdrawn=(manifest.get("withdrawal") or {}).get("reason"),
                cells=changes[0]["cells"] if changes else 0,
                changes=[_change(row, catalogue) for row in changes],
                files=sorted(path.name for path in release.path.iterdir() if path.is_file()),
            )
        )
    return told


def _change(row: Mapping[str, Any], catalogue: Any) -> Change:
    indicator = row["indicator"]
    name = catalogue[indicator].name_vi if indicator in catalogue else indicator
    return Change(row["area_name_vi"], row["level"], name, row["before"], row["after"], row.get("cause"))


# What was judged, so that a later change can be named


def _keep(connection: warehouse.Connection, time_period: str, digest: str, parts: Mapping[str, str]) -> None:
    """Keep the figures of a candidate; forget those of old ones that nobody approved."""
    folder = _kept(time_period)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"{digest}.json").exists():
        figures = folder / f".{digest}.part"
        query = _KEPT_FIGURES.format(figures=candidates.FIGURES)
        connection.execute(
            f"copy ({query}) to '{quoted(figures)}' (format parquet, compression zstd)", {"time_period": time_period}
        )
        figures.replace(folder / f"{digest}.parquet")
        write_whole(folder / f"{digest}.json", json.dumps(parts).encode())
    approved = {
        row[0]
        for row in connection.execute(
            "select distinct digest from meta.approvals where time_period = ?", [time_period]
        ).fetchall()
    }
    kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in kept[KEPT:]:
        if path.stem not in approved and path.stem != digest:
            path.unlink()
            path.with_suffix(".parquet").unlink(missing_ok=True)


def _kept(time_period: str) -> Path:
    return settings.load().review / time_period / "candidates"


def _stale(
    connection: warehouse.Connection,
    time_period: str,
    digest: str,
    parts: Mapping[str, str],
    approvals: list[Approval],
) -> Stale | None:
    """Return what makes the newest approval stale; None when it holds, or when there is none."""
    given = next((approval for approval in approvals if approval.is_approved), None)
    if given is None or given.digest == digest:
        return None
    kept = _kept(time_period) / f"{given.digest}.json"
    if not kept.exists():
        return Stale(given, [], None, [])
    before = json.loads(kept.read_text(encoding="utf-8"))
    changed = [part for part in parts if parts[part] != before.get(part)]
    query = _CHANGED.format(
        now=_KEPT_FIGURES.format(figures=candidates.FIGURES), before=quoted(kept.with_suffix(".parquet"))
    )
    cells = warehouse.rows(connection, query, {"time_period": time_period})
    catalogue = load_catalogue()
    return Stale(given, changed, len(cells), [_change(row, catalogue) for row in cells[:MOST_CHANGES]])
