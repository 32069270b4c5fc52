"""Revisions and vintages: any figure as known then and now, why it changed, and what that did to the totals."""

import json
import shutil
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies

from tuquan import candidates, publish, releases, revisions, settings, vintages, warehouse

PERIOD = "2026-Q3"
FIRST_DAY = datetime(2026, 10, 20, 2)  # noqa: DTZ001 (UTC, as everywhere in the warehouse)
HOMES = {"00001": "001", "00002": "001", "00003": "002"}  # commune → district, all of province 38
INDICATORS = {"teams": "sum", "kinds": "bounds", "safe": "count_true", "share": "recompute"}
COLUMNS = {
    **dict.fromkeys((*candidates.FIGURE_KEY[1:], "area_name_vi"), "varchar"),
    **candidates.FIGURE_STATE,
    **candidates.FIGURE_ORIGIN,
}
LACKS = {
    "commune": {"areas_expected", "areas_included", "areas_held"},
    "district": {"district_area", "submission_id", "version"},
    "province": {"district_area", "province_area", "submission_id", "version"},
    "national": {"district_area", "province_area", "submission_id", "version"},
}


def figure(commune, indicator, value=None, status=None, submission="s1", version=1, district=None, parts=(None, None)):
    """What one commune says of one indicator; for a ratio ``parts`` are numerator and denominator."""
    if INDICATORS[indicator] == "recompute" and None not in parts:
        value = Decimal(100 * parts[0]) / parts[1] if parts[1] else None
    bound = value if INDICATORS[indicator] == "bounds" else None
    return {
        "ref_area": commune, "area_key": f"{commune}.1", "area_name_vi": f"Xã {commune}",
        "district_area": district or HOMES[commune], "province_area": "38", "time_period": PERIOD,
        "indicator": indicator, "obs_value": value,
        "value_status": status or ("missing" if value is None else "published"),
        "numerator": parts[0], "denominator": parts[1], "lower_bound": bound, "upper_bound": bound,
        "calendar": "administrative", "submission_id": submission, "version": version if submission else None,
    }  # fmt: skip


def total(level, ref_area, indicator, figures):
    """The total of communes, added up the plain way."""
    rollup = INDICATORS[indicator]
    values = [row["obs_value"] for row in figures if row["obs_value"] is not None]
    numerators = [row["numerator"] for row in figures if row["numerator"] is not None]
    denominators = [row["denominator"] for row in figures if row["denominator"] is not None]
    value = None
    if rollup == "sum" and values:
        value = sum(values)
    elif rollup == "count_true" and values:
        value = sum(one > 0 for one in values)
    elif rollup == "recompute" and sum(denominators):
        value = round(Decimal(100 * sum(numerators)) / sum(denominators), 4)
    return {
        "ref_area": ref_area, "area_key": f"{ref_area}.1", "area_name_vi": ref_area, "province_area": "38",
        "time_period": PERIOD, "indicator": indicator, "obs_value": value,
        "value_status": "missing" if value is None else "published",
        "numerator": sum(numerators) if numerators else None,
        "denominator": sum(denominators) if denominators else None,
        "lower_bound": max(values) if rollup == "bounds" and values else None,
        "upper_bound": sum(values) if rollup == "bounds" and values else None,
        "areas_expected": len(figures), "areas_included": len(values),
        "areas_held": sum(row["value_status"] == "held" for row in figures), "calendar": "administrative",
    }  # fmt: skip


def all_levels(figures):
    levels = {"commune": figures}
    for level, code in (("district", "district_area"), ("province", "province_area"), ("national", None)):
        groups = {}
        for row in figures:
            groups.setdefault((row[code] if code else "VN", row["indicator"]), []).append(row)
        levels[level] = [total(level, area, indicator, rows) for (area, indicator), rows in groups.items()]
    return levels


