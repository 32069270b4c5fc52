"""Blank forms out to those who owe one."""

import shutil

import openpyxl
import pytest

from tuquan import settings, warehouse
from tuquan.handout import UnknownArea, write_blank_form, write_owed_forms
from tuquan.workbook.reading import read_file


def column(path, letter):
    return [cell.value for cell in openpyxl.load_workbook(path).worksheets[0][letter]]


def test_everybody_who_owes_a_report_gets_a_form_of_their_own(home, tmp_path):
    written = write_owed_forms("2024-Q1", tmp_path / "forms")
    assert len(written) == 12
    assert {path.parent.relative_to(tmp_path / "forms").as_posix() for path in written} == {
        "38 Tỉnh Thanh Hóa/387 Huyện Quan Sơn"
    }
    assert "TQ01 v1 2024-Q1 14998 Xã Trung Thượng.xlsx" in {path.name for path in written}


@pytest.mark.parametrize(
    ("below", "forms"),
    [("38", 17), ("390", 17), ("15127", 1)],  # Thanh Hóa, Cẩm Thủy, Thị trấn Phong Sơn; only Cẩm Thủy owed in 2021
)
def test_forms_can_be_written_for_one_part_of_the_country(home, tmp_path, below, forms):
    assert len(write_owed_forms("2021", tmp_path, below)) == forms


def test_a_form_that_was_handed_out_is_taken_back_under_its_own_name(home, tmp_path):
    for path in write_owed_forms("2024-Q1", tmp_path, "15007"):
        book = openpyxl.load_workbook(path)
        book.worksheets[0]["E14"] = 7
        book.save(path)
        read = read_file(path, path.relative_to(tmp_path).as_posix())
        assert (read.status, read.findings, read.submissions[0].findings) == ("accepted", [], [])


def test_every_form_that_is_owed_is_written_in_its_newest_version(home, tmp_path, monkeypatch):
    seeds = shutil.copytree(settings.load().seeds, tmp_path / "seeds")
    with (seeds / "forms.csv").open("a") as file:
        file.write("TQ01,2,Báo cáo,Report,administrative\nTQ02,1,Biểu hai,Another,administrative\n")
    with (seeds / "reporting_duties.csv").open("a") as file:
        file.write("387,TQ02,quarter,2024-01-01,2024-04-01,,,Test\n")
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    names = {path.name[:7] for path in write_owed_forms("2024-Q1", tmp_path)}
    assert names == {"TQ01 v2", "TQ02 v1"}


@pytest.mark.parametrize(
    ("time_period", "below", "said"),
    [
        ("2020", "VN", "no commune of VN owes a report for 2020; see seeds/reporting_duties.csv"),
        ("2021", "40", "no commune of 40 owes a report for 2021"),
        ("2026", "390", "no area has the code '390' on 2026-12-14"),  # districts ended in 2025
    ],
)
def test_it_is_said_when_there_is_nobody_to_write_to(home, tmp_path, time_period, below, said):
    with pytest.raises(UnknownArea, match=said):
        write_owed_forms(time_period, tmp_path / "forms", below)
    assert not (tmp_path / "forms").exists()


def test_the_figures_of_the_period_before_stand_beside(home, tmp_path):
    with warehouse.connect() as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.commune_observations as "
            "select '14995.20180101' as area_key, '2023-Q4' as time_period, 'models_total' as indicator, 7 as obs_value"
        )
    form = write_blank_form("14995", "2024-Q1", tmp_path / "form.xlsx")
    assert 7 in column(form, "F")
    assert 7 not in column(form, "E")


def test_a_form_without_history_needs_no_warehouse(home, tmp_path):
    write_blank_form("14995", "2024-Q1", tmp_path / "form.xlsx")
    assert not home.warehouse_file.exists()


def test_a_district_gets_no_form(home, tmp_path):
    with pytest.raises(UnknownArea, match="387"):
        write_blank_form("387", "2024-Q1", tmp_path / "form.xlsx")
