"""The panels of the quality statement: the same seed, the same bytes; true figures obey the form; scores are right."""

import csv
import importlib
import math
import sys

import numpy as np
import pytest

from tuquan import settings

FOLDER = settings.load().project / "benchmarks" / "plausibility"
SMALL = {"communes": 25, "periods": 12, "indicators": 24}
FILES = ["A.csv", "C.csv", "D.csv", "I.csv", "P.csv", "S.json", "T.csv"]


def bench_module(name):
    """Import a module of the bench, whose folder is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        return importlib.import_module(name)


panels, evaluate, baselines = (bench_module(name) for name in ("panels", "evaluate", "baselines"))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    panels.write_panel(panels.make_panel("new", 7, **SMALL), folder)
    return folder


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_flags(path, rows):
    names = ["ref_area", "time_period", "indicator", "score", "suspected_cause", "suggested_value"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)


def measure(folder, flags):
    return evaluate.evaluate(evaluate.read_cells(folder / "T.csv", folder / "P.csv", flags))


def test_the_same_seed_writes_the_same_bytes(written, tmp_path):
    panels.write_panel(panels.make_panel("new", 7, **SMALL), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_another_seed_makes_another_panel(written, tmp_path):
    panels.write_panel(panels.make_panel("new", 8, **SMALL), tmp_path)
    assert (tmp_path / "P.csv").read_bytes() != (written / "P.csv").read_bytes()


@pytest.mark.parametrize("mixed", [False, True], ids=["months", "quarters, half-years, years"])
@pytest.mark.parametrize("setting", ["known", "new"])
def test_true_figures_obey_the_form(setting, mixed):
    panel = panels.make_panel(setting, 3, communes=30, periods=3 if mixed else 12, indicators=30, mixed=mixed)
    compared = 0
    for block in panel.blocks:
        place = {row.indicator: index for index, row in enumerate(block.indicators)}
        for index, row in enumerate(block.indicators):
            figures = block.true[:, :, index]
            assert not (figures < 0).any()
            if row.whole in place:
                assert not (figures > block.true[:, :, place[row.whole]]).any(), f"{row.indicator} over its whole"
                compared += 1
            if row.driver in place:
                idle = block.true[:, :, place[row.driver]] == 0
                assert not (figures[idle] > 0).any(), f"{row.indicator} of nothing"
                compared += 1
    assert compared > 5


def test_the_truth_names_every_cell_that_was_reported_wrong_and_no_other():
    panel = panels.make_panel("new", 9, **SMALL)
    for block in panel.blocks:
        differs = np.isfinite(block.true) & (block.true != block.reported)
        assert {tuple(map(int, cell)) for cell in np.argwhere(differs)} == set(block.errors)
        assert {kind for kind, _, _ in block.errors.values()} == {"known", "new"}
        share = len(block.errors) / np.isfinite(block.true).sum()
        assert share == pytest.approx(panel.settings.error_rate, rel=0.4)


def test_a_perfect_list_of_flags_gets_full_marks(written, tmp_path):
    wrong = [row for row in rows_of(written / "T.csv") if row["is_error"] == "1"]
    keys = ("ref_area", "time_period", "indicator")
    write_flags(
        tmp_path / "F.csv", [[*(row[key] for key in keys), 1, row["cause"], row["true_value"]] for row in wrong]
    )
    lines = measure(written, tmp_path / "F.csv")
    assert lines["wrong cells"] == len(wrong) > 20
    for line in (
        "average precision",
        "precision of all flags",
        "recall of all flags",
        "recall of mistakes of new kinds, flags",
        "right cause among found",
        "suggestion within 10 % of the truth",
    ):
        assert lines[line] == 1
    assert lines["false alarms per 10,000 good cells"] == 0
    assert lines["false alarms on genuine events"] == 0


def test_an_empty_list_of_flags_finds_nothing(written, tmp_path):
    write_flags(tmp_path / "F.csv", [])
    lines = measure(written, tmp_path / "F.csv")
    assert lines["average precision"] == pytest.approx(lines["wrong cells"] / lines["cells"])  # as by lot
    assert lines["recall when 1 % of cells are reviewed"] == 0
    assert lines["recall of all flags"] == 0
    assert math.isnan(lines["precision of all flags"])


def test_flags_on_everything_alarm_on_every_good_cell(written, tmp_path):
    cells = rows_of(written / "P.csv")
    write_flags(tmp_path / "F.csv", [[*list(row.values())[:3], 0.9, "scale_error", ""] for row in cells])
    lines = measure(written, tmp_path / "F.csv")
    assert lines["false alarms per 10,000 good cells"] == 10_000
    assert lines["false alarms on genuine events"] == 1
    assert lines["recall when 1 % of cells are reviewed"] == pytest.approx(0.01, abs=0.003)  # chance among equals
    assert lines["suggestion within 10 % of the truth"] == 0


def test_a_stale_copy_is_found_when_more_than_half_of_its_cells_are(tmp_path):
    panel = [("01", "2024-M02", f"i{number}", str(number)) for number in range(5)]
    with (tmp_path / "P.csv").open("w", encoding="utf-8") as file:
        file.write("ref_area,time_period,indicator,obs_value\n" + "".join(",".join(row) + "\n" for row in panel))
    with (tmp_path / "T.csv").open("w", encoding="utf-8") as file:
        file.write("ref_area,time_period,indicator,true_value,reported_value,kind,cause,incident,is_error\n")
        file.writelines(f"01,2024-M02,i{number},9,{number},known,stale_copy,one,1\n" for number in range(4))
    flags = [["01", "2024-M02", f"i{number}", 0.9, "stale_copy", 9] for number in range(3)]
    write_flags(tmp_path / "F.csv", flags)
    assert measure(tmp_path, tmp_path / "F.csv")["stale_copy found"] == 1
    write_flags(tmp_path / "F.csv", flags[:2])
    assert measure(tmp_path, tmp_path / "F.csv")["stale_copy found"] == 0


def test_a_figure_that_was_confirmed_and_flagged_again_is_counted(written, tmp_path):
    confirmed = rows_of(written / "D.csv")[0]
    write_flags(tmp_path / "F.csv", [[*list(confirmed.values())[:3], 0.8, "unexplained_outlier", ""]])
    cells = evaluate.read_cells(written / "T.csv", written / "P.csv", tmp_path / "F.csv", written / "D.csv")
    assert evaluate.evaluate(cells)["confirmed figures flagged again"] == 1


@pytest.fixture(scope="module")
def one_series(tmp_path_factory):
    """Nine figures of 10 and 12, and one of 110; other communes as company for ratios."""
    path = tmp_path_factory.mktemp("series") / "P.csv"
    series = {
        "01": [10, 12, 10, 12, 10, 12, 10, 12, 10, 110],
        "02": [20, 24, 20, 24, 20, 24, 20, 24, 20, 24],
        "03": [31, 35, 31, 35, 31, 36, 31, 35, 31, 35],
        "04": [40, 50, 40, 50, 40, 50, 40, 50, 40, 50],
        "05": [50, 55, 50, 55, 50, 55, 50, 55, 50, 56],
        "06": [60, 70, 60, 70, 60, 70, 60, 70, 60, 71],
        "07": [70, 80, 70, 80, 70, 80, 70, 80, 70, 82],
        "08": [80, 0, 80, 90, 80, 90, 80, 90, 80, 0],
    }
    with path.open("w", encoding="utf-8") as file:
        file.write("ref_area,time_period,indicator,obs_value\n")
        for area, values in series.items():
            file.writelines(f"{area},2024-M{month:02d},sessions,{value}\n" for month, value in enumerate(values, 1))
    return path


def scores(method, panel, folder):
    baselines.flag(method, panel, folder / "F.csv")
    rows = rows_of(folder / "F.csv")
    return {(row["ref_area"], row["time_period"]): float(row["score"]) for row in rows}


def as_strength(score):
    return score / (1 - score)


def test_a_z_score_is_the_distance_to_the_mean_in_population_deviations(one_series, tmp_path):
    found = scores("z_score", one_series, tmp_path)
    values = np.array([10, 12, 10, 12, 10, 12, 10, 12, 10, 110])
    expected = (110 - values.mean()) / values.std()  # 2.99…: one in ten can hardly get to 3
    assert as_strength(found["01", "2024-M10"]) == pytest.approx(expected / 3, abs=1e-4)
    assert found["01", "2024-M10"] < 0.5


def test_a_modified_z_score_uses_the_median_and_its_deviation(one_series, tmp_path):
    found = scores("modified_z_score", one_series, tmp_path)
    # Median 11; the distances are 1 but for 99, so their median is 1.
    assert as_strength(found["01", "2024-M10"]) == pytest.approx(0.6745 * 99 / 3, rel=1e-3)


def test_min_max_flags_what_is_outside_two_deviations_of_the_mean(one_series, tmp_path):
    found = scores("min_max", one_series, tmp_path)
    assert [key for key, score in found.items() if score >= 0.5] == [("01", "2024-M10")]


def test_hidiroglou_berthelot_weighs_a_ratio_by_the_size_of_the_unit(one_series, tmp_path):
    found = scores("hidiroglou_berthelot", one_series, tmp_path)
    now, before = np.array([110, 24, 35, 50, 56, 71, 82]), np.array([10, 20, 31, 40, 50, 60, 70])  # none with a zero
    ratios, sizes = now / before, np.sqrt(now)
    usual = np.median(ratios)
    effects = np.where(ratios < usual, 1 - usual / ratios, ratios / usual - 1) * sizes
    _, middle, high = np.quantile(effects, [0.25, 0.5, 0.75])
    expected = (effects[0] - middle) / (20 * max(high - middle, abs(0.05 * middle)))
    assert as_strength(found["01", "2024-M10"]) == pytest.approx(expected, rel=1e-3)


def test_no_method_is_offered_that_cannot_run_here():
    assert ("isolation_forest" in baselines.available()) == ("sklearn" in sys.modules or _has_sklearn())


def _has_sklearn():
    return importlib.util.find_spec("sklearn") is not None
