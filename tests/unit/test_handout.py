"""Blank forms out to those who owe one."""

import openpyxl
import pytest

from tuquan import handout, warehouse
from tuquan.handout import UnknownArea, write_blank_form, write_owed_forms


def column(path, letter):
    return [cell.value for cell in openpyxl.load_workbook(path).worksheets[0][letter]]


def test_everybody_who_owes_a_report_gets_a_form_of_their_own(home, tmp_path):
    written = write_owed_forms("2024-Q1", tmp_path / "forms")
    assert len(written) == 12
    assert {path.parent.relative_to(tmp_path / "forms").as_posix() for path in written} == {
        "38 Tỉnh Thanh Hóa/387 Huyện Quan Sơn"
    }


def test_nobody_owes_a_report_for_a_period_without_duties(home, tmp_path):
    with pytest.raises(UnknownArea, match="reporting_duties"):
        write_owed_forms("2020", tmp_path)


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
    assert handout.current_form().form == "TQ01"
