"""Decisions that come as files: each applied once or refused in words, on marts that the real models build."""

import json
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pytest
from changed_marts import change

from tuquan import publish, receipts, review, snapshot, validate, verdicts, warehouse
from tuquan.verdicts import Verdict
from tuquan.vocabulary.phrases import number_vi

PERIOD = "2021"
COMMUNE = "15127"
FLAG = "f" * 32
NEWER_REPORT = (
    "insert into raw.submissions by name select * replace ('newer' as submission_id, 999 as report_number) "
    "from raw.submissions where ref_area = '{commune}'"
)


@pytest.fixture
def asked(judged_home):
    """One figure of one commune is asked about, and the page shows it. Returns the figure."""
    with warehouse.connect() as connection:
        connection.execute(
            "insert into quality.flags by name "
            "select ? as flag_id, ? as incident_id, 'figure_is_plausible' as check_name, 'area' as level, "
            "'warning' as severity, ref_area, area_key, 'commune' as area_level, area_name_vi, calendar, time_period, "
            "indicator, obs_value, 0.9 as score, 35 as suggested_value, province_area, obs_value - 35 as "
            "impact_on_province, submission_id, sheet, cell, 'Có phải là 35?' as message_vi, true as is_open "
            "from intermediate.int_commune_figures where ref_area = ? and indicator = 'leaflets_distributed'",
            [FLAG, FLAG, COMMUNE],
        )
        connection.execute(
            "insert into quality.open_questions by name select flag_id as question_id, time_period, 99 as place, "
            "severity, 'new' as state, ref_area, area_name_vi, indicator, 1 as figures, 0.5 as priority, "
            "true as is_needed, message_vi from quality.flags where flag_id = ?",
            [FLAG],
        )
    review.write_review_list(PERIOD)
    return on_page().figures[0]


def on_page():
    """Return the question as the page shows it."""
    return next(one for one in snapshot.read(PERIOD).questions if one.figures[0].flag_id == FLAG)


def verdict(figure, number=1, **others):
    usual = {
        "form_id": f"form {number}",
        "time_period": PERIOD,
        "question_id": FLAG,
        "area_name_vi": "Thị trấn Phong Sơn",
        "choice": "confirm",
        "reason": "Đã gọi xã",
        "decided_by": "Cán bộ A",
        "decided_at": verdicts.now() + timedelta(seconds=number),
        "digest": None,
        "expected": {FLAG: figure.obs_value},
        "new_values": {},
    }
    return Verdict(**{**usual, **others})


def decided():
    with warehouse.connect() as connection:
        return connection.execute(
            "select choice, new_value, expected_value, decided_by from meta.decisions order by decision_id"
        ).fetchall()


def test_a_question_is_shown_with_its_place_its_past_and_what_it_does_to_the_totals(asked):
    assert (asked.sheet, asked.cell[0], asked.indicator_name_vi) == ("Biểu TQ01", "D", "Tờ rơi, tài liệu đã phát")
    assert asked.district.total - asked.district.changed_total == asked.obs_value - 35
    assert asked.province.area_name_vi == "Tỉnh Thanh Hóa"
    assert asked.series[-1].obs_value == asked.obs_value
    seen = snapshot.read(PERIOD)
    report = seen.reports[on_page().report]
    assert (report.ref_area, report.file) == (COMMUNE, f"TQ01_{COMMUNE}_2021.xlsx")
    assert {gap.area_name_vi: gap.status for gap in seen.gaps} == {"Xã Cẩm Liên": "missing", "Xã Cẩm Lương": "held"}