def release(figures, period=PERIOD, decisions=(), code="1", areas=None, indicators=None, after=timedelta(0)):
    """Write the next revision of ``period``: what communes say, and the totals of it."""
    folder = settings.load().releases / period
    parent = releases.newest_revision(period)
    number = parent.revision + 1 if parent else 1
    manifest = {
        "time_period": period,
        "revision": number,
        "parent": {"revision": parent.revision} if parent else None,
        "released_at": (FIRST_DAY + timedelta(days=10 * (number - 1)) + after).isoformat(),
        "digest": f"{period} {number}",
        "content_digest": f"{period} {number}",
        "approval": {"approver": "Trưởng phòng"},
        "code_version": code,
        "seeds": {},
        "decisions": list(decisions),
    }
    draft = folder.parent / ".tmp-draft"
    draft.mkdir(parents=True)
    with warehouse.create(draft / "tuquan.duckdb") as connection:
        connection.execute(f"create schema marts; create schema quality; {SHAPES}")
        for level, rows in all_levels(figures).items():
            described = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items() if name not in LACKS[level])
            connection.execute(f"create table {candidates.OBSERVATIONS[level]} ({described})")
            kept = [{name: row[name] for name in row if name not in LACKS[level]} for row in rows]
            warehouse.append(
                connection,
                candidates.OBSERVATIONS[level],
                [{name: str(one) if isinstance(one, Decimal) else one for name, one in row.items()} for row in kept],
            )
            connection.execute(f"update {candidates.OBSERVATIONS[level]} set time_period = ?", [period])
        for commune in areas or HOMES:
            connection.execute("insert into marts.dim_areas (area_key) values (?)", [f"{commune}.1"])
        for indicator, rollup in (indicators or INDICATORS).items():
            connection.execute(
                "insert into marts.dim_indicators (indicator, rollup_areas, unit_measure) values (?, ?, 'đội')",
                [indicator, rollup],
            )
        connection.execute(
            "update marts.dim_indicators set numerator = 'teams', denominator = 'kinds' where indicator = 'share'"
        )
        vintages.write_release(connection, "marts.releases", manifest, None)
        database = connection.execute("select current_database()").fetchone()[0]
        if parent:
            connection.execute(f"attach '{parent.path / 'tuquan.duckdb'}' as parent (read_only)")
            told = json.loads((parent.path / "manifest.json").read_text(encoding="utf-8"))
            sides = [
                revisions.Side(name, *(of[key] for key in ("revision", "decisions", "code_version", "seeds")))
                for name, of in (("parent", told), (database, manifest))
            ]
            revisions.write_revisions(connection, *sides)
        vintages.write_history(connection, database)
    (draft / "manifest.json").write_text(json.dumps(manifest, default=str), encoding="utf-8")
    folder.mkdir(exist_ok=True)
    draft.rename(folder / f"r{number}")


def ask(sql):
    vintages.bring_up_to_date()
    names, rows = publish.query(sql)
    return [dict(zip(names, row, strict=True)) for row in rows]


def decision(commune, indicator, choice, new_value=None):
    return {"check_name": "c", "ref_area": commune, "indicator": indicator, "expected_value": "1", "choice": choice,
            "new_value": new_value, "reason": "x", "decided_by": "y", "decided_at": "2026-10-21"}  # fmt: skip


def shapes():
    """The tables that a release has beside its figures, empty, as the models of the same name describe them."""
    described = []
    for table in candidates.ABOUT_RELEASES:
        model = settings.load().dbt_project / "models" / "marts" / f"{table.split('.')[1]}.sql"
        described.append(f"create table {table} as {model.read_text(encoding='utf-8')};")
    for table in candidates.DIMENSIONS:
        columns = {"dim_areas": ("area_key", *revisions.AREA_FACTS)}.get(table.split(".")[1], ("indicator",))
        if table == "marts.dim_indicators":
            columns = ("indicator", "unit_measure", *revisions.INDICATOR_FACTS)
        described.append(f"create table {table} ({', '.join(f'{name} varchar' for name in columns)});")
    return "".join(described)


SHAPES = shapes()
BASE = [
    figure("00001", "teams", 10), figure("00002", "teams", submission=None), figure("00003", "teams", 7),
    figure("00001", "kinds", 3), figure("00002", "kinds", submission=None), figure("00003", "kinds", 4),
]  # fmt: skip


