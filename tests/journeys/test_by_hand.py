"""The whole story through the command line alone: from blank forms to a query on a release."""

import csv
import json
import random
import shutil
from decimal import Decimal

import openpyxl
import pytest
from made_once import lay_out_parsed_models
from typer.testing import CliRunner

from tuquan import provenance, settings, simulate, warehouse
from tuquan.cli import app
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi
from tuquan.workbook.template import write_form

QUARTER = parse_period("2024-Q1")
QUAN_SON = "387"


def tuquan(*words, exit_code=0):
    """Run one command and return what it printed; the exit code is part of the claim."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == exit_code, (words, result.output, result.stderr, result.exception)
    return result.stdout


def figures(commune, **changed):
    """What a commune might report, and on average two models in each."""
    communes = load_register().communes(QUAN_SON, QUARTER.end)
    values = simulate.form_values(simulate.illustrate(communes, QUARTER)[commune.area_key], QUARTER)
    return values | {(indicator, "period"): value for indicator, value in ({"models_total": 2} | changed).items()}


@pytest.fixture
def communes():
    return load_register().communes(QUAN_SON, QUARTER.end)


def lay_out(home, communes):
    home.inbox.mkdir(parents=True, exist_ok=True)
    for commune in communes:
        write_form(home.inbox / f"{commune.name_vi}.xlsx", commune, QUARTER, values=figures(commune))


@pytest.fixture(scope="module")
def signed_home(tmp_path_factory, parsed_models):
    """The folder of a home that got the forms of a quarter, one of them filled by hand, up to their approval."""
    folder = tmp_path_factory.mktemp("signed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(folder))
        patch.setenv("TUQUAN_SETTLE_SECONDS", "0")
        home = settings.load()
        lay_out_parsed_models(parsed_models)
        first, *others = load_register().communes(QUAN_SON, QUARTER.end)
        blank = home.home / "form.xlsx"
        tuquan("template", "--area", first.ref_area, "--period", "2024-Q1", "--out", blank)
        lay_out(home, others)
        book = openpyxl.load_workbook(blank)
        sheet = book.worksheets[0]
        for (indicator, measure), value in figures(first, models_total=5).items():
            column = {"period": "E", "year_to_date": "G"}[measure]
            row = next(cell.row for cell in sheet["A"] if cell.value == indicator)
            sheet[f"{column}{row}"] = value
        book.save(home.inbox / "điền tay.xlsx")

        collected = json.loads(tuquan("collect", "--json"))
        assert (collected["accepted"], collected["held"], collected["refused"]) == (12, 0, 0)
        tuquan("build")
        tuquan("gate", "--period", "2024-Q1")
        tuquan("publish", "--period", "2024-Q1", exit_code=1)  # nobody approved it
        tuquan("approve", "--period", "2024-Q1", "--by", "Trưởng phòng")
    return folder


@pytest.fixture(scope="module")
def released_home(tmp_path_factory, signed_home):
    """The folder of such a home after the publication."""
    folder = tmp_path_factory.mktemp("released")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(folder))
        copy(signed_home, folder)
        tuquan("publish", "--period", "2024-Q1")
    return folder


def copy(home, folder):
    shutil.copytree(home, folder, symlinks=True, ignore=shutil.ignore_patterns("dbt"), dirs_exist_ok=True)


@pytest.fixture
def signed(home, signed_home):
    """A home of its own for a test that goes on from the approval."""
    copy(signed_home, home.home)
    return home


@pytest.fixture
def released(home, released_home):
    """A home of its own for a test that goes on from the publication."""
    copy(released_home, home.home)
    return home


def test_a_blank_form_becomes_a_figure_in_a_release(released):
    answer = tuquan(
        *("sql", "--json"),
        "select obs_value, areas_expected, areas_included from marts.district_observations "
        "where ref_area = '387' and indicator = 'models_total'",
    )
    assert json.loads(answer) == [{"obs_value": 27, "areas_expected": 12, "areas_included": 12}]
    with (released.releases / "latest" / "so-lieu.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["indicator"] == "models_total"]
    assert sum(Decimal(row["obs_value"]) for row in rows if row["level"] == "commune") == 27


def test_the_same_inbox_again_changes_nothing_and_a_release_is_written_once(released):
    before = {path: path.read_bytes() for path in released.releases.rglob("*") if path.is_file()}

    for path in released.inbox.iterdir():  # the same bytes, laid out anew
        path.write_bytes(path.read_bytes())
    again = json.loads(tuquan("collect", "--json"))
    assert (again["accepted"], again["duplicate"], again["figures"]) == (0, 12, 0)
    assert {file["status"] for file in json.loads(tuquan("submissions", "--json"))} == {"accepted", "duplicate"}
    tuquan("build")
    tuquan("publish", "--period", "2024-Q1")
    assert {path: path.read_bytes() for path in released.releases.rglob("*") if path.is_file()} == before


def test_a_part_larger_than_its_whole_closes_the_gate_until_a_workbook_corrects_it_and_it_is_approved_anew(
    signed, communes
):
    right = figures(communes[1])
    wrong = right | {("cameras_working", "period"): right["cameras_total", "period"] + 20}
    write_form(signed.inbox / "sai.xlsx", communes[1], QUARTER, values=wrong)
    tuquan("collect")
    tuquan("gate", "--period", "2024-Q1", exit_code=1)  # not built
    tuquan("build")
    tuquan("gate", "--period", "2024-Q1", exit_code=1)
    (question,) = [question for question in json.loads(tuquan("flags", "--json")) if question["severity"] == "critical"]
    assert [flag["check_name"] for flag in question["flags"]] == ["parts_do_not_exceed_whole"]
    assert communes[1].name_vi in question["message_vi"]
    tuquan("approve", "--period", "2024-Q1", "--by", "Trưởng phòng", exit_code=2)

    tuquan("flags", "--workbook", signed.home / "so-duyet.xlsx", "--by", "Phó phòng", exit_code=2)  # of which period?
    tuquan("flags", "--period", "2024-Q1", "--workbook", signed.home / "so-duyet.xlsx", "--by", "Phó phòng")
    book = openpyxl.load_workbook(signed.home / "so-duyet.xlsx")
    columns = {cell.value: cell.column for cell in book.worksheets[0][1]}
    flag_id = question["flags"][0]["flag_id"]
    row = next(row[0].row for row in book.worksheets[0].iter_rows(max_col=1) if row[0].value == flag_id)
    for tag, written in (("#choice", "Sửa"), ("#value", 1), ("#reason", "Xã ghi nhầm ô")):
        book.worksheets[0].cell(row, columns[tag]).value = written
    book.save(signed.inbox / "so-duyet.xlsx")
    (collected,) = json.loads(tuquan("collect", "--json"))["files"]
    assert (collected["status"], collected["submissions"]) == ("accepted", [])
    assert "Sửa thành 1" in (signed.receipts / collected["receipt"]).read_text()
    assert "2024-Q1" in tuquan("apply-decisions")
    tuquan("build")
    judged = json.loads(tuquan("gate", "--period", "2024-Q1", "--json"))
    assert not [question for question in json.loads(tuquan("flags", "--json")) if question["severity"] == "critical"]
    assert judged["gate_status"] == "needs_signature"
    assert {result["check_name"] for result in judged["results"] if not result["is_met"]}
    tuquan("publish", "--period", "2024-Q1", exit_code=1)  # the approval is of other figures: it is stale
    tuquan("approve", "--period", "2024-Q1", "--by", "Phó phòng", exit_code=2)  # who decided does not approve
    tuquan("approve", "--period", "2024-Q1", "--by", "Trưởng phòng")
    tuquan("publish", "--period", "2024-Q1")
    place = f"{communes[1].ref_area}/cameras_working"
    told = tuquan("why", "2024-Q1", place)
    typed = number_vi(wrong["cameras_working", "period"])
    for said in (
        "“sai.xlsx”",
        f"đọc là {typed}",
        "Phó phòng",
        "Xã ghi nhầm ô",
        "Tính lại từ tệp gốc: 1, bằng số đã công bố",
    ):
        assert said in told
    explained = json.loads(tuquan("why", "--json", "2024-Q1", place))
    ((cell,),) = (source["cells"] for source in explained["sources"])
    assert ([one["choice"] for one in cell["decisions"]], explained["is_equal"]) == (["correct"], True)


def test_what_comes_after_a_release_waits_until_the_office_takes_it_into_the_next_revision(released, communes):
    late = released.home / "bổ sung.xlsx"
    write_form(late, communes[1], QUARTER, values=figures(communes[1], models_total=3))
    (asked,) = json.loads(tuquan("check", late, "--json", exit_code=1))
    shutil.move(late, released.inbox)
    (answered,) = json.loads(tuquan("collect", "--json", exit_code=1))["files"]
    assert [finding["code"] for finding in (*asked["findings"], *answered["findings"])] == ["period_is_open"] * 2
    tuquan("build")
    tuquan("publish", "--period", "2024-Q1")
    assert sorted(path.name for path in (released.releases / "2024-Q1").iterdir()) == ["r1"]

    waiting = answered["submissions"][0]["submission_id"]
    tuquan("admit", waiting, "--by", "Trưởng phòng", "--reason", "xã đếm thiếu")
    first, second = json.loads(tuquan("submissions", "--json", "--diff", communes[1].ref_area, "2024-Q1"))
    assert (first["version"], second["version"], second["admitted_by"]) == (1, 2, "Trưởng phòng")
    (change,) = second["changes"]
    assert (change["indicator"], change["before"]["obs_value"], change["after"]["obs_value"]) == ("models_total", 2, 3)
    assert tuquan("build").startswith("2024-Q1")
    tuquan("gate", "--period", "2024-Q1")
    tuquan("approve", "--period", "2024-Q1", "--by", "Trưởng phòng")
    tuquan("publish", "--period", "2024-Q1", "--revise")
    assert sorted(path.name for path in (released.releases / "2024-Q1").iterdir()) == ["r1", "r2"]


def test_a_question_in_no_language_is_a_usage_error_in_one_line(home, communes):
    (home.releases).mkdir(parents=True)
    with warehouse.create(home.releases / "tuquan.duckdb") as connection:
        connection.execute("create schema marts; create schema quality")
    result = CliRunner().invoke(app, ["sql", "selec 1"])
    assert (result.exit_code, "syntax error" in result.stderr) == (2, True)
    assert json.loads(tuquan("sql", "--json", "select interval 1 day as a_day")) == [{"a_day": "1 day, 0:00:00"}]


def test_a_wrong_period_or_area_is_a_usage_error_in_words(home):
    result = CliRunner().invoke(app, ["template", "--area", "15127", "--period", "2021-13", "--out", "x.xlsx"])
    assert (result.exit_code, "is not a period" in result.stderr) == (2, True)
    result = CliRunner().invoke(app, ["template", "--area", "99999", "--period", "2021", "--out", "x.xlsx"])
    assert (result.exit_code, "99999" in result.stderr) == (2, True)


def test_questions_before_the_first_build_are_answered_in_words(home):
    result = CliRunner().invoke(app, ["flags"])
    assert (result.exit_code, "tuquan build" in result.stderr) == (1, True)
    with warehouse.connect() as connection:
        assert connection.execute("select count(*) from raw.arrivals").fetchone() == (0,)


def test_a_hundred_published_figures_follow_from_the_bytes_behind_them(released):
    with (released.releases / "2024-Q1" / "r1" / "so-lieu.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = random.Random(7).sample(rows, 100)  # noqa: S311
    assert {row["level"] for row in chosen} == {"commune", "district", "province"}
    assert sum(row["obs_value"] != "" for row in chosen) > 80
    assert {row["value_status"] for row in rows} >= {"published", "withheld"}
    evidence = provenance.Evidence(provenance.find_release("2024-Q1"))
    for row in [*chosen, next(row for row in rows if row["value_status"] == "withheld")]:
        explained = evidence.explain(f"{row['area_key']}/{row['indicator']}")
        assert explained["is_equal"], (row, explained)
        assert ("bằng số đã công bố" in provenance.told(explained)[-1]) == (row["value_status"] != "withheld")
        if row["value_status"] == "withheld":
            assert provenance.told(explained)[-1].startswith("Không công bố: ")
        if row["obs_value"]:
            assert explained["computed_anew"]["obs_value"] == Decimal(row["obs_value"])
        cells = [cell for source in explained["sources"] for cell in source["cells"] if cell["from"] == "cell"]
        assert cells or explained["rollup_areas"] in ("register", "recompute")
        assert all((released.raw / cell["sha256"][:2] / cell["sha256"]).exists() for cell in cells)
        assert explained["approval"]["approver"] == "Trưởng phòng"


def test_why_leads_to_the_cell_that_was_typed_and_notices_other_bytes(released, communes):
    told = tuquan("why", "2024-Q1", f"{communes[0].ref_area}/2024-Q1/models_total")
    for said in ("“điền tay.xlsx”", "ô E", "ghi “5”", "Phê duyệt: Trưởng phòng", "bằng số đã công bố"):
        assert said in told
    total = tuquan("why", "latest", "387/models_total", exit_code=0)
    assert "27" in total
    assert "Bằng tổng số liệu của 12 đơn vị cấp xã" in total
    assert "no figure 'x'" in CliRunner().invoke(app, ["why", "2024-Q1", "387/x"]).stderr
    explained = json.loads(tuquan("why", "--json", "2024-Q1/r1", f"{communes[0].ref_area}/models_total"))
    ((cell,),) = (source["cells"] for source in explained["sources"])
    path = released.raw / cell["sha256"][:2] / cell["sha256"]
    path.chmod(0o644)
    write_form(path, communes[0], QUARTER, values=figures(communes[0], models_total=6))
    assert "ĐỌC LẠI TỪ TỆP GỐC THÌ KHÁC" in tuquan("why", "2024-Q1", "387/models_total", exit_code=1)
    assert "Nguyên vẹn" in tuquan("verify", released.releases / "latest")
    shutil.rmtree(released.evidence)
    assert "restore it from a backup" in CliRunner().invoke(app, ["why", "2024-Q1", "387/models_total"]).stderr
