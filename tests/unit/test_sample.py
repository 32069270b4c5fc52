"""The sample: illustrative communes whose sums are the published figures."""

from decimal import Decimal
from io import BytesIO
from zipfile import ZipFile

import pytest

from tuquan import sample
from tuquan.simulate import form_values, load_rules
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.phrases import load_checks
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.container import UnreadableFile
from tuquan.workbook.evidence import read_workbook
from tuquan.workbook.form import read_form


@pytest.fixture(scope="module")
def splits():
    """Every report of the sample, by area and period, with the figures of its communes."""
    return {
        (reported.area.ref_area, reported.period.code): (reported, sample.illustrative_split(reported))
        for reported in sample.sample_reports()
    }


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    """The inbox after each wave: file name → bytes."""
    inbox = tmp_path_factory.mktemp("inbox")
    seen, waves = {}, []
    for wave in (1, 2):
        written = {str(path.relative_to(inbox)): path.read_bytes() for path in sample.lay_out_sample(inbox, wave)}
        seen |= written
        waves.append(written)
    assert len(seen) == sum(1 for path in inbox.rglob("*") if path.is_file())
    return waves


def statements(kind=None, qualifier="="):
    for row in read_seed("published_statements"):
        is_comparable = row["is_indicator"] == "true" and row["time_period"] and not row["breakdown_of"]
        if is_comparable and row["qualifier"] == qualifier and (kind is None or row["statistical_kind"] in kind):
            yield row


def figures_read(content, tmp_path):
    """Return (area key, period, value by indicator) of a workbook, as our own reader sees it."""
    path = tmp_path / "read.xlsx"
    path.write_bytes(content)
    (submission,) = read_form(read_workbook(path), path.name)
    values = {cell.indicator: cell.obs_value for cell in submission.cells if cell.measure == "period"}
    return submission.area_key, submission.time_period, values


def test_communes_add_up_to_every_published_figure(splits):
    compared = {}
    catalogue = load_catalogue()
    for row in statements(kind=("stock", "flow", "classification")):
        item = catalogue[row["indicator"]]
        if item.form and not load_rules()[item.indicator].ceiling:
            _, figures = splits[row["ref_area"], row["time_period"]]
            compared[row["statement"]] = sum(values[item.indicator] for values in figures.values())
            assert compared[row["statement"]] == Decimal(row["obs_value"]), row["statement"]
    # Cẩm Thủy 1.288 and 119, Nghệ An 38.578 and 7.588, Quảng Trạch 234, 119 and 3331 are among them.
    assert {1288, 119, 38578, 7588, 234, 3331, 1420, 32, 16} <= set(compared.values())


def test_every_commune_has_one_steering_committee_so_480_cannot_be_true(splits):
    reported, figures = splits["40", "2023-S1"]
    assert len(reported.communes) == 460
    assert sum(values["self_mgmt_steering_committees"] for values in figures.values()) == 460


def test_published_percentages_come_out_of_the_counts(splits):
    parts = {row["indicator"]: row for row in read_seed("indicators")}
    for row in [*statements(kind="ratio"), *statements(kind="ratio", qualifier=">")]:
        _, figures = splits[row["ref_area"], row["time_period"]]
        part = parts[row["indicator"]]
        whole = sum(values.get(part["denominator"], 1) for values in figures.values())
        pct = 100 * Decimal(sum(values[part["numerator"]] for values in figures.values())) / whole
        stated = Decimal(row["obs_value"])
        assert stated < pct < 100 if row["qualifier"] == ">" else round(pct, 1) == stated, row["statement"]


def test_published_kinds_lie_between_the_largest_commune_and_the_sum(splits):
    for row in statements(kind="distinct_count"):
        _, figures = splits[row["ref_area"], row["time_period"]]
        kinds = [values[row["indicator"]] for values in figures.values()]
        assert max(kinds) <= Decimal(row["obs_value"]) <= sum(kinds), row["statement"]


