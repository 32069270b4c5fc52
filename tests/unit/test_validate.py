"""The gates, judged by the real Great Expectations on a warehouse that the real models built."""

import json
import re
import shutil

import pandas
import pytest
from changed_marts import change

from tuquan import candidates, settings, transform, validate, warehouse
from tuquan.vocabulary.phrases import load_checks, phrase

PERIOD = "2021"


def unmet(outcome):
    return {result.check_name: result for result in outcome.unmet}


@pytest.fixture
def one_suite(tmp_path):
    """Write one suite that reads the open questions, as a folder of expectations."""

    def write(expectation):
        for gate in validate.GATES:
            (tmp_path / f"{gate}.yml").write_text("", encoding="utf-8")
        suite = {
            "name": "questions",
            "meta": {"reads": "open_questions", "gate": "marts", "keys": ["flag_id"]},
            "expectations": [expectation],
        }
        (tmp_path / "marts.yml").write_text(json.dumps(suite), encoding="utf-8")
        return tmp_path

    return write


def test_a_period_with_a_missing_report_needs_a_signature_and_says_whose(judged_home):
    outcome = validate.run_gates(PERIOD)
    missing = unmet(outcome)["every_owed_report_is_in"]
    assert outcome.gate_status == "needs_signature"
    assert (missing.unexpected_count, missing.judged_count) == (1, 17)
    assert missing.examples == [{"area_name_vi": "Xã Cẩm Liên", "ref_area": "15145", "status": "missing"}]
    assert missing.message(PERIOD) == "Kỳ Năm 2021: còn thiếu 1 trên 17 báo cáo phải có."


def test_an_open_critical_question_closes_the_gate_and_is_named_by_its_keys(judged_home):
    change(
        "insert into quality.flags by name select * replace ('f1' as flag_id, 'critical' as severity, true as is_open) "
        "from quality.flags where time_period = '2021' limit 1"
    )
    outcome = validate.run_gates(PERIOD)
    assert outcome.gate_status == "closed"
    assert [example["flag_id"] for example in unmet(outcome)["no_open_critical_question"].examples] == ["f1"]


def test_without_a_limit_open_questions_may_move_a_total_and_with_one_it_is_told_by_how_much(
    judged_home, monkeypatch, tmp_path
):
    change(
        "insert into quality.remaining_errors by name select '40' as ref_area, 'Tỉnh Nghệ An' as area_name_vi, "
        "'2021' as time_period, 'tips_received' as indicator, 10 as province_total, 1 as figures, "
        "1.3 as expected_error_pct"
    )
    unsure = unmet(validate.run_gates(PERIOD))["totals_are_certain_enough"]
    assert "có thể sai khoảng 1,30 %" in unsure.message(PERIOD)
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, seeds)
    thresholds = (seeds / "thresholds.csv").read_text()
    (seeds / "thresholds.csv").write_text(thresholds.replace("remaining_error_pct,1,", "remaining_error_pct,,"))
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    assert "totals_are_certain_enough" not in unmet(validate.run_gates(PERIOD))


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("update marts.province_observations set obs_value = -1 where indicator = 'households_total'",
         "figures_are_not_negative"),
        ("update marts.district_observations set obs_value = 101 where indicator = 'pct_households_pledged'",
         "percentages_lie_between_0_and_100"),
        ("update marts.commune_observations set obs_value = 700000 where indicator = 'households_total'",
         "figures_are_possible"),
        ("insert into marts.province_observations from marts.province_observations where time_period = '2021' limit 1",
         "one_figure_per_area_period_and_indicator"),
        ("update marts.commune_observations set obs_value = 50 where value_status = 'held'",
         "held_figures_are_not_published"),
        ("update marts.commune_observations set obs_value = 0 where value_status = 'missing'",
         "figures_without_a_value_are_blank"),
        ("update marts.commune_observations set value_status = 'fine' where indicator = 'households_total'",
         "published_figures_have_a_status"),
        ("update raw.cells set reading_rule = '' where cell = 'D14'", "every_loaded_cell_names_its_rule"),
        ("update raw.cells set obs_value = 50 where status = 'held'", "only_read_cells_have_a_figure"),
        ("update raw.arrivals set status = 'registered' where arrival_id = 1", "every_file_has_an_outcome"),
        (";".join(f"update marts.{level}_observations set time_period = ''" for level in candidates.OBSERVATIONS),
         "period_has_figures"),
    ],
)  # fmt: skip
def test_damage_closes_the_gate_under_its_own_name(judged_home, damage, check):
    change(damage)
    outcome = validate.run_gates(PERIOD)
    assert outcome.gate_status == "closed"
    assert check in unmet(outcome)
    assert "{" not in unmet(outcome)[check].message(PERIOD)