def test_each_decision_is_applied_once_and_in_order_also_after_a_kill(asked, monkeypatch):
    assert verdicts.put(verdict(asked, 2, choice="correct", new_values={FLAG: Decimal(35)}))
    assert verdicts.put(first := verdict(asked, 1))
    assert not verdicts.put(first)
    with monkeypatch.context() as patch:
        patch.setattr(verdicts, "is_applied", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            review.apply_verdicts()
    assert len(verdicts.waiting()) == 2  # applied, and killed before anybody knew
    assert review.apply_verdicts() == [PERIOD]
    assert verdicts.waiting() == []
    assert not verdicts.put(first)
    assert review.apply_verdicts() == []
    assert [(choice, value) for choice, value, *_ in decided()] == [("confirm", None), ("correct", 35)]
    answer = on_page().figures[0].answer
    assert (answer.choice, answer.new_value, answer.decided_by) == ("correct", 35, "Cán bộ A")
    assert snapshot.read(PERIOD).deciders == ["Cán bộ A"]


@pytest.mark.parametrize(
    ("others", "later", "sentence"),
    [
        ({}, "update quality.flags set obs_value = 36 where flag_id = '{flag}'", "nay là 36"),
        ({}, "delete from quality.flags where flag_id = '{flag}'", "không còn trong danh sách"),
        (
            {},
            NEWER_REPORT,
            "Xã vừa gửi bản mới",
        ),
        ({"choice": "correct", "new_values": {FLAG: Decimal("1.5")}}, "select 1", "no value that leaflets_distributed"),
        ({"choice": "correct"}, "select 1", "a new value for each figure"),
        ({"new_values": {FLAG: Decimal(35)}}, "select 1", "a new value for each figure"),
        ({"choice": "correct", "new_values": {"0" * 32: Decimal(35)}}, "select 1", "a new value for each figure"),
    ],
)
def test_what_was_overtaken_or_is_impossible_is_refused_in_words_and_changes_nothing(asked, others, later, sentence):
    verdicts.put(verdict(asked, **others))
    with warehouse.connect() as connection:
        connection.execute(later.format(flag=FLAG, commune=COMMUNE))
    assert review.apply_verdicts() == []
    assert decided() == []
    (refusal,) = snapshot.read(PERIOD).refusals
    assert sentence in refusal.message_vi
    assert (refusal.area_name_vi, refusal.decided_by) == ("Thị trấn Phong Sơn", "Cán bộ A")


def test_what_goes_back_to_a_commune_is_named_in_its_digest_until_it_sends_something_else(asked, home):
    verdicts.put(verdict(asked, choice="return", reason="Gấp năm mươi lần kỳ trước"))
    review.apply_verdicts()
    assert receipts.write_returned() == 1
    (digest,) = home.receipts.rglob("Tổng hợp.txt")
    assert "15127" in digest.parent.name
    line = f"ô {asked.cell}: “Tờ rơi, tài liệu đã phát” ghi {number_vi(asked.obs_value)}. Hạn trả lời: hết ngày "
    assert line in digest.read_text()
    assert ". Lý do: Gấp năm mươi lần kỳ trước\n" in digest.read_text()
    verdicts.put(verdict(asked, 2, reason="Xã đã giải thích"))
    review.apply_verdicts()
    assert receipts.write_returned() == 0


@pytest.mark.parametrize("wrong", [{"choice": "delete"}, {"reason": " "}, {"time_period": "../2021"}])
def test_a_file_that_nobody_could_apply_is_not_written(home, wrong):
    figure = type("Figure", (), {"obs_value": Decimal(1)})
    with pytest.raises(ValueError, match="choice, a period and a reason"):
        verdicts.put(verdict(figure, **wrong))
    assert verdicts.waiting() == []


def test_four_eyes_see_a_release(asked):
    digest = validate.run_gates(PERIOD).digest
    review.decide(FLAG, "confirm", "đã hỏi xã", "Cán bộ A")
    for name in ("Cán bộ A", "  CÁN  bộ a "):
        with pytest.raises(review.SamePerson, match="đã quyết định"):
            review.record_approval(PERIOD, digest, name, approved=True)
        assert review.keep_answer(PERIOD, digest, name, approved=True) is False
    assert snapshot.read(PERIOD).approvals == []
    assert review.keep_answer(PERIOD, digest, "Cán bộ A", approved=False) is False  # anybody may say no
    assert review.keep_answer(PERIOD, digest, "Trưởng phòng", approved=True) is True
    assert [one.approver for one in snapshot.read(PERIOD).approvals] == ["Trưởng phòng", "Cán bộ A"]


def test_an_approval_that_is_stale_names_the_cells_and_a_release_its_gaps(judged_home):
    digest = validate.run_gates(PERIOD).digest
    summary = review.write_review_list(PERIOD).read_text()
    assert "**Bản sơ bộ**: chưa có báo cáo của 1 đơn vị (Xã Cẩm Liên); 1 số đang giữ lại" in summary
    review.record_approval(PERIOD, digest, "Trưởng phòng", approved=True)
    release = publish.publish(PERIOD)
    gaps = json.loads((release / "manifest.json").read_text())["gaps"]
    assert [(gap["area_name_vi"], gap["status"]) for gap in gaps] == [
        ("Xã Cẩm Lương", "held"),
        ("Xã Cẩm Liên", "missing"),
    ]
    cover = openpyxl.load_workbook(release / "bang-so-lieu.xlsx")["Bìa"]
    assert [cell.value for cell in cover["A"] if (cell.value or "").startswith("Bản sơ bộ: còn thiếu")]
    assert "Đây là bản sơ bộ" in publish.announce(PERIOD).read_text()
    seen = snapshot.read(PERIOD)
    assert (seen.is_released, seen.stale, [one.is_preliminary for one in seen.releases]) == (True, None, [True])

    one = f"ref_area = '{COMMUNE}' and indicator = 'models_total'"
    with warehouse.connect() as connection:
        (before,) = connection.execute(f"select obs_value from marts.commune_observations where {one}").fetchone()
    change(f"update marts.commune_observations set obs_value = obs_value + 5 where {one}")
    validate.run_gates(PERIOD)
    review.write_review_list(PERIOD)
    seen = snapshot.read(PERIOD)
    assert (seen.is_current, seen.is_released) == (True, False)
    assert (seen.stale.approval.approver, seen.stale.parts, seen.stale.cells) == ("Trưởng phòng", ["figures"], 1)
    (cell,) = seen.stale.changes
    assert (cell.area_name_vi, cell.before, cell.after) == ("Thị trấn Phong Sơn", before, before + 5)