def test_clean_figures_break_no_relation_of_the_catalogue(splits, broken_relations):
    broken = [
        (key, problem)
        for reported, figures in splits.values()
        for key, values in figures.items()
        for problem in broken_relations(values, reported.period)
    ]
    assert broken == []


def test_communes_of_july_2025_add_up_to_what_their_former_communes_would_have_had(splits):
    for district, before in (("390", "2021"), ("387", "2023"), ("454", "2019")):
        reported, figures = splits[district, "2025"]
        sums = {name: sum(one[name] for one in figures.values()) for name in ("households_total", "self_mgmt_teams")}
        sums_before = {name: sum(one[name] for one in splits[district, before][1].values()) for name in sums}
        assert {area.area_key for area in reported.forerunners} == set(splits[district, before][1])
        assert all(1 <= sums[name] / sums_before[name] < 1.15 for name in sums)
        assert all(key.endswith(".20250701") for key in figures)


def test_every_commune_in_force_reports_and_has_teams(splits):
    counts = {key: len(figures) for key, (_, figures) in splits.items()}
    assert counts == {
        ("390", "2021"): 17,
        ("387", "2023"): 12,
        ("387", "2024-Q1"): 12,
        ("454", "2019"): 18,
        ("40", "2023-S1"): 460,
        ("390", "2025"): 5,
        ("387", "2025"): 8,
        ("454", "2025"): 5,
    }
    assert all(values["self_mgmt_teams"] > 0 for _, figures in splits.values() for values in figures.values())


def test_every_workbook_but_a_cut_one_reads_back_as_it_was_filled(waves, splits, tmp_path):
    kinds = {(one.ref_area, one.time_period): one.kind for one in sample.load_mistakes()}
    of_communes = {
        (key, reported.period.code): figures
        for reported, communes in splits.values()
        for key, figures in communes.items()
    }
    unreadable, differing = 0, []
    for content in waves[0].values():
        try:
            key, period, values = figures_read(content, tmp_path)
        except UnreadableFile:
            unreadable += 1
            continue
        figures = of_communes.get((key, period), {})
        if values != {indicator: str(figures.get(indicator)) for indicator in values}:
            differing.append((key.split(".")[0], period))
    assert unreadable == list(kinds.values()).count("cut_off") == 2
    whole_file = ("missing", "cut_off", "sent_twice", "neighbours_form")
    wrong = [place for place, kind in kinds.items() if kind not in whole_file]
    neighbours = [(one.as_written, one.time_period) for one in sample.load_mistakes() if one.kind == "neighbours_form"]
    assert len(neighbours) == 1
    assert sorted(differing) == sorted(wrong + neighbours)


def test_the_second_wave_corrects_every_mistake_of_the_first(waves, splits, tmp_path):
    answered = set()
    for content in waves[1].values():
        key, period, values = figures_read(content, tmp_path)
        reported, figures = next(split for split in splits.values() if split[0].period.code == period)
        assert values == {
            indicator: str(value)
            for (indicator, measure), value in form_values(figures[key], reported.period).items()
            if measure == "period"
        }
        answered.add((key.split(".")[0], period))
    needing = {(one.ref_area, one.time_period) for one in sample.load_mistakes() if one.kind != "sent_twice"}
    assert answered == needing
    assert not set(waves[0].values()) & set(waves[1].values())


def test_mistakes_name_checks_that_exist_and_touch_three_periods():
    mistakes = sample.load_mistakes()
    assert {one.check_name for one in mistakes if one.check_name} <= set(load_checks())
    assert {one.time_period for one in mistakes} == {"2021", "2019", "2023-S1"}


def test_laying_out_twice_gives_the_same_bytes(waves, tmp_path):
    again = {str(path.relative_to(tmp_path)): path.read_bytes() for path in sample.lay_out_sample(tmp_path, 2)}
    assert again == waves[1]


def test_workbooks_name_no_author(waves):
    with ZipFile(BytesIO(next(iter(waves[1].values())))) as book:
        core = book.read("docProps/core.xml").decode()
    assert "<dc:creator></dc:creator><cp:lastModifiedBy></cp:lastModifiedBy>" in core