def test_cases_carried_over_may_exceed_100_per_cent_with_a_signature(judged_home):
    change("update marts.province_observations set obs_value = 120 where indicator = 'pct_mediation_success'")
    outcome = validate.run_gates(PERIOD)
    assert outcome.gate_status == "needs_signature"
    assert "percentages_above_100_are_explained" in unmet(outcome)


def test_results_and_candidate_are_recorded_together(judged_home):
    outcome = validate.run_gates(PERIOD)
    with warehouse.connect() as connection:
        results = candidates.newest_gate_results(connection, PERIOD)
        recorded = connection.execute("select digest, gate_status from meta.candidates").fetchall()
        assert candidates.current_digest(connection, PERIOD) == outcome.digest
    assert recorded == [(outcome.digest, "needs_signature")]
    assert len(results) == len(outcome.results)
    assert {result["gate"] for result in results} == set(validate.GATES)


@pytest.fixture(scope="module")
def digest(built_warehouse, tmp_path_factory):
    """The candidate that the gates see in the marts as they were built."""
    home = tmp_path_factory.mktemp("judged")
    (home / "warehouse").mkdir()
    shutil.copy(built_warehouse, home / "warehouse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(home))
        return validate.run_gates(PERIOD).digest


def test_judging_twice_gives_the_same_candidate(judged_home, digest):
    assert validate.run_gates(PERIOD).digest == digest
    assert validate.run_gates(PERIOD).digest == digest


@pytest.mark.parametrize(
    "later",
    [
        "update raw.cells set raw_text = '51' where cell = 'D14'",
        "update marts.commune_observations set obs_value = obs_value + 1 where indicator = 'households_total'",
        "insert into meta.decisions values (1, now(), 'x', 'f', 'c', '15127', '2021', 'i', 1, 'confirm', null, 'x')",
        "update quality.flags set is_open = false where time_period = '2021'",
    ],
)
def test_any_change_makes_another_candidate(judged_home, digest, later):
    change(later)
    assert validate.run_gates(PERIOD).digest != digest


def test_another_order_of_arrival_is_the_same_candidate(judged_home, digest):
    change(
        "update raw.arrivals set arrival_id = 100 - arrival_id, received_at = received_at + interval 1 day",
        "update raw.submissions set arrival_id = 100 - arrival_id",
        "update raw.findings set arrival_id = 100 - arrival_id",
    )
    assert validate.run_gates(PERIOD).digest == digest


def test_an_expectation_that_raises_is_broken_machinery_and_not_a_finding(judged_home, one_suite, monkeypatch):
    folder = one_suite(
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "no_such_column"},
            "severity": "critical",
            "meta": {"check": "keys_are_present"},
        }
    )
    suites = validate.load_suites(folder)
    monkeypatch.setattr(validate, "load_suites", lambda: suites)
    with pytest.raises(validate.GateError, match=r"questions.*no_such_column"):
        validate.run_gates(PERIOD)
    with warehouse.connect() as connection:
        assert connection.execute("select count(*) from meta.candidates").fetchone() == (0,)


@pytest.mark.parametrize(
    ("exception_info", "said"),
    [
        ({"raised_exception": True, "exception_message": "boom", "exception_traceback": "..."}, "boom"),
        ({"metric 1": {"raised_exception": True, "exception_message": "boom"}}, "boom"),
        ({"raised_exception": False, "exception_message": None, "exception_traceback": None}, ""),
        ({}, ""),
    ],
)
def test_both_shapes_of_a_raised_exception_are_seen(exception_info, said):
    assert validate._raised(exception_info) == said


