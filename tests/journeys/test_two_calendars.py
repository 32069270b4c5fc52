"""A second form runs in the other calendar, from the blank form to the marts, and its series never meet the first's."""

import csv
import shutil
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

import pytest
from typer.testing import CliRunner

from tuquan import settings, warehouse
from tuquan.cli import app
from tuquan.handout import write_owed_forms
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.evidence import read_workbook
from tuquan.workbook.stamp import stamp_from_properties
from tuquan.workbook.template import write_form

MONTHS = ("2024-M01", "2024-M02", "2024-M03")
DRILLS, GATES = "fire_drills", "quiet_gates"


@pytest.fixture
def seeds_with_a_statistical_form(home, tmp_path, monkeypatch):
    """Seeds where Quan Sơn owes both forms every month of the first quarter of 2024."""
    seeds = shutil.copytree(settings.load().seeds, tmp_path / "seeds")
    with (seeds / "indicators.csv").open(encoding="utf-8", newline="") as file:
        columns = csv.DictReader(file).fieldnames
    common = {
        **{"indicator_group": "propaganda", "unit_measure": "lần", "unit_measure_en": "times", "form": "TQ02"},
        **{"frequency": "month", "rollup_areas": "sum", "value_min": "0", "value_max": "900", "typical_max": "90"},
        **{"decimals": "0", "is_size": "false", "is_sensitive": "false", "support": "proposal", "source": "test"},
    }
    drills = {"name_vi": "Buổi diễn tập", "name_en": "Drills", "statistical_kind": "flow", "rollup_time": "sum"}
    gates = {"name_vi": "Cổng an toàn", "name_en": "Gates", "statistical_kind": "stock", "rollup_time": "last"}
    common |= {"definition_vi": "Số lượng", "definition_en": "A count"}
    _append(seeds / "indicators.csv", columns, common | drills | {"indicator": DRILLS, "form_order": "9010"})
    _append(seeds / "indicators.csv", columns, common | gates | {"indicator": GATES, "form_order": "9020"})
    with (seeds / "forms.csv").open("a", encoding="utf-8") as file:
        file.write("TQ02,1,Biểu thống kê,Statistical form,statistical\n")
    with (seeds / "reporting_duties.csv").open("a", encoding="utf-8") as file:
        file.write("387,TQ01,month,2024-01-01,2024-04-01,3,,Test\n387,TQ02,month,2024-01-01,2024-04-01,5,,Test\n")
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    return seeds


def test_records_of_a_second_form_are_answered_with_that_form(home, seeds_with_a_statistical_form):
    commune = load_register().communes("387", date(2024, 3, 31))[2]
    home.inbox.mkdir(parents=True)
    (home.inbox / "số liệu.csv").write_text(
        "form,ref_area,time_period,indicator,obs_value\n"
        f"TQ02,{commune.ref_area},2024-M03,{DRILLS},khoảng 5\nTQ02,{commune.ref_area},2024-M03,{GATES},9\n",
        encoding="utf-8",
    )
    assert CliRunner().invoke(app, ["collect"]).exit_code == 1
    (receipt,) = home.receipts.rglob("*.txt")
    assert f"biểu TQ02 của {commune.name_vi}, Tháng 3 năm 2024" in receipt.read_text(encoding="utf-8")
    assert "Hạn gửi: hết ngày 05/04/2024." in receipt.read_text(encoding="utf-8")  # March ends on the 31st
    (workbook,) = home.receipts.rglob("*.xlsx")
    stamp = stamp_from_properties(read_workbook(workbook).properties)
    assert (stamp.form, stamp.calendar, stamp.time_period) == ("TQ02", "statistical", "2024-M03")


def _append(path, columns, row):
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, restval="", lineterminator="\n").writerow(row)


