"""Decisions about flags, on marts that the real models build."""

import shutil
from decimal import Decimal

import pytest
from made_once import lay_out_parsed_models

from tuquan import review, settings, transform, validate, warehouse

PERIOD = "2021"
CHECK = "parts_do_not_exceed_whole"
COMMUNES = ONE, OTHER = ("15127", "15133")


@pytest.fixture(scope="module")
def built(built_warehouse, parsed_models, tmp_path_factory):
    """Return a function that gives a test a home in which other figures came, built once for all who ask for them."""
    made = {}

    def lay_out(home, send):
        if send not in made:
            begun = tmp_path_factory.mktemp(send.__name__) / "home"
            shutil.copytree(built_warehouse.parent, begun / "warehouse", ignore=shutil.ignore_patterns("dbt"))
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TUQUAN_HOME", str(begun))
                lay_out_parsed_models(parsed_models)
                send()
                transform.build(PERIOD)
            made[send] = begun
        shutil.copytree(made[send], home.home, ignore=shutil.ignore_patterns("dbt"), dirs_exist_ok=True)
        lay_out_parsed_models(parsed_models)

    return lay_out


def send_too_many_cameras():
    with warehouse.connect() as connection:
        for indicator, value in (("cameras_total", 30), ("cameras_working", 90)):
            connection.execute(
                "update raw.cells set obs_value = ?, status = 'read', raw_type = 'number' where indicator = ? "
                "and submission_id in (select submission_id from raw.submissions where ref_area in (?, ?))",
                [value, indicator, *COMMUNES],
            )
        connection.execute("update raw.submissions set version = version + 1")


@pytest.fixture
def too_many_cameras(home, built):
    """Two communes report 90 working cameras of 30 each."""
    built(home, send_too_many_cameras)
    return cameras()


def build():
    """Build, and return what ``cameras`` does."""
    transform.build(PERIOD)
    return cameras()


def cameras():
    """Return of each commune the flag about its working cameras and their number in the marts."""
    flags = {
        flag["ref_area"]: flag
        for flag in review.open_flags(PERIOD, with_closed=True)
        if (flag["check_name"], flag["indicator"]) == (CHECK, "cameras_working")
    }
    with warehouse.connect() as connection:
        values = dict(
            connection.execute(
                "select ref_area, obs_value from marts.commune_observations where indicator = 'cameras_working'"
            ).fetchall()
        )
    return [(flags[commune], values[commune]) for commune in COMMUNES]


def decide(flag, choice, value=None):
    review.decide(flag["flag_id"], choice, "đã hỏi xã", "Cán bộ A", value)


@pytest.mark.slow
def test_a_change_taken_back_after_a_killed_build_leaves_no_total_of_it(too_many_cameras, monkeypatch):
    (one, _), _ = too_many_cameras
    run_dbt = transform.run_dbt

    def be_killed_after_the_totals(*arguments):
        run_dbt("run", "--select", "+int_area_totals")
        raise KeyboardInterrupt

    decide(one, "correct", Decimal(9))
    with monkeypatch.context() as patch:
        patch.setattr(transform, "run_dbt", be_killed_after_the_totals)
        with pytest.raises(KeyboardInterrupt):
            transform.build(PERIOD)
    decide(one, "confirm")
    build()
    with warehouse.connect() as connection:
        (of_communes,) = connection.execute(
            "select sum(obs_value) from marts.commune_observations where indicator = 'cameras_working'"
        ).fetchone()
        (of_districts,) = connection.execute(
            "select sum(obs_value) from marts.district_observations where indicator = 'cameras_working'"
        ).fetchone()
    assert of_districts == of_communes


@pytest.mark.slow
def test_a_period_without_any_figure_keeps_no_total(judged_home, with_parsed_models):
    with warehouse.connect() as connection:
        connection.execute("delete from raw.cells")
        connection.execute("update raw.submissions set version = version + 1")
    transform.build(PERIOD)
    with warehouse.connect() as connection:
        known = connection.execute(
            "select distinct indicator from marts.district_observations where obs_value is not null or areas_held > 0"
        ).fetchall()
    assert known == [("communes_total",)]