def changed(*news, base=BASE):
    """The figures of ``base`` with some of them replaced."""
    mine = {(row["ref_area"], row["indicator"]): row for row in news}
    return [mine.pop((row["ref_area"], row["indicator"]), row) for row in base] + list(mine.values())


@pytest.mark.parametrize(
    ("before", "now", "facts", "cause"),
    [
        (figure("00002", "teams", submission=None), figure("00002", "teams", 5, submission="s2"), {}, "late_report"),
        (
            figure("00002", "teams", status="held", submission=None),
            figure("00002", "teams", 5, submission="s2"),
            {},
            "held_report_settled",
        ),
        (
            figure("00001", "teams", 10),
            figure("00001", "teams", 12, submission="s2", version=2),
            {},
            "corrected_by_commune",
        ),
        (figure("00001", "teams", 10), figure("00001", "teams", submission=None), {}, "report_withdrawn"),
        (
            figure("00001", "teams", 10),
            figure("00001", "teams", 9),
            {"decisions": [decision("00001", "teams", "correct", 9)]},
            "corrected_by_office",
        ),
        (
            figure("00001", "teams", 10),
            figure("00001", "teams", 9, submission="s2", version=2),
            {"decisions": [decision("00001", "teams", "correct", 9)]},
            "corrected_by_office",
        ),
        (
            figure("00001", "teams", 10),
            figure("00001", "teams", status="held"),
            {"decisions": [decision("00001", "teams", "return")]},
            "returned",
        ),
        (
            figure("00001", "teams", status="held"),
            figure("00001", "teams", 10),
            {"decisions": [decision("00001", "teams", "confirm")]},
            "confirmed",
        ),
        (figure("00001", "teams", 10), figure("00001", "teams", 11), {"code": "2"}, "rules_changed"),
        (figure("00001", "teams", 10), figure("00001", "teams", 11), {}, "unexplained"),
        (
            figure("00001", "teams", 10),
            figure("00001", "teams", 11),
            {"indicators": {**INDICATORS, "teams": "register"}},
            "catalogue_changed",
        ),
        (
            figure("00001", "teams", 10),
            figure("00001", "teams", submission=None),
            {"areas": ["00002", "00003"]},
            "areas_changed",
        ),
    ],
)
def test_why_a_figure_changed_is_told_from_what_the_two_releases_hold(home, before, now, facts, cause):
    release(changed(before))
    release(changed(now), **facts)
    told = ask("select level, cause, cause_vi, old_value, new_value, effect_on_totals from revisions")
    assert {row["level"] for row in told} == {"commune", "district", "province", "national"}
    assert {row["cause"] for row in told} == {cause}
    assert all(row["cause_vi"] for row in told)
    effect = (now["obs_value"] or 0) - (before["obs_value"] or 0)
    assert [row["effect_on_totals"] for row in told] == [effect] * 4


def test_a_total_with_two_causes_says_so_and_counts_its_communes(home):
    release(BASE)
    release(
        changed(figure("00002", "teams", 5, submission="s2"), figure("00001", "teams", 12, submission="s3", version=2))
    )
    told = ask("select cause, communes_changed, difference from revisions where level = 'district'")
    assert told == [{"cause": "several", "communes_changed": 2, "difference": 7}]


def test_a_ratio_is_told_through_its_parts_and_a_distinct_count_through_its_bounds(home):
    base = [*BASE, figure("00001", "share", parts=(3, 10)), figure("00003", "share", parts=(9, 10))]
    release(base)
    release(changed(figure("00001", "share", parts=(5, 10)), figure("00003", "kinds", 6), base=base))
    share, kinds = (
        ask(f"select * from revisions where level = 'province' and indicator = '{name}'")[0]
        for name in ("share", "kinds")
    )
    assert (share["effect_on_totals"], share["no_effect_reason"]) == (None, "ratio_is_recomputed")
    assert (share["old_value"], share["new_value"]) == (60, 70)
    parts = ask(
        "select sum(new_numerator - old_numerator) as n from revisions where level = 'commune' and indicator = 'share'"
    )
    assert parts[0]["n"] == share["new_numerator"] - share["old_numerator"] == 2
    assert (kinds["effect_on_totals"], kinds["no_effect_reason"]) == (None, "distinct_count_has_bounds")
    assert [kinds[name] for name in ("old_lower_bound", "new_lower_bound", "old_upper_bound", "new_upper_bound")] == [
        4,
        6,
        7,
        9,
    ]