@pytest.mark.slow
def test_a_statistical_form_has_calendar_months_and_never_mixes_with_the_administrative_one(
    home, seeds_with_a_statistical_form, tmp_path
):
    names = sorted(path.name[:16] for path in write_owed_forms("2024-M02", tmp_path / "forms", "387"))
    assert names == ["TQ01 v1 2024-M02"] * 12 + ["TQ02 v1 2024-M02"] * 12

    home.inbox.mkdir(parents=True)
    communes = load_register().communes("387", date(2024, 3, 31))
    for form in (current_form("TQ01"), current_form("TQ02")):
        for number, code in enumerate(MONTHS, start=1):
            period = parse_period(code, form.calendar)
            for commune in communes[:2]:
                flow, stock = ("propaganda_sessions", None) if form.form == "TQ01" else (DRILLS, GATES)
                values = {(flow, "period"): number, (flow, "year_to_date"): number * (number + 1) // 2}
                if stock:
                    values[stock, "period"] = 10 - number
                path = home.inbox / f"{form.form} {commune.ref_area} {code}.xlsx"
                write_form(path, commune, period, values=values, form=form)

    runner = CliRunner()
    collected = runner.invoke(app, ["collect"])
    assert collected.exit_code == 0, collected.stdout
    built = runner.invoke(app, ["build"])
    assert built.exit_code == 0, built.stdout

    with warehouse.connect() as connection:
        periods = connection.execute(
            "select distinct form, calendar, time_period, period_start, period_end, due_date "
            "from intermediate.int_reports where time_period = '2024-M02' order by form"
        ).fetchall()
        calendars = connection.execute(
            "select indicator, count(distinct calendar) from marts.commune_observations "
            "where indicator <> 'communes_total' group by indicator having count(distinct calendar) > 1"
        ).fetchall()
        derived = connection.execute(
            "select indicator, calendar, time_period, derived_from, derived_value, derivation "
            "from marts.district_derived where ref_area = '387' and value_status = 'published' "
            f"and indicator in ('propaganda_sessions', '{DRILLS}', '{GATES}') "
            "and time_period in ('2024-Q1', '2024-C02') order by indicator, time_period"
        ).fetchall()
        tilings = connection.execute(
            "select calendar, time_period, part_frequency, part_period from marts.dim_period_parts "
            "order by 1, 2, 3, position"
        ).fetchall()
        cumulative = connection.execute(
            "select calendar, indicator, time_period, status, count(*) from marts.cumulative_reconciliation "
            "group by all order by all"
        ).fetchall()

    assert periods == [  # 17 February was the last Saturday of Tết, and the report is due on the Monday after it
        ("TQ01", "administrative", "2024-M02", date(2024, 1, 15), date(2024, 2, 14), date(2024, 2, 19)),
        ("TQ02", "statistical", "2024-M02", date(2024, 2, 1), date(2024, 2, 29), date(2024, 3, 5)),
    ]
    assert calendars == []
    for (calendar, whole, length), parts in groupby(tilings, key=itemgetter(0, 1, 2)):
        days = [parse_period(part, calendar) for *_, part in parts]
        assert {one.frequency for one in days} == {length}
        assert [one.start for one in days[1:]] == [one.end + timedelta(days=1) for one in days[:-1]]
        assert (days[0].start, days[-1].end) == (parse_period(whole, calendar).start, parse_period(whole, calendar).end)
    assert derived == [
        (DRILLS, "statistical", "2024-C02", "month", Decimal(6), "sum"),
        (DRILLS, "statistical", "2024-Q1", "month", Decimal(12), "sum"),
        ("propaganda_sessions", "administrative", "2024-C02", "month", Decimal(6), "sum"),
        ("propaganda_sessions", "administrative", "2024-Q1", "month", Decimal(12), "sum"),
        (GATES, "statistical", "2024-C02", "month", Decimal(16), "last"),
        (GATES, "statistical", "2024-Q1", "month", Decimal(14), "last"),
    ]
    assert cumulative == [
        (calendar, indicator, code, "equal", 2)
        for calendar, indicator in (("administrative", "propaganda_sessions"), ("statistical", DRILLS))
        for code in MONTHS
    ]