@pytest.mark.slow
def test_a_corrected_value_is_judged_anew_and_the_newest_decision_counts(too_many_cameras):
    (one, _), (other, _) = too_many_cameras
    assert [flag["severity"] for flag in (one, other)] == ["critical", "critical"]
    for impossible in ("NaN", "-1", "1e30", "1.5"):
        with pytest.raises(ValueError, match="no value that cameras_working can have"):
            decide(one, "correct", Decimal(impossible))
    decide(one, "correct", Decimal(60))
    decide(other, "correct", Decimal(9))
    (wrong_again, value), (corrected, other_value) = build()
    assert (wrong_again["is_open"], wrong_again["obs_value"], value) == (True, 60, 60)
    assert (corrected["is_open"], corrected["decision"], other_value) == (False, "correct", 9)
    decide(wrong_again, "correct", Decimal(9))
    decide(corrected, "return")
    (corrected_again, value), (returned, other_value) = build()
    assert (corrected_again["is_open"], corrected_again["decision"], value) == (False, "correct", 9)
    assert (returned["is_open"], returned["decision"], other_value) == (False, "return", None)


def test_a_published_statement_can_only_be_confirmed(judged_home):
    (statement,) = review.open_flags("2023-S1")
    for choice, value in (("correct", Decimal(460)), ("return", None)):
        with pytest.raises(ValueError, match="can only be confirmed"):
            review.decide(statement["flag_id"], choice, "đã hỏi tỉnh", "Cán bộ A", value)
    review.decide(statement["flag_id"], "confirm", "đã hỏi tỉnh", "Cán bộ A")


def report(ref_area, **values):
    """Let a commune send other figures; what it does not name stays."""
    with warehouse.connect() as connection:
        for indicator, value in values.items():
            connection.execute(
                "update raw.cells set obs_value = ?, status = 'read', raw_type = 'number' where indicator = ? "
                "and submission_id in (select submission_id from raw.submissions where ref_area = ?)",
                [value, indicator, ref_area],
            )
        connection.execute("update raw.submissions set version = version + 1")


def sent(ref_area, *indicators):
    with warehouse.connect() as connection:
        return [
            connection.execute(
                "select obs_value from raw.cells inner join raw.submissions using (submission_id) "
                "where ref_area = ? and indicator = ?",
                [ref_area, indicator],
            ).fetchone()[0]
            for indicator in indicators
        ]


def about(ref_area):
    return [question for question in review.open_questions(PERIOD) if question["ref_area"] == ref_area]


def events():
    with warehouse.connect() as connection:
        return connection.execute(
            "select event, count(*) from meta.questions where ref_area = ? group by event order by event", [ONE]
        ).fetchall()


HUNDREDFOLD = ("leaflets_distributed", "online_posts", "loudspeaker_broadcasts")


def send_hundredfold():
    report(ONE, **{indicator: value * 100 for indicator, value in right_figures().items()})


def right_figures():
    return dict(zip(HUNDREDFOLD, sent(ONE, *HUNDREDFOLD), strict=True))


@pytest.fixture
def hundredfold(judged_home, built):
    """One commune reports three figures a hundred times too high. Returns them as they should be."""
    right = right_figures()
    built(judged_home, send_hundredfold)
    return right