def test_a_suite_that_names_an_unknown_check_is_refused(one_suite):
    folder = one_suite(
        {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {},
            "severity": "critical",
            "meta": {"check": "nope"},
        }
    )
    with pytest.raises(validate.GateError, match=r"marts\.yml.*'nope'.*checks\.csv"):
        validate.load_suites(folder)


def test_each_gate_check_has_its_line_its_sentence_and_its_expectation():
    lines = {name for name, check in load_checks().items() if check.stage == "gate"}
    used = {item["meta"]["check"] for suite in validate.load_suites() for item in suite.expectations}
    assert used == lines
    assert all(phrase(f"gate_check.{name}") for name in used)


def test_ids_of_expectations_are_stable_and_unique():
    first, second = ([item["id"] for suite in validate.load_suites() for item in suite.expectations] for _ in "ab")
    assert first == second
    assert len(set(first)) == len(first)


def test_data_docs_open_without_a_network_and_are_the_same_twice(judged_home):
    folder = judged_home.review / PERIOD / "data-docs"
    validate.run_gates(PERIOD)
    first = {page.name: page.read_text(encoding="utf-8") for page in folder.iterdir()}
    validate.run_gates(PERIOD)
    assert first == {page.name: page.read_text(encoding="utf-8") for page in folder.iterdir()}
    assert set(first) == {"index.html", *(f"{suite.name}.html" for suite in validate.load_suites())}
    for page in first.values():
        assert not re.search(r"https?:|<script|src=", page)
    assert "còn thiếu 1 trên 17 báo cáo" in first["index.html"]
    assert "Xã Cẩm Liên" in first["index.html"]
    assert "Observed Value" in first["owed_reports.html"]


def test_a_period_that_was_not_built_is_told_what_to_do(home):
    with pytest.raises(validate.GateError, match="build it first"):
        validate.run_gates(PERIOD)


def test_a_mart_can_be_read_by_its_name(judged_home):
    with warehouse.connect() as connection:
        frame = validate._frame(connection, "marts.province_observations", PERIOD)
    assert isinstance(frame, pandas.DataFrame)
    assert set(frame["time_period"]) == {PERIOD}


def test_a_frame_keeps_each_text_once_and_a_blank_blank(judged_home):
    query = "select indicator, area_name_vi, nullif(indicator, 'teams_new') as gap from marts.commune_observations"
    with warehouse.connect() as connection:
        frame = warehouse.frame(connection, query + " where $time_period = time_period", {"time_period": PERIOD})
    texts = frame["area_name_vi"]
    assert texts.dtype == "category"
    assert len(texts.cat.categories) == 17
    assert set(frame.loc[frame["gap"].isna(), "indicator"]) == {"teams_new"}


def test_after_a_broken_build_the_marts_are_of_no_inputs_also_when_these_come_back(judged_home, monkeypatch):
    transform.ensure_built(PERIOD)

    def break_down(*arguments):
        raise transform.BuildFailed

    with monkeypatch.context() as patch:
        patch.setattr("tuquan.inputs.seeds_digest", lambda: "another")
        patch.setattr("tuquan.transform.run_dbt", break_down)
        with pytest.raises(transform.BuildFailed):
            transform.build(PERIOD)
    with pytest.raises(transform.NotBuilt, match="tuquan build --period 2021"):
        transform.ensure_built(PERIOD)
    runs = []
    monkeypatch.setattr("tuquan.transform.run_dbt", lambda *arguments: runs.append(arguments) or [])
    transform.build(PERIOD)
    transform.ensure_built(PERIOD)
    assert len(runs) == 1


def test_the_gates_judge_what_the_build_left(judged_home):
    transform.build(PERIOD)
    validate.run_gates(PERIOD)
    with warehouse.connect() as connection:
        built = connection.execute("select period_digest from meta.builds").fetchone()
        assert connection.execute("select distinct period_digest from meta.gate_results").fetchall() == [built]
