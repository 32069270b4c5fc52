"""A form that was handed out before its next version came is still read; one that never was is refused."""

import csv
import shutil

import pytest

from tuquan import settings
from tuquan.vocabulary.forms import Form, current_form
from tuquan.vocabulary.phrases import load_checks
from tuquan.workbook.reading import read_file


@pytest.fixture
def version_2(tmp_path, monkeypatch):
    """Makes version 2 of TQ01 the current one, with ``change`` made to the rows of the catalogue."""

    def bring_in(change=None):
        seeds = shutil.copytree(settings.load().seeds, tmp_path / "seeds")
        with (seeds / "forms.csv").open("a") as file:
            file.write("TQ01,2,Báo cáo số liệu (mẫu 2),Figures (version 2),administrative\n")
        with (seeds / "indicators.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if change:
            change(rows)
        with (seeds / "indicators.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
        assert current_form().form_version == "2"

    return bring_in


def figures_of(read):
    (submission,) = read.submissions
    return {cell.indicator: cell.obs_value for cell in submission.cells if cell.status == "read"}


def test_a_form_of_the_version_before_is_still_read(form_file, version_2):
    path = form_file()
    version_2()
    read = read_file(path, path.name)
    assert (read.status, read.submissions[0].form_version) == ("accepted", "1")
    assert figures_of(read) == {"households_total": "1288"}


def test_a_form_of_the_version_before_is_read_although_rows_are_called_otherwise_now(form_file, version_2):
    path = form_file()

    def rename(rows):
        for row in rows:
            row["name_vi"] += " (cách ghi mới)" * (row["indicator"] == "households_total")

    version_2(rename)
    read = read_file(path, path.name)
    assert (read.status, figures_of(read)) == ("accepted", {"households_total": "1288"})


def test_only_what_a_new_version_asks_in_addition_is_asked(form_file, version_2):
    path = form_file()

    def add_a_row(rows):
        row = next(row for row in rows if row["indicator"] == "households_total")
        rows.append(
            row | {"indicator": "lamps", "name_vi": "Số đèn chiếu sáng", "form_order": "9990", "source": "test"}
        )

    version_2(add_a_row)
    read = read_file(path, path.name)
    assert figures_of(read) == {"households_total": "1288"}
    (finding,) = read.submissions[0].findings
    assert (finding.check_name, finding.indicator) == ("every_indicator_has_a_row", "lamps")


def test_new_forms_carry_the_new_version(form_file, version_2):
    version_2()
    path = form_file()
    assert read_file(path, path.name).submissions[0].form_version == "2"


def test_a_version_that_nobody_handed_out_is_refused_with_the_reason(form_file):
    path = form_file(form=Form("TQ01", "9", "Báo cáo", "administrative"))
    read = read_file(path, path.name)
    assert read.status == load_checks()["form_is_known"].severity == "refused"
    (finding,) = read.submissions[0].findings
    assert finding.message_vi == "Tệp bieu.xlsx không phải biểu TQ01 đang dùng: biểu ghi mẫu “TQ01 9”."
    assert not read.submissions[0].cells
