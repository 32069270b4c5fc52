"""The history of one district: series that hang together, and what was put into them."""

import csv
from collections import Counter
from itertools import pairwise

import pytest

from tuquan import collect, load, sample, sample_history, warehouse
from tuquan.simulate import load_rules
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.duties import owes_report
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.seeds import read_seed

MISTAKES = [one for one in sample_history.load_incidents() if not one.is_event]
EVENTS = [one for one in sample_history.load_incidents() if one.is_event]
COMMUNES, MONTHS, FIGURES = 14, 36, 10_164


@pytest.fixture(scope="module")
def true():
    return sample_history.true_history()


@pytest.fixture(scope="module")
def uneventful():
    return sample_history.true_history(has_events=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sample_history.lay_out_history(tmp_path_factory.mktemp("inbox"))


@pytest.fixture(scope="module")
def sent(files):
    """What stands in the files: (commune, period) → indicator → figure."""
    reports = {}
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                report = reports.setdefault((row["ref_area"], row["time_period"]), {})
                assert row["indicator"] not in report
                report[row["indicator"]] = int(row["obs_value"])
    return reports


def test_there_is_one_file_a_month_with_all_that_the_communes_owe_when_it_ends(files, sent):
    assert len(files) == MONTHS
    register = load_register()
    by_frequency = Counter()
    for ref_area, code in sent:
        period = parse_period(code)
        assert owes_report(register.at(ref_area, period.end), "TQ01", period, register)
        by_frequency[period.frequency] += 1
    assert by_frequency == {"month": 36 * COMMUNES, "quarter": 12 * COMMUNES, "half_year": 6 * COMMUNES}
    assert sum(map(len, sent.values())) == FIGURES


def test_the_communes_are_those_in_force_in_every_month():
    register, (area, communes) = load_register(), sample_history.district()
    assert len(communes) == COMMUNES
    assert all(register.communes(area.ref_area, month.end) == communes for month in sample_history.months())


def test_laying_out_twice_gives_the_same_bytes(files, tmp_path):
    again = sample_history.lay_out_history(tmp_path)
    assert [path.name for path in again] == [path.name for path in files]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_no_other_report_and_no_published_figure_of_the_sample_is_touched(sent):
    area, _ = sample_history.district()
    periods = {code for _, code in sent}
    assert not periods & {reported.period.code for reported in sample.sample_reports()}
    assert not periods & {row["time_period"] for row in read_seed("published_statements")}
    assert area.ref_area not in {row["ref_area"] for row in read_seed("published_statements")}


def test_true_figures_break_no_relation_of_the_catalogue(true, broken_relations):
    problems = [
        (report, problem)
        for report, figures in true.items()
        for problem in broken_relations(figures, parse_period(report[1]))
    ]
    assert len(true) == (36 + 12 + 6) * COMMUNES
    assert problems == []


def test_true_stocks_follow_what_came_and_went(true):
    stocks = [rule for rule in load_rules().values() if rule.has_movements]
    moved = Counter()
    for (ref_area, code), figures in true.items():
        before = true.get((ref_area, parse_period(code).previous.code))
        for rule in stocks:
            name = rule.item.indicator
            if before is not None and name in figures:
                came, went = figures[rule.inflow], figures[rule.outflow]
                assert figures[name] == before[name] + came - went, (ref_area, code, name)
                moved[name] += came + went > 0
    assert set(moved) == {"self_mgmt_teams", "models_total"}
    assert all(moved.values())


def test_true_flows_of_a_quarter_or_half_year_are_the_sum_of_its_months_and_stocks_those_of_its_end(true):
    compared = Counter()
    for (ref_area, code), figures in true.items():
        period = parse_period(code)
        shorter = {"quarter": "month", "half_year": "quarter"}.get(period.frequency)
        parts = [
            true[ref_area, part.code]
            for month in sample_history.months()
            for part in sample_history.closing_with(month)
            if part.frequency == shorter and period.start <= part.end <= period.end
        ]
        for name in parts[-1] if parts else ():
            is_flow = load_catalogue()[name].is_flow
            expected = sum(part[name] for part in parts) if is_flow else parts[-1][name]
            assert figures[name] == expected, (ref_area, code, name)
            compared[period.frequency, is_flow] += 1
    assert len(compared) == 3  # a month has no stock on its form


def test_communes_differ_and_no_true_month_is_the_one_before_once_more(true):
    _, communes = sample_history.district()
    months = [month.code for month in sample_history.months()]
    for commune in communes:
        series = [true[commune.ref_area, code] for code in months]
        assert all(one != other for one, other in pairwise(series))
    levels = {sum(true[commune.ref_area, code]["propaganda_attendances"] for code in months) for commune in communes}
    assert max(levels) > 2 * min(levels)


def test_only_the_reports_with_a_mistake_are_not_true(true, sent):
    assert sent.keys() == true.keys()
    differing = {report for report in true if sent[report] != true[report]}
    assert differing == {(one.ref_area, one.time_period) for one in MISTAKES}


@pytest.mark.parametrize(
    ("incident", "right", "written"),
    [
        ("H01", {"propaganda_attendances": 210}, {"propaganda_attendances": 2100}),
        ("H02", {"self_mgmt_team_members": 480}, {"self_mgmt_team_members": 840}),
        (
            "H03",
            {"propaganda_mobile_sessions": 2, "loudspeaker_broadcasts": 37},
            {"propaganda_mobile_sessions": 37, "loudspeaker_broadcasts": 2},
        ),
        ("H05", {"loudspeaker_broadcasts": 33}, {"loudspeaker_broadcasts": 342}),
        ("H06", {"leaflets_distributed": 559}, {"leaflets_distributed": 0}),
    ],
)
def test_a_mistake_in_a_cell_stands_in_the_file_as_described(true, sent, incident, right, written):
    (mistake,) = (one for one in MISTAKES if one.incident == incident)
    report = mistake.ref_area, mistake.time_period
    assert {name: true[report][name] for name in right} == right
    assert {name: value for name, value in sent[report].items() if value != true[report][name]} == written


def test_the_year_so_far_is_what_the_months_add_up_to(sent):
    (mistake,) = (one for one in MISTAKES if one.kind == "year_so_far")
    months = [f"2020-M{number:02d}" for number in range(1, 9)]
    before = sum(sent[mistake.ref_area, code][mistake.indicator] for code in months)
    assert sent[mistake.ref_area, mistake.time_period][mistake.indicator] == before + 33


def test_a_stale_copy_and_a_neighbours_file_are_other_reports_to_the_last_figure(true, sent):
    (stale,) = (one for one in MISTAKES if one.kind == "report_before")
    (foreign,) = (one for one in MISTAKES if one.kind == "report_of")
    assert (stale.time_period, foreign.time_period) == ("2022-Q2", "2022-Q3")
    assert sent[stale.ref_area, "2022-Q2"] == true[stale.ref_area, "2022-Q1"] == sent[stale.ref_area, "2022-Q1"]
    assert sent[foreign.ref_area, "2022-Q3"] == sent[foreign.detail, "2022-Q3"]
    for one in (stale, foreign):
        report = one.ref_area, one.time_period
        assert sum(sent[report][name] != true[report][name] for name in true[report]) > len(true[report]) / 2


def test_mistakes_are_of_seven_causes_in_seven_communes_and_periods():
    causes = {row["cause"] for row in read_seed("causes")}
    assert {one.cause for one in MISTAKES} <= causes
    for fact in ("cause", "ref_area", "time_period"):
        assert len({getattr(one, fact) for one in MISTAKES}) == len(MISTAKES) == 7
    assert not {one.ref_area for one in MISTAKES} & {one.ref_area for one in EVENTS}
    assert all(one.expect for one in (*MISTAKES, *EVENTS))
    assert {one.cause for one in EVENTS} == {""}


@pytest.mark.parametrize("event", EVENTS, ids=lambda one: f"{one.incident} {one.ref_area} {one.indicator}")
def test_an_event_lifts_its_indicator_while_it_lasts(sent, uneventful, event):
    during, beside = [], []
    for (ref_area, code), figures in sent.items():
        if ref_area == event.ref_area and event.indicator in figures:
            pair = figures[event.indicator], uneventful[ref_area, code][event.indicator]
            ends = parse_period(code).end
            is_over = event.last_period and ends > parse_period(event.last_period).end
            if ends < parse_period(event.time_period).start or (is_over and parse_period(code).frequency == "month"):
                beside.append(pair)
            elif event.covers(parse_period(code)):
                during.append(pair)
    assert during
    assert beside
    lifted, usual = (sum(values) for values in zip(*during, strict=True))
    assert lifted > 0.8 * float(event.detail) * usual > 0  # counts vary
    assert all(value == usual for value, usual in beside)


def test_a_campaign_moves_sessions_attendances_and_pledges_in_four_communes():
    campaign = [one for one in EVENTS if one.incident == "V01"]
    together = {"propaganda_sessions", "propaganda_attendances", "households_pledged"}
    communes = {one.ref_area for one in campaign}
    assert len(communes) == 4
    assert {(one.ref_area, one.indicator) for one in campaign} == {(one, name) for one in communes for name in together}


def test_a_new_model_brings_the_movements_that_explain_it(sent, uneventful):
    (commune,) = {one.ref_area for one in EVENTS if one.incident == "V02"}
    before, after = sent[commune, "2021-Q1"], sent[commune, "2021-Q2"]
    assert after["models_total"] > before["models_total"]
    for stock, came, went in (
        ("models_total", "models_new", "models_stopped"),
        ("self_mgmt_teams", "teams_new", "teams_dissolved"),
    ):
        assert after[stock] == before[stock] + after[came] - after[went]
        assert after[came] > uneventful[commune, "2021-Q2"][came]


def test_every_row_is_read_and_every_report_accepted(home):
    sample_history.lay_out_history(home.inbox)
    assert collect.register_inbox().registered == MONTHS
    loaded = load.load_registered()
    assert loaded.files == {"accepted": MONTHS}
    assert loaded.figures == FIGURES
    with warehouse.connect() as connection:
        assert connection.execute("select count(*) from raw.findings").fetchone() == (0,)
        reports = connection.execute("select status, count(*), sum(figures_blank) from raw.submissions group by status")
        assert reports.fetchall() == [("accepted", 54 * COMMUNES, 0)]