@pytest.mark.slow
def test_one_mistake_in_one_report_is_one_question_until_the_figures_change(hundredfold):
    (question,) = about(ONE)
    assert (question["figures"], question["suspected_cause"], question["state"]) == (3, "scale_error", "new")
    assert question["is_needed"]
    assert question["message_vi"].endswith("(Cùng lỗi này còn 2 số khác trong báo cáo.)")
    flags = {flag["indicator"]: flag for flag in review.open_flags(PERIOD) if flag["ref_area"] == ONE}
    assert {indicator: flag["suggested_value"] for indicator, flag in flags.items()} == hundredfold
    assert all(flag["score"] > Decimal("0.9") for flag in flags.values())

    outcome = validate.run_gates(PERIOD)
    unsure = next(result for result in outcome.unmet if result.check_name == "totals_are_certain_enough")
    assert (outcome.gate_status, unsure.unexpected_count) == ("closed", 3)
    assert "% vì còn câu hỏi chưa trả lời" in unsure.message(PERIOD)
    summary = review.write_review_list(PERIOD).read_text()
    assert "4 mới, 0 đã hỏi" in summary
    assert f"\n- {unsure.message(PERIOD)}\n" in summary  # why the gate is closed
    assert "Chỉ cần trả lời 1 câu đầu" in summary

    with pytest.raises(ValueError, match="about 3 figures; correct each of them"):
        review.decide(question["question_id"], "correct", "đã hỏi xã", "Cán bộ A", Decimal(5))
    assert review.decide(question["question_id"][:12], "confirm", "chiến dịch lớn", "Cán bộ A") == 3
    transform.build(PERIOD)
    assert about(ONE) == []
    answered = [flag for flag in review.open_flags(PERIOD, with_closed=True) if flag["ref_area"] == ONE]
    assert {(flag["decision"], flag["suspected_cause"]) for flag in answered} == {("confirm", "scale_error")}
    assert validate.run_gates(PERIOD).gate_status == "needs_signature"
    assert (
        "0 mới, 3 đã hỏi còn chờ trả lời; từ lần trước đã trả lời 3 số" in review.write_review_list(PERIOD).read_text()
    )

    # Two of them stay what was confirmed. The third is another one now, and so is the question about it.
    report(ONE, leaflets_distributed=hundredfold["leaflets_distributed"] * 1000)
    transform.build(PERIOD)
    (again,) = about(ONE)
    assert (again["figures"], again["indicator"], again["state"]) == (1, "leaflets_distributed", "new")
    review.write_review_list(PERIOD)
    report(ONE, leaflets_distributed=hundredfold["leaflets_distributed"])
    transform.build(PERIOD)
    review.write_review_list(PERIOD)
    assert about(ONE) == []
    assert events() == [("answered", 3), ("asked", 4), ("gone", 1)]


@pytest.mark.slow
def test_an_event_is_confirmed_before_it_is_asked_about(judged_home, with_parsed_models):
    with pytest.raises(ValueError, match="has reported nothing for 2021 of: no_such_indicator"):
        review.confirm_event(ONE, PERIOD, ["leaflets_distributed", "no_such_indicator"], "chiến dịch", "Cán bộ A")
    with pytest.raises(ValueError, match="names its reason"):
        review.confirm_event(ONE, PERIOD, ["leaflets_distributed"], " ", "Cán bộ A")
    right = dict(zip(HUNDREDFOLD, sent(ONE, *HUNDREDFOLD), strict=True))
    report(ONE, **{indicator: value * 100 for indicator, value in right.items()})
    # The attendances do not go with these sessions either, but the sessions are the less likely ones.
    report(OTHER, propaganda_sessions=sent(OTHER, "propaganda_sessions")[0] * 100)
    transform.build(PERIOD)
    assert review.confirm_event(ONE, PERIOD, HUNDREDFOLD, "chiến dịch", "Cán bộ A") == 3
    transform.build(PERIOD)
    assert about(ONE) == []
    assert [(question["indicator"], question["figures"]) for question in about(OTHER)] == [("propaganda_sessions", 1)]


@pytest.mark.slow
def test_a_budget_of_false_alarms_leaves_only_the_surest_questions(
    judged_home, with_parsed_models, monkeypatch, tmp_path
):
    right = sent(ONE, "leaflets_distributed")[0]
    report(ONE, leaflets_distributed=right * 100)
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, seeds)
    thresholds = (seeds / "thresholds.csv").read_text()
    (seeds / "thresholds.csv").write_text(
        thresholds.replace("false_alarms_per_10000,,", "false_alarms_per_10000,0.0000001,")
    )
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    transform.build(PERIOD)
    assert about(ONE) == []