def test_a_commune_that_moved_leaves_one_total_and_joins_another(home):
    release(BASE)
    release(changed(figure("00001", "teams", 10, district="002")))
    told = ask("select level, district_area, effect_on_totals from revisions where indicator = 'teams' order by all")
    assert [tuple(row.values()) for row in told] == [
        ("commune", "001", -10),
        ("commune", "002", 10),
        ("district", "001", -10),
        ("district", "002", 10),
    ]


a_figure = strategies.one_of(
    strategies.none(),
    strategies.just("held"),
    strategies.integers(0, 9),
    strategies.tuples(*[strategies.integers(0, 5)] * 2),
)
a_history = strategies.lists(
    strategies.dictionaries(
        strategies.tuples(strategies.sampled_from(list(HOMES)), strategies.sampled_from(list(INDICATORS))),
        strategies.tuples(
            a_figure, strategies.sampled_from(["001", "002"]), strategies.sampled_from(["s1", "s2", None])
        ),
        min_size=1,
    ),
    min_size=2,
    max_size=4,
)


def said(commune, indicator, value, district, submission):
    more = {"submission": submission, "district": district}
    if INDICATORS[indicator] == "recompute":
        return figure(commune, indicator, parts=value if isinstance(value, tuple) else (None, None), **more)
    if isinstance(value, int):
        return figure(commune, indicator, value, **more)
    return figure(commune, indicator, status="held" if value == "held" else None, **more)


@hypothesis_settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(a_history)
def test_effects_add_up_and_every_revision_can_be_asked_again(home, history):
    shutil.rmtree(home.releases, ignore_errors=True)
    versions = [[said(*key, *value) for key, value in sorted(one.items())] for one in history]
    for figures in versions:
        release(figures)
    for number in range(2, len(versions) + 1):
        levels = [all_levels(one) for one in versions[number - 2 : number]]
        for level, code in (("district", "district_area"), ("province", "province_area"), ("national", "'VN'")):
            totals = [
                {(row["ref_area"], row["indicator"]): row["obs_value"] or 0 for row in one[level]} for one in levels
            ]
            moved = {
                key: totals[1].get(key, 0) - totals[0].get(key, 0)
                for key in totals[0] | totals[1]
                if INDICATORS[key[1]] in ("sum", "count_true")
            }
            effects = ask(
                f"select {code} as area, indicator, sum(effect_on_totals) as effect from revisions "
                f"where level = 'commune' and new_revision = {number} and effect_on_totals is not null group by all"
            )
            assert {key: value for key, value in moved.items() if value} == {
                (row["area"], row["indicator"]): row["effect"] for row in effects if row["effect"]
            }
    for number, figures in enumerate(versions, start=1):
        known = ask(f"select * from as_of('{PERIOD}', {number})")
        assert_same(known, figures)
        day = (FIRST_DAY + timedelta(days=10 * (number - 1))).date()
        assert_same(ask(f"select * from as_of('{day + timedelta(days=3)}')"), figures)
    assert_same(ask("select * from commune_observations"), versions[-1], levels=("commune",))


def assert_same(known, figures, levels=("commune", "district", "province", "national")):
    def lines(level, rows):
        names = [*candidates.FIGURE_STATE, "ref_area", "indicator"]
        return sorted(
            repr([None if row.get(name) is None else str(row[name]).removesuffix(".0000") for name in names])
            for row in rows
        )

    for level in levels:
        rounded = [
            {name: round(one, 4) if isinstance(one, Decimal) else one for name, one in row.items()}
            for row in all_levels(figures)[level]
        ]
        assert lines(level, rounded) == lines(level, [row for row in known if row.get("level", level) == level]), level


