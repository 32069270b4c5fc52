"""Simulated communes: figures that hang together, over areas and over time."""

import shutil

import pytest
from hypothesis import given, strategies as st

from tuquan import settings, simulate
from tuquan.simulate import form_values, illustrate, load_rules, split
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.evidence import read_workbook
from tuquan.workbook.form import read_form


def communes(count, period):
    return load_register().communes("VN", period.end)[:: 3321 // count][:count]


def read(path):
    (submission,) = read_form(read_workbook(path), path.name)
    assert submission.findings == []
    return submission, {(cell.indicator, cell.measure): int(cell.obs_value) for cell in submission.cells}


@given(
    parts=st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=20),
    position=st.floats(0, 1),
)
def test_a_split_adds_up_and_keeps_every_part_within_its_bounds(parts, position):
    weights, low = [part[0] for part in parts], [part[1] for part in parts]
    high = [part[1] + part[2] for part in parts]
    total = sum(low) + round(position * (sum(high) - sum(low)))
    shares = split(total, weights, low, high)
    assert sum(shares) == total
    assert all(a <= share <= b for a, share, b in zip(low, shares, high, strict=True))


def test_a_split_follows_the_weights_by_largest_remainder():
    assert split(119, [30, 20, 10], [0] * 3, [200] * 3) == [59, 40, 20]


def test_a_total_that_cannot_be_met_is_an_error():
    with pytest.raises(ValueError, match="8 does not fit between 0 and 6"):
        split(8, [1, 1], [0, 0], [3, 3])


@pytest.mark.parametrize("code", ["2018", "2023-S1", "2024-Q3", "2026-M01", "2026-Q4", "2026"])
def test_no_relation_of_the_catalogue_is_broken(code, broken_relations):
    period = parse_period(code)
    figures = illustrate(communes(300, period), period)
    problems = [problem for values in figures.values() for problem in broken_relations(values, period)]
    assert len(figures) == 300
    assert problems == []


def test_a_stock_follows_what_came_and_went():
    stocks = [name for name, rule in load_rules().items() if rule.has_movements]
    assert "self_mgmt_teams" in stocks
    before = None
    for code in ("2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3"):
        period = parse_period(code)
        areas = load_register().communes("VN", period.end)[:200]
        now = illustrate(areas, period)
        for name in stocks if before else ():
            rule = load_rules()[name]
            for key, values in now.items():
                assert values[name] == before[key][name] + values[rule.inflow] - values[rule.outflow], (key, name)
        before = now


def test_flows_run_up_from_the_start_of_the_year(tmp_path):
    assert simulate.simulate(2, 3, tmp_path) == 6
    months = []
    for path in sorted(tmp_path.rglob("*.xlsx")):
        submission, values = read(path)
        months.append((submission.ref_area, submission.time_period, values))
    sums = {}
    for ref_area, _, values in sorted(months, key=lambda month: month[:2]):
        for (indicator, measure), value in values.items():
            if measure == "period":
                sums[ref_area, indicator] = sums.get((ref_area, indicator), 0) + value
                assert values[indicator, "year_to_date"] == sums[ref_area, indicator]
    assert {period for _, period, _ in months} == {"2026-M01", "2026-M02", "2026-M03"}


def test_a_workbook_holds_the_simulated_figures(tmp_path):
    period = parse_period("2026-S1")
    simulate.simulate(1, ["2026-S1"], tmp_path)
    (path,) = tmp_path.rglob("*.xlsx")
    submission, values = read(path)
    area = load_register().communes("VN", period.end)[0]
    assert (submission.area_key, submission.time_period) == (area.area_key, "2026-S1")
    assert values == form_values(illustrate([area], period)[area.area_key], period)


def test_one_seed_gives_one_country_and_another_seed_another():
    period = parse_period("2026-M01")
    areas = communes(5, period)
    assert illustrate(areas, period) == illustrate(areas, period)
    assert illustrate(areas, period, seed=1) != illustrate(areas, period)
    # A commune looks the same, whoever else reports.
    assert illustrate(areas[:1], period)[areas[0].area_key] == illustrate(areas, period)[areas[0].area_key]


def test_more_communes_than_there_are_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="3321 communes were in force"):
        simulate.simulate(3322, ["2026-M01"], tmp_path)


def test_an_indicator_that_nobody_described_gets_a_plausible_level(tmp_path, monkeypatch, broken_relations):
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, seeds)
    with (seeds / "indicators.csv").open("a", encoding="utf-8") as file:
        line = dict.fromkeys(read_seed("indicators")[0], "")
        line |= {"indicator": "red_whistles", "name_vi": "Còi", "name_en": "Whistles", "indicator_group": "models"}
        line |= {"statistical_kind": "stock", "unit_measure": "chiếc", "form": "TQ01", "form_order": "265"}
        line |= {"frequency": "month", "rollup_areas": "sum", "rollup_time": "last", "typical_max": "1000"}
        file.write(",".join(line.values()) + "\n")
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    period = parse_period("2026-M01")
    figures = illustrate(communes(50, period), period)
    whistles = [values["red_whistles"] for values in figures.values()]
    assert 0 < sum(whistles) <= 50 * 1000
    assert len(set(whistles)) > 5


def test_levels_speak_of_indicators_that_exist():
    catalogue = load_catalogue()
    for row in read_seed("levels", simulate.SAMPLE_DATA):
        assert row["indicator"] in catalogue
        assert not row["per"] or row["per"] in catalogue
        assert float(row["low"]) <= float(row["high"])
