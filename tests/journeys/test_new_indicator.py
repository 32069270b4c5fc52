"""The acid test: one new line in indicators.csv brings an indicator into form, reader, marts, checks and exports."""

import csv
import json
import shutil

import openpyxl
import pytest
from typer.testing import CliRunner

from tuquan import settings
from tuquan.cli import app
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

QUARTER, OTHER_QUARTER = parse_period("2024-Q1"), parse_period("2026-Q1")
NEW = {
    "indicator": "night_lamps",
    "name_vi": "Số đèn chiếu sáng an ninh",
    "name_en": "Security lamps",
    "indicator_group": "cameras",
    "statistical_kind": "stock",
    "unit_measure": "đèn",
    "unit_measure_en": "lamp",
    "form": "TQ01",
    "form_order": "9990",
    "frequency": "quarter",
    "rollup_areas": "sum",
    "rollup_time": "last",
    "value_min": "0",
    "value_max": "10000",
    "typical_max": "500",
    "whole": "cameras_total",
    "whole_severity": "critical",
    "decimals": "0",
    "is_sensitive": "false",
    "definition_vi": "Đèn do Nhân dân lắp, đang sáng ở cuối kỳ",
    "definition_en": "Lamps put up by residents, lit at period end",
    "support": "proposal",
    "source": "test",
}


@pytest.fixture
def seeds_with_a_new_line(home, tmp_path, monkeypatch):
    copy = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, copy)
    with (copy / "indicators.csv").open(encoding="utf-8", newline="") as file:
        columns = csv.DictReader(file).fieldnames
    with (copy / "indicators.csv").open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, restval="", lineterminator="\n").writerow(NEW)
    monkeypatch.setenv("TUQUAN_SEEDS", str(copy))
    return copy


def test_one_new_line_is_a_new_indicator_everywhere(home, seeds_with_a_new_line):
    runner = CliRunner()
    home.inbox.mkdir(parents=True)
    communes = load_register().communes("387", QUARTER.end)
    for commune in communes:
        values = {("night_lamps", "period"): 10, ("cameras_total", "period"): 30}
        write_form(home.inbox / f"{commune.ref_area}.xlsx", commune, QUARTER, values=values)
    doubtful = load_register().communes("38", OTHER_QUARTER.end)[0]
    values = {("night_lamps", "period"): 600, ("cameras_total", "period"): 30}
    write_form(home.inbox / "khó tin.xlsx", doubtful, OTHER_QUARTER, values=values)

    form = openpyxl.load_workbook(home.inbox / f"{communes[0].ref_area}.xlsx").worksheets[0]
    assert NEW["name_vi"] in {cell.value for cell in form["C"]}
    for words in (["collect"], ["build"], ["gate", "--period", QUARTER.code]):
        assert runner.invoke(app, words).exit_code == 0, words
    questions = json.loads(runner.invoke(app, ["flags", "--json"]).stdout)
    asked = {flag["check_name"] for question in questions for flag in question["flags"]}
    assert {"parts_do_not_exceed_whole", "value_is_in_usual_range"} <= asked

    assert runner.invoke(app, ["approve", "--period", QUARTER.code, "--by", "Trưởng phòng"]).exit_code == 0
    assert runner.invoke(app, ["publish", "--period", QUARTER.code]).exit_code == 0
    answer = runner.invoke(
        app,
        [
            *("sql", "--json"),
            "select obs_value, unit_measure from marts.district_observations where indicator = 'night_lamps'",
        ],
    )
    assert json.loads(answer.stdout) == [{"obs_value": 120, "unit_measure": "đèn"}]
    book = openpyxl.load_workbook(home.releases / "latest" / "bang-so-lieu.xlsx")
    printed = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)}
    assert any(NEW["name_vi"] in text for text in printed)