def test_many_revisions_of_an_unchanged_figure_are_one_row(home):
    for number in range(5):
        release(changed(figure("00003", "teams", number, submission=f"s{number}", version=number + 1)))
    spans = (
        "select first_revision, last_revision, obs_value from figure_history "
        "where level = 'commune' and indicator = 'teams'"
    )
    assert [tuple(row.values()) for row in ask(f"{spans} and ref_area = '00001'")] == [(1, 5, 10)]
    assert [tuple(row.values()) for row in ask(f"{spans} and ref_area = '00003' order by all")] == [
        (number + 1, number + 1, number) for number in range(5)
    ]
    assert ask(
        "select since_revision, release_revision from commune_observations where ref_area = '00001' limit 1"
    ) == [{"since_revision": 1, "release_revision": 5}]


def test_a_figure_is_known_from_the_release_that_said_it_until_the_next(home):
    release(BASE)
    release(changed(figure("00001", "teams", 12, submission="s2", version=2)))
    told = ask(
        "select obs_value, known_from, known_to, is_latest from figure_history "
        "where ref_area = '00001' and indicator = 'teams' order by known_from"
    )
    then = FIRST_DAY + timedelta(days=10)
    assert [tuple(row.values()) for row in told] == [(10, FIRST_DAY, then, False), (12, then, None, True)]
    assert ask("select * from as_of('2026-10-19')") == []
    at = "select obs_value from as_of('{}') where ref_area = '00001' and indicator = 'teams'"
    assert [ask(at.format(day))[0]["obs_value"] for day in ("2026-10-20", "2026-10-29", "2026-10-30")] == [10, 10, 12]
    assert ask("select * from as_of('2026-Q3', 3)") == []
    line = ask("select * from releases order by release_revision")
    assert [(row["parent_revision"], row["is_latest"], row["released_on"].day) for row in line] == [
        (None, False, 20),
        (1, True, 30),
    ]


def test_a_day_is_a_day_in_viet_nam(home):
    release(BASE, after=timedelta(hours=18))  # 03:00 of the next day there
    assert ask("select * from as_of('2026-10-20')") == []
    assert ask("select * from as_of('2026-10-21')")


def everything():
    path = settings.load().releases / "tuquan.duckdb"
    with warehouse.open_release(path) as connection:
        return {
            name: connection.execute(f"select * from {name} order by all").fetchall()
            for name in [
                *candidates.tables_of(connection, connection.execute("select current_database()").fetchone()[0]),
                "marts.figure_history",
            ]
        }


def test_adding_a_period_or_a_revision_gives_the_same_file_as_making_it_anew(home):
    release(BASE)
    release(BASE, period="2026-Q2")
    vintages.bring_up_to_date()
    release(changed(figure("00001", "teams", 12, submission="s2", version=2)))
    release(BASE, period="2026-Q4")
    vintages.bring_up_to_date()
    release(changed(figure("00003", "teams", 1, submission="s9", version=2)), period="2026-Q2")
    vintages.bring_up_to_date()
    added = everything()
    (home.releases / "tuquan.duckdb").unlink()
    vintages.bring_up_to_date()
    assert everything() == added


def test_only_periods_with_news_are_written(home, monkeypatch):
    for period in ("2026-Q1", "2026-Q2"):
        release(BASE, period=period)
    vintages.bring_up_to_date()
    written = []
    write_period = vintages._write_period
    monkeypatch.setattr(
        vintages, "_write_period", lambda *given: written.append(given[1][0].time_period) or write_period(*given)
    )
    release(BASE, period="2026-Q3")
    vintages.bring_up_to_date()
    vintages.bring_up_to_date()
    assert written == ["2026-Q3"]


def test_an_open_file_stays_what_it_was(home):
    release(BASE)
    vintages.bring_up_to_date()
    path = home.releases / "tuquan.duckdb"
    with path.open("rb") as reader:
        old = path.read_bytes()
        release(changed(figure("00001", "teams", 12, submission="s2")))
        vintages.bring_up_to_date()
        assert reader.read() == old != path.read_bytes()
    assert not list(home.releases.glob(".tmp-*"))