@pytest.mark.slow
def test_one_build_takes_the_answers_of_all_periods(judged_home, with_parsed_models):
    def let_report(time_period):
        with warehouse.connect() as connection:
            for table in ("raw.submissions", "raw.cells"):
                numbers = "submission_id || '-2' as submission_id, report_number + 1000 as report_number"
                period = f", '{time_period}' as time_period" if table == "raw.submissions" else ""
                connection.execute(
                    f"insert into {table} by name select * replace ({numbers}{period}) from {table} "
                    "where submission_id in (select submission_id from raw.submissions where time_period = ?)",
                    [PERIOD],
                )

    report(ONE, cameras_total=30, cameras_working=90)
    let_report("2020")
    transform.build(PERIOD)
    asked = [flag for flag in review.open_flags() if (flag["check_name"], flag["ref_area"]) == (CHECK, ONE)]
    assert sorted(flag["time_period"] for flag in asked) == ["2020", PERIOD]
    for flag in asked:
        decide(flag, "confirm")
    assert set(transform.periods_with_news()) >= {"2020", PERIOD}
    transform.build(PERIOD)
    assert [flag for flag in review.open_flags() if (flag["check_name"], flag["ref_area"]) == (CHECK, ONE)] == []


@pytest.mark.slow
def test_questions_of_a_period_released_under_other_checks_stay(judged_home, with_parsed_models, monkeypatch, tmp_path):
    with warehouse.connect() as connection:
        connection.execute(
            "insert into quality.flags by name select * replace ('old one' as flag_id, 'check_of_old' as check_name, "
            "null as incident_id, null as score, true as is_open) from quality.flags limit 1"
        )
        connection.execute("update quality.flags set time_period = ? where flag_id = 'old one'", [PERIOD])
        connection.execute("insert into meta.releases values (?, 1, 'd', 'c', 'Cán bộ A', '2022-01-01')", [PERIOD])
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, seeds)
    (seeds / "thresholds.csv").write_text((seeds / "thresholds.csv").read_text().replace("digits,3", "digits,2"))
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    transform.build("2020")
    assert "old one" in [question["question_id"] for question in review.open_questions(PERIOD)]
    review.write_review_list(PERIOD)
    assert review.decide("old one", "confirm", "đã hỏi xã", "Cán bộ A") == 1


def test_an_id_that_begins_two_questions_answers_neither(judged_home):
    with warehouse.connect() as connection:
        connection.execute("update quality.flags set is_open = false")
        for flag_id, incident_id in (("a1", "b1"), ("a2", "b1"), ("b2", "c1")):
            connection.execute(
                "insert into quality.flags by name select * replace (? as flag_id, ? as incident_id, "
                "obs_value + 1 as obs_value) from quality.flags where level = 'statement' limit 1",
                [flag_id, incident_id],
            )
    for several in ("a", "b", ""):
        with pytest.raises(review.NoSuchFlag, match="questions have an id that begins with"):
            review.decide(several, "confirm", "đã hỏi tỉnh", "Cán bộ A")
    assert review.decide("b1", "confirm", "đã hỏi tỉnh", "Cán bộ A") == 2  # all its figures, though none is open now
    assert review.decide("a1", "confirm", "đã hỏi tỉnh", "Cán bộ A") == 1


def test_a_question_is_kept_in_the_words_in_which_it_was_last_put(judged_home):
    def put():
        review.write_review_list("2023-S1")
        with warehouse.connect() as connection:
            rows = connection.execute(
                "select message_vi from meta.questions where time_period = '2023-S1' order by listed_at"
            ).fetchall()
        return [message for (message,) in rows]

    (first,) = put()
    with warehouse.connect() as connection:
        connection.execute("update quality.flags set message_vi = 'Đề nghị xem lại.' where time_period = '2023-S1'")
    assert put() == [first, "Đề nghị xem lại."]
    assert put() == [first, "Đề nghị xem lại."]


@pytest.mark.slow
def test_a_correction_that_is_no_likelier_is_asked_about_again(hundredfold):
    right = hundredfold["loudspeaker_broadcasts"]
    (flag,) = (
        flag
        for flag in review.open_flags(PERIOD)
        if (flag["ref_area"], flag["indicator"]) == (ONE, "loudspeaker_broadcasts")
    )
    decide(flag, "correct", right * 200)
    transform.build(PERIOD)
    asked = {flag["indicator"]: flag["obs_value"] for flag in review.open_flags(PERIOD) if flag["ref_area"] == ONE}
    assert asked["loudspeaker_broadcasts"] == right * 200
