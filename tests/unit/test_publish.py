"""A release: approved content, whole or not at all, the same bytes from the same inputs."""

import csv
import hashlib
import json
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb
import frictionless
import openpyxl
import pypdfium2
import pytest
import yaml
from changed_marts import change
from large_release import made_up

from tuquan import candidates, publish, releases, review, settings, validate, verification, vintages, warehouse
from tuquan.inputs import code_version
from tuquan.release_paper import figures_data, print_release
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.phrases import phrase
from tuquan.workbook.release_workbook import write_release_workbook

PERIOD = "2021"
SHEETS = ["Bìa", "Tỉnh", "Huyện", "Xã", "Chất lượng", "Thay đổi", "Biểu đồ", "Đối chiếu", "Chỉ tiêu"]
SAME_BYTES = (
    *("bang-so-lieu.xlsx", "bang-so-lieu.pdf", "bao-cao-chat-luong.pdf"),
    *("so-lieu.csv", "so-lieu-sdmx.csv", "thay-doi.csv", "so-lieu.parquet"),
)


def approve():
    review.record_approval(PERIOD, validate.run_gates(PERIOD).digest, "Nguyễn Thị Lan", approved=True)


@contextmanager
def living_in(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(home))
        yield


@pytest.fixture(scope="module")
def approved_home(built_warehouse, tmp_path_factory):
    """The folder of a home whose candidate of 2021 was judged and approved."""
    home = tmp_path_factory.mktemp("approved")
    shutil.copytree(built_warehouse.parent, home / "warehouse", ignore=shutil.ignore_patterns("dbt"))
    with living_in(home):
        approve()
    return home


@pytest.fixture(scope="module")
def released_home(approved_home, tmp_path_factory):
    """The folder of such a home in which 2021 was published."""
    home = tmp_path_factory.mktemp("released")
    shutil.copytree(approved_home, home, dirs_exist_ok=True)
    with living_in(home):
        publish.publish(PERIOD)
    return home


@pytest.fixture
def approved(home, approved_home):
    """A home whose candidate of 2021 was judged and approved; yields its settings."""
    shutil.copytree(approved_home, home.home)
    return home


@pytest.fixture
def published(home, released_home):
    """A home in which 2021 was published; yields its settings."""
    shutil.copytree(released_home, home.home, symlinks=True)
    return home


@pytest.fixture
def release(released_home):
    """The first release of 2021, for those who only read it."""
    with living_in(released_home):
        yield released_home / "releases" / PERIOD / "r1"


def first_release(home):
    return home.releases / PERIOD / "r1"


def manifest(release):
    return json.loads((release / "manifest.json").read_text(encoding="utf-8"))


def assert_whole(release):
    told = manifest(release)
    assert {file["path"] for file in told["files"]} | {"manifest.json", "SHA256SUMS"} == {
        str(path.relative_to(release)) for path in release.rglob("*") if path.is_file()
    }
    for file in told["files"]:
        content = (release / file["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size_bytes"], file["sha256"])


def test_a_release_holds_every_file_that_its_manifest_names_and_nothing_else(approved):
    release = publish.publish(PERIOD)
    assert release == approved.releases / PERIOD / "r1"
    assert_whole(release)
    told = manifest(release)
    assert {*SAME_BYTES, "tuquan.duckdb", "data-docs/index.html"} <= {file["path"] for file in told["files"]}
    assert told["approval"]["approver"] == "Nguyễn Thị Lan"
    assert told["inputs"]["files"] == 16
    assert "raw_files" not in told
    evidence = json.loads((approved.evidence / PERIOD / "r1" / "manifest.json").read_text(encoding="utf-8"))
    assert len(evidence["raw_files"]) == 16
    assert told["gate_results"]
    assert told["seeds"]
    assert told["parent"] is None


def test_the_same_inputs_give_the_same_bytes_on_another_day(published, monkeypatch):
    first = first_release(published)
    kept = {name: (first / name).read_bytes() for name in SAME_BYTES}
    tables = manifest(first)["tables"]
    (published.releases).rename(published.home / "kept")
    change("update raw.arrivals set received_at = received_at + interval 1 year")
    change("delete from meta.releases")
    time.sleep(2.1)  # a zip file counts in steps of two seconds
    second = publish.publish(PERIOD)
    assert {name: (second / name).read_bytes() for name in SAME_BYTES} == kept
    assert manifest(second)["tables"] == tables
    assert manifest(second)["content_digest"] == manifest(published.home / "kept" / PERIOD / "r1")["content_digest"]


def test_publishing_the_same_content_again_writes_nothing(published):
    before = {path: path.lstat().st_mtime_ns for path in published.releases.rglob("*")}
    assert publish.publish(PERIOD) == first_release(published)
    assert {path: path.lstat().st_mtime_ns for path in published.releases.rglob("*")} == before
    with warehouse.connect() as connection:
        assert connection.execute("select count(*) from meta.releases").fetchone() == (1,)


def test_nobody_approved(judged_home):
    validate.run_gates(PERIOD)
    with pytest.raises(publish.PublicationRefused, match="nobody approved it"):
        publish.publish(PERIOD)


def test_not_judged(judged_home):
    with pytest.raises(publish.PublicationRefused, match="was not judged yet"):
        publish.publish(PERIOD)


def test_an_approval_signs_content_so_a_later_change_makes_it_stale(approved):
    change("update marts.commune_observations set obs_value = obs_value + 1 where indicator = 'teams_new'")
    with pytest.raises(publish.PublicationRefused, match="changed since its gates judged it"):
        publish.publish(PERIOD)
    validate.run_gates(PERIOD)
    with pytest.raises(publish.PublicationRefused, match="approval is stale"):
        publish.publish(PERIOD)
    assert not list(approved.releases.glob("2*"))


@pytest.mark.parametrize(
    "news",
    [
        "insert into raw.submissions by name select * replace (version + 1 as version) from raw.submissions limit 1",
        "insert into meta.decisions values (1, now(), 'x', 'f', 'c', '15127', '2021', 'i', 1, 'confirm', null, 'x')",
    ],
)
def test_what_is_not_built_can_neither_be_approved_nor_published(judged_home, news):
    change(news)
    approve()
    assert review.candidate(PERIOD) is None
    with pytest.raises(publish.PublicationRefused, match="news that is not built"):
        publish.publish(PERIOD)


def test_a_closed_gate_refuses_even_what_was_approved(judged_home):
    change("update marts.province_observations set obs_value = -1 where indicator = 'teams_new'")
    approve()
    with pytest.raises(publish.PublicationRefused, match="gate of 2021 is closed"):
        publish.publish(PERIOD)


def test_the_newest_answer_counts(approved):
    with warehouse.connect() as connection:
        digest = connection.execute("select digest from meta.candidates").fetchone()[0]
    review.record_approval(PERIOD, digest, "Trưởng phòng", approved=False, note="xem lại")
    with pytest.raises(publish.PublicationRefused, match="Trưởng phòng rejected"):
        publish.publish(PERIOD)
    with pytest.raises(publish.PublicationRefused):
        publish.publish(PERIOD, approver="Người khác")
    assert publish.publish(PERIOD, approver="Nguyễn Thị Lan").name == "r1"


def test_other_content_is_the_next_revision_and_the_old_one_stays(published):
    first = first_release(published)
    kept = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    change(
        "update marts.commune_observations set obs_value = obs_value + 1 "
        "where indicator = 'households_total' and ref_area = '15127'"
    )
    approve()
    with pytest.raises(
        publish.PublicationRefused, match=r"release 2021 r1 already exists .* \(tuquan publish --revise\)"
    ):
        publish.publish(PERIOD, revise=False)
    assert not list(published.releases.glob(".tmp-*"))
    second = publish.publish(PERIOD)
    assert second == first.with_name("r2")
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == kept
    assert manifest(second)["parent"] == {"revision": 1, "content_digest": manifest(first)["content_digest"]}
    assert publish.query("select distinct release_revision from commune_observations")[1] == [(2,)]
    assert "lần 2" in publish.announce(PERIOD).read_text(encoding="utf-8")


def test_a_revision_tells_what_changed_and_the_first_can_be_asked_again(published):
    first = first_release(published)
    where = "indicator = 'households_total' and ref_area = '15127'"
    change(f"update marts.commune_observations set obs_value = obs_value + 1 where {where}")
    approve()
    second = publish.publish(PERIOD)
    told = publish.query("select level, new_value - old_value, cause, effect_on_totals from revisions order by all")[1]
    assert told == [("commune", 1, "unexplained", 1)]  # the totals were not built again, and no report or rule changed
    then, now = (publish.query(f"select obs_value from as_of('{PERIOD}', {n}) where {where}")[1][0][0] for n in (1, 2))
    assert now - then == 1
    for release, number in ((first, 1), (second, 2)):  # each file alone, under another name
        with warehouse.create(release.parent / "elsewhere.duckdb") as connection:
            connection.execute(f"attach '{release / 'tuquan.duckdb'}' as anything (read_only); use anything.marts")
            assert connection.execute("select release_revision from releases").fetchall() == [(number,)]
            assert connection.execute(f"select obs_value from commune_latest where {where}").fetchone() == (
                [then, now][number - 1],
            )
            assert connection.execute("select so_vn(1288), so_vn(93.46, d := 1)").fetchone() == ("1.288", "93,5")


def test_every_view_of_a_release_says_what_the_view_of_the_warehouse_says(release):
    with warehouse.look() as built, warehouse.open_release(release / "tuquan.duckdb") as released:
        views = released.execute("select view_name from duckdb_views() where not internal").fetchall()
        queries = [f"from marts.{view} order by all" for (view,) in views if view != "figure_history"]
        queries += [f"from marts.{level}_restated_on('2018-06-01') order by all" for level in ("commune", "national")]
        assert len(queries) > 10
        # Of others the warehouse says more: small counts are withheld from the release.
        of_all = "where indicator not in (select indicator from marts.dim_indicators where is_sensitive)"
        for query in queries:
            columns = {row[0] for row in released.execute(f"describe {query}").fetchall()}
            view = query.replace("order by", f"{of_all} order by") if "indicator" in columns else query
            assert released.execute(view).fetchall() == built.execute(view).fetchall(), query
        with pytest.raises(duckdb.Error, match="name the day of the map"):
            released.execute("from marts.province_restated_on(null)")


def test_new_code_with_the_same_content_needs_no_revision(published, monkeypatch):
    first = first_release(published)
    monkeypatch.setattr("tuquan.candidates.code_version", lambda: "another")
    approve()
    assert publish.publish(PERIOD, revise=False) == first
    assert review.candidate(PERIOD) is None


def test_latest_points_to_what_was_published_last(published):
    release = first_release(published)
    assert (published.releases / "latest").resolve() == release
    assert (published.releases / "LATEST").read_text(encoding="utf-8") == "2021/r1\n"


def test_released_files_cannot_be_written(release):
    modes = {stat.S_IMODE(path.stat().st_mode) for path in release.rglob("*") if path.is_file()}
    assert modes == {0o444}


def test_a_release_is_in_a_format_that_every_duckdb_since_1_0_reads(release):
    tell = "select tags['storage_version'] from duckdb_databases() where database_name = 'tuquan'"
    with warehouse.look() as built, warehouse.open_release(release / "tuquan.duckdb") as released:
        assert released.execute(tell).fetchone() == ("v1.0.0+",)
        assert built.execute(tell).fetchone() == ("v1.3.0+",)  # which nobody but us reads


def test_a_query_answers_from_the_release_and_reaches_nothing_else(approved):
    with pytest.raises(publish.NoRelease, match="there is no release yet"):
        publish.query("select 1")
    publish.publish(PERIOD)
    names, rows = publish.query("select ref_area, release_revision from province_observations limit 1")
    assert (names, rows) == (["ref_area", "release_revision"], [("38", 1)])
    assert publish.query("pivot dim_indicators on unit_measure using count(*) group by form")[1]
    assert publish.query("select 1 where false")[1] == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from read_text('/etc/hostname')", "disabled by configuration"),
        ("select * from glob('/*')", "disabled by configuration"),
        ("copy dim_periods to 'x.csv'", "give one query"),
        ("attach 'x.duckdb'", "give one query"),
        ("load httpfs", "give one query"),
        ("create temp table x as select 1", "give one query"),
        ("select 1; drop table marts.releases; select 2", "give one query"),
        ("select 1; drop table marts.releases", "give one query"),
        ("drop table marts.releases; select 1", "read-only"),
        ("selec 1", "syntax error"),
        ("select * from nowhere", "nowhere does not exist"),
        ("select cast('x' as integer)", "Could not convert"),
        ("", "give one query"),
    ],
)
def test_what_is_not_one_query_that_reads_is_refused_in_one_sentence(release, query, said):
    with pytest.raises(warehouse.NotAQuery, match=said) as refusal:
        publish.query(query)
    assert "\n" not in str(refusal.value)


def test_a_release_knows_nothing_of_when_files_arrived(release):
    with warehouse.open_release(release / "tuquan.duckdb") as connection:
        columns = {row[0] for row in connection.execute("select column_name from duckdb_columns()").fetchall()}
        told = connection.execute(
            "select count(*) from duckdb_columns() where schema_name = 'marts' and comment is null"
        ).fetchone()
    assert not columns & {"received_at", "arrival_id", "loaded_at"}
    assert told == (0,)


def test_the_table_opens_in_excel_as_utf_8_and_says_why_a_figure_is_missing(release):
    content = (release / "so-lieu.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert list(dict.fromkeys(row["level"] for row in rows)) == ["province", "district", "commune"]
    held = [row for row in rows if row["value_status"] == "held"]
    assert [(row["ref_area"], row["indicator"], row["obs_value"]) for row in held] == [
        ("15139", "leaflets_distributed", "")
    ]
    assert all(row["value_status"] == "missing" for row in rows if row["ref_area"] == "15145" and not row["obs_value"])


def test_the_workbook_of_the_office_shows_figures_signs_and_what_is_behind_a_total(release):
    book = openpyxl.load_workbook(release / "bang-so-lieu.xlsx")
    assert book.sheetnames == SHEETS
    communes = {row[2].value: row for row in book["Xã"].iter_rows(min_row=9) if row[2].value}
    heads = [cell.value for cell in book["Xã"][6]]
    leaflets, households = heads.index("Tờ rơi, tài liệu đã phát"), heads.index("Tổng số hộ")
    assert communes["15139"][leaflets].value == "?"
    assert communes["15145"][households].value == "…"
    assert isinstance(communes["15139"][households].value, int)
    assert communes["390"][households].number_format == '[$-42A]#,##0"*"'  # 16 of 17 communes
    total = sum(row[households].value for code, row in communes.items() if len(code) == 5 and code != "15145")
    assert communes["390"][households].value == total
    province = {row[1].value: [cell.value for cell in row[3:6]] for row in book["Tỉnh"].iter_rows(min_row=8)}
    assert province["Tổng số hộ"] == [total, 16, 17]
    quality = {cell.value for row in book["Chất lượng"].iter_rows() for cell in row}
    assert {"Xã Cẩm Liên", "Cách ghi trong ô chưa rõ, đã hỏi lại đơn vị."} <= quality


def test_a_page_is_landscape_with_its_head_on_every_page(release):
    sheet = openpyxl.load_workbook(release / "bang-so-lieu.xlsx")["Xã"]
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.print_title_rows == "$5:$8"
    assert sheet.print_title_cols == "$A:$C"
    assert sheet.freeze_panes == "D9"


ODD_NAMES = {
    **{"15127": "=cmd()", "15133": "+1", "15139": "@x", "15142": "{=1}", "15148": "http://x.test/"},
    **{"15151": '#read("x")', "15154": "<script>alert(1)</script>", "15160": "-2+3", "15163": "*a* _b_ $c$ \\d"},
}


@pytest.fixture(scope="module")
def release_of_odd_names(built_warehouse, tmp_path_factory):
    """The folder of a release in which some communes have odd names."""
    home = tmp_path_factory.mktemp("odd_names")
    shutil.copytree(built_warehouse.parent, home / "warehouse", ignore=shutil.ignore_patterns("dbt"))
    with living_in(home):
        change(
            *(
                f"update marts.commune_observations set area_name_vi = '{name}' where ref_area = '{commune}'"
                for commune, name in ODD_NAMES.items()
            )
        )
        approve()
        return publish.publish(PERIOD)


def pdf_text(path):
    """The text of a document, without the breaks of its lines."""
    document = pypdfium2.PdfDocument(path)
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())


def test_whatever_a_text_begins_with_it_stays_a_text(release_of_odd_names):
    path = release_of_odd_names / "bang-so-lieu.xlsx"
    sheet = openpyxl.load_workbook(path)["Xã"]
    cells = {row[2].value: row[1] for row in sheet.iter_rows(min_row=9) if row[2].value}
    rows = csv.DictReader((release_of_odd_names / "so-lieu.csv").read_text(encoding="utf-8-sig").splitlines())
    names = {row["ref_area"]: row["area_name_vi"] for row in rows}
    printed = pdf_text(release_of_odd_names / "bang-so-lieu.pdf")
    for commune, text in ODD_NAMES.items():
        assert (cells[commune].value, cells[commune].data_type, cells[commune].hyperlink) == (text, "s", None)
        assert names[commune] == ("'" + text if text[0] in "=+-@" else text)
        assert text in printed
    with zipfile.ZipFile(path) as archive:
        # A chart names its cells in a formula of its own.
        assert not any(b"<f>" in archive.read(name) for name in archive.namelist() if "worksheets" in name)


def test_the_printed_release_has_the_official_form_and_names_nobody(release):
    text = pdf_text(release / "bang-so-lieu.pdf")
    for said in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "Số: ……/BC-……",
        "ngày …… tháng …… năm ……",
        "THỦ TRƯỞNG ĐƠN VỊ",
        "Nơi nhận:",
        "Số liệu sơ bộ: 1 đơn vị chưa có báo cáo",
        "TỈNH THANH HÓA",
        "40.544*",
    ):
        assert said in text
    quality = pdf_text(release / "bao-cao-chat-luong.pdf")
    assert "Xã Cẩm Liên" in quality
    with zipfile.ZipFile(release / "bang-so-lieu.xlsx") as archive:
        written = "".join(archive.read(name).decode() for name in archive.namelist())
    for one in (text, quality, written):
        assert "DỰ THẢO" not in one
        assert "Nguyễn Thị Lan" not in one


def test_a_draft_says_so_and_stays_in_the_office(judged_home):
    with pytest.raises(publish.NoRelease):
        publish.query("select 1")
    validate.run_gates(PERIOD)
    draft = publish.write_draft(PERIOD)
    assert draft == judged_home.review / PERIOD / "du-thao"
    assert "DỰ THẢO" in pdf_text(draft / "bang-so-lieu.pdf")
    assert openpyxl.load_workbook(draft / "bang-so-lieu.xlsx")["Bìa"]["A1"].value == "DỰ THẢO"
    assert not list(judged_home.releases.glob("2*"))
    assert not judged_home.evidence.exists()


@pytest.mark.parametrize("communes", [0, 600])
def test_a_release_of_no_or_of_many_communes_can_be_printed_and_written(tmp_path, communes):
    book = made_up(communes)
    print_release(tmp_path, book)
    write_release_workbook(tmp_path / "bang-so-lieu.xlsx", book)
    text = pdf_text(tmp_path / "bang-so-lieu.pdf")
    sheet = openpyxl.load_workbook(tmp_path / "bang-so-lieu.xlsx")["Xã"]
    names = {row["area_name_vi"] for row in book.tables["marts.commune_observations"]}
    assert len(names) > 500 or not communes
    assert ("12.345.678" in text) == bool(communes)
    assert sheet.max_row > communes
    longest = max(names, key=len, default="")
    assert longest in text


def test_a_map_is_drawn_where_coordinates_are_given_and_nowhere_else(tmp_path, monkeypatch):
    book = made_up(60)
    assert figures_data(book)["map"] is None
    keys = sorted({row["area_key"] for row in book.tables["marts.commune_observations"]})
    places = [
        {"area_key": key, "latitude": str(20 + number / 50), "longitude": str(105 + number % 7 / 10)}
        for number, key in enumerate(keys[:40])
    ]
    monkeypatch.setattr("tuquan.release_paper.read_seed", lambda name: places if name == "coordinates" else [])
    drawn = figures_data(book)["map"]
    assert len(drawn["points"]) == 40
    assert drawn["unit"] == "%"  # a ratio, never a count
    assert max(x for x, _, _ in drawn["points"]) <= drawn["size"][0] <= 1
    print_release(tmp_path, book)
    assert phrase("paper.map_heading") in pdf_text(tmp_path / "bang-so-lieu.pdf")


def test_analysts_programs_can_read_the_data_package(release):
    report = frictionless.Package(str(release / "datapackage.json")).validate()
    assert report.valid, report.flatten(["type", "message"])
    assert [resource.name for resource in frictionless.Package(str(release / "datapackage.json")).resources] == [
        *("so-lieu", "thay-doi", "so-lieu-sdmx"),
    ]
    rows = list(csv.DictReader((release / "so-lieu-sdmx.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {row["OBS_STATUS"] for row in rows} >= {"A", "O", "Q"}
    assert all(bool(row["OBS_VALUE"]) == (row["OBS_STATUS"] == "A") for row in rows)
    assert {row["TIME_PERIOD"] for row in rows} == {"2021-A1"}


def copied(release, folder):
    shutil.copytree(release, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def test_a_release_can_be_checked_anywhere_without_anything_else(release, tmp_path, monkeypatch):
    copy = copied(release, tmp_path / "copy")
    monkeypatch.setenv("TUQUAN_HOME", str(tmp_path / "nowhere"))
    assert verification.verify(copy) == []
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=copy, check=False).returncode == 0
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        kept = path.read_bytes()
        middle = len(kept) // 2
        path.write_bytes(kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :])
        found = verification.verify(copy)
        assert found, path
        if path.name not in ("manifest.json", "SHA256SUMS"):
            assert verification.Fault("changed", str(path.relative_to(copy))) in found
        path.write_bytes(kept)
    (copy / "so-lieu.csv").rename(copy / "số liệu.csv")
    assert verification.verify(copy) == [
        verification.Fault("missing", "so-lieu.csv"),
        verification.Fault("extra", "số liệu.csv"),
    ]
    with pytest.raises(FileNotFoundError, match="holds no release"):
        verification.verify(tmp_path)


def test_a_database_that_was_written_anew_is_known_by_its_tables(release, tmp_path):
    copy = copied(release, tmp_path / "copy")
    with warehouse.create(copy / "tuquan.duckdb") as connection:
        connection.execute(
            "update marts.district_observations set obs_value = obs_value + 1 where indicator = 'cameras_total'"
        )
    found = verification.verify(copy)
    assert verification.Fault("table", "marts.district_observations") in found
    assert {fault.path for fault in found} == {"tuquan.duckdb", "marts.district_observations"}


def test_the_note_for_the_outbox_counts_what_is_in_the_release_and_what_is_not(published):
    note = publish.announce(PERIOD)
    text = note.read_text(encoding="utf-8")
    assert note == published.outbox / "2021-r1.md"
    assert "16 trên 17 đơn vị" in text
    assert "1 số liệu đang được giữ lại" in text
    assert "releases/2021/r1" in text


def test_a_release_of_another_period_stands_beside(published):
    other = published.releases / "2022" / "r1"
    other.parent.mkdir()
    subprocess.run(["cp", "-r", published.releases / PERIOD / "r1", other], check=True)
    told = manifest(other) | {"time_period": "2022"}
    (other / "manifest.json").chmod(0o644)
    (other / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    with releases.publication_lock():
        vintages.bring_up_to_date()
    assert publish.query("select time_period, release_revision from releases")[1] == [("2021", 1), ("2022", 1)]
    assert publish.query("select count(*) = count(distinct indicator) from dim_indicators")[1] == [(True,)]


# 3 persons' cases in one commune, and only one other commune has any: its figure has to be withheld as well.
SMALL, LARGE, LATER = 3, 7919, 7907


def set_cases(large):
    """Let two communes have all the cases of mediation, and every total agree."""
    total = SMALL + large
    value = f"case ref_area when '15127' then {SMALL} when '15133' then {large} else 0 end"
    ratio = "indicator = 'pct_mediation_success'"
    totals = [
        statement
        for level in ("district", "province", "national")
        for statement in (
            f"update marts.{level}_observations set obs_value = {total} where indicator = 'mediated_cases'",
            f"update marts.{level}_observations set obs_value = 0 where indicator = 'mediated_cases_settled'",
            f"update marts.{level}_observations set obs_value = 0, numerator = 0, denominator = {total} where {ratio}",
        )
    ]
    change(
        f"update marts.commune_observations set obs_value = {value} "
        "where indicator = 'mediated_cases' and obs_value is not null",
        "update marts.commune_observations set obs_value = 0 "
        "where indicator = 'mediated_cases_settled' and obs_value is not null",
        f"update marts.commune_observations set numerator = 0, denominator = {value}, "
        f"obs_value = case when {value} > 0 then 0 end, "
        f"value_status = case when {value} > 0 then 'published' else 'not_applicable' end "
        "where indicator = 'pct_mediation_success' and numerator is not null",
        "delete from quality.flags where flag_id = 'quoted'",
        "insert into quality.flags by name select * replace ('quoted' as flag_id, '15133' as ref_area, "
        "'15133.20180101' as area_key, 'commune' as area_level, 'warning' as severity, 'mediated_cases' as indicator, "
        f"{large} as obs_value, 3 as expected_high, 'là 7.919 vụ, kỳ trước 3' as message_vi) "
        "from quality.flags limit 1",
        *totals,
    )


@pytest.fixture(scope="module")
def home_with_small_counts(approved_home, tmp_path_factory):
    """The folder of a home with two revisions in which a small count and one other figure are withheld."""
    home = tmp_path_factory.mktemp("small")
    shutil.copytree(approved_home, home, dirs_exist_ok=True)
    with living_in(home):
        for large in (LARGE, LATER):
            set_cases(large)
            approve()
            publish.publish(PERIOD)
    return home


def said_in(folder):
    """Everything that the files below ``folder`` say, as text by file: archives unpacked, tables row by row."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.name == ".lock":
            continue
        if path.suffix == ".pdf":
            yield str(path), pdf_text(path)
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path} {name}", archive.read(name).decode()
        elif path.suffix == ".duckdb":
            with warehouse.open_release(path) as connection:
                tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
                for (table,) in tables:
                    rows = connection.execute(f"select figures::varchar from {table} as figures").fetchall()
                    yield f"{path} {table}", "\n".join(row[0] for row in rows)
        elif path.suffix == ".parquet":
            rows = duckdb.sql(f"select figures::varchar from '{path}' as figures").fetchall()
            yield str(path), "\n".join(row[0] for row in rows)
        else:
            yield str(path), path.read_bytes().decode(errors="replace")


def test_what_is_withheld_stands_in_no_file_of_any_revision(home_with_small_counts):
    with living_in(home_with_small_counts), warehouse.connect() as connection:
        secret = {row[0] for row in connection.execute("select submission_id from raw.submissions").fetchall()}
        secret |= {row[0] for row in connection.execute("select sha256 from raw.arrivals").fetchall()}
    numbers = "|".join(f"{number}|{number // 1000}[.,]{number % 1000}" for number in (LARGE, LATER))
    pattern = re.compile(
        rf"(?<![\w.])(?:{numbers})(?!\w)|" + "|".join(secret)
    )  # codes and digests have such digits too
    texts = dict(said_in(home_with_small_counts / "releases"))
    assert len(texts) > 40
    assert not {place: match[0] for place, text in texts.items() if (match := pattern.search(text))}
    # The office knows them, and knows why.
    evidence = duckdb.connect(home_with_small_counts / "evidence" / PERIOD / "r2" / "tuquan.duckdb", read_only=True)
    assert evidence.execute(
        "select area[:5], indicator from meta.withheld where indicator like '%mediat%' order by all"
    ).fetchall() == [
        *(("15127", name) for name in ("mediated_cases", "pct_mediation_success")),
        *(("15133", name) for name in ("mediated_cases", "pct_mediation_success")),
    ]


@pytest.mark.parametrize("revision", ["r1", "r2"])
def test_a_withheld_figure_says_that_it_is_withheld_in_every_table(home_with_small_counts, revision):
    release = home_with_small_counts / "releases" / PERIOD / revision
    rows = list(csv.DictReader((release / "so-lieu.csv").read_text(encoding="utf-8-sig").splitlines()))
    cases = {row["ref_area"]: row for row in rows if row["indicator"] == "mediated_cases"}
    assert [(cases[area]["obs_value"], cases[area]["value_status"]) for area in ("15127", "15133")] == [
        ("", "withheld"),
        ("", "withheld"),
    ]
    assert (
        float(cases["390"]["obs_value"])
        == float(cases["38"]["obs_value"])
        == SMALL + (LARGE if revision == "r1" else LATER)
    )
    book = openpyxl.load_workbook(release / "bang-so-lieu.xlsx")
    communes = {row[2].value: row for row in book["Xã"].iter_rows(min_row=9) if row[2].value}
    column = [cell.value for cell in book["Xã"][6]].index(load_catalogue()["mediated_cases"].name_vi)
    assert [communes[area][column].value for area in ("15127", "15133", "390")] == [
        "x",
        "x",
        int(float(cases["390"]["obs_value"])),
    ]
    with warehouse.open_release(release / "tuquan.duckdb") as connection:
        told = connection.execute(
            "select old_value, new_value, difference, effect_on_totals, old_status, new_status "
            "from marts.revisions where ref_area = '15133' and indicator = 'mediated_cases'"
        ).fetchall()
        flags = connection.execute(
            "select obs_value, expected_high, message_vi from quality.flags where indicator = 'mediated_cases'"
        ).fetchall()
    assert told == ([(None, None, None, None, "withheld", "withheld")] if revision == "r2" else [])
    assert all(flag[:2] == (None, None) and "để giữ kín số nhỏ" in flag[2] for flag in flags)


def test_a_column_leaves_the_office_only_when_it_is_named(released_home, release):
    told = yaml.safe_load((settings.load().expectations / "released_columns.yml").read_text(encoding="utf-8"))
    with warehouse.open_release(release / "tuquan.duckdb") as connection:
        assert candidates.tables_of(connection, "tuquan") == told
    assert not {"submission_id", "version", "cell", "sheet"} & {name for names in told.values() for name in names}
    with living_in(released_home), warehouse.connect() as connection:
        known = {column for (column,) in connection.execute("select column_name from duckdb_columns()").fetchall()}
    assert {"submission_id", "version", "cell", "sheet"} <= known


# For each number that it reads: a fork publishes, counts what Python does to files below releases/, and dies by SIGKILL
# just before that step. Forks, because to import what a publication needs takes as long as the publication.
DYING_PUBLISHER = """
import os, signal, sys
import pandas, xlsxwriter
from tuquan import candidates, inputs, publish, settings
# That of the test, also when somebody edits the code meanwhile.
inputs.code_version = candidates.code_version = lambda: sys.argv[1]
home = str(settings.load().releases)
changes = {"open", "os.rename", "os.chmod", "os.mkdir", "os.rmdir", "os.remove", "os.symlink"}
def publish_until(last):
    steps = 0
    def count(event, arguments):
        nonlocal steps
        if event in changes and home in " ".join(map(str, arguments)):
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(count)
    publish.publish("2021")
    print("steps", steps, flush=True)
for line in sys.stdin:
    if os.fork() == 0:
        publish_until(int(line))
        os._exit(0)
    _, status = os.wait()
    print("ended", os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture
def publisher(approved):
    """Yields a function that publishes in a process of its own up to a step, and returns what is said of it."""
    command = [sys.executable, "-c", DYING_PUBLISHER, code_version()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as server:

        def publish_until(last_step):
            server.stdin.write(f"{last_step}\n")
            said = {}
            while "ended" not in said:
                word, number = server.stdout.readline().split()
                said[word] = int(number)
            return said

        yield publish_until


@pytest.mark.slow
def test_kill_9_at_any_moment_leaves_no_release_or_a_whole_one(approved, publisher):
    steps = publisher(0)["steps"]
    release = approved.releases / PERIOD / "r1"
    found = []
    for last_step in [*range(2, steps, max(1, steps // 4)), steps - 6, steps - 4, steps - 2, steps]:
        shutil.rmtree(approved.releases)
        change("delete from meta.releases")
        assert publisher(last_step) == {"ended": -signal.SIGKILL}
        found.append(release.exists())
        if release.exists():
            assert_whole(release)
        if (approved.releases / "latest").exists():
            assert (approved.releases / "latest").resolve() == release
        if (approved.releases / "tuquan.duckdb").exists():
            assert publish.query("select release_revision from releases")[1] == [(1,)]
    assert {False, True} <= set(found)
    assert publish.publish(PERIOD) == release
    assert_whole(release)
    assert not list(approved.releases.glob(".tmp-*"))
    assert publish.query("select count(*) > 0 from commune_observations")[1] == [(True,)]
    with warehouse.connect() as connection:
        assert connection.execute("select count(*) from meta.releases").fetchone() == (1,)


def test_a_release_that_was_renamed_but_not_registered_is_finished_by_the_next_call(published):
    release = first_release(published)
    change("delete from meta.releases")
    (published.releases / "latest").unlink()
    (published.releases / "LATEST").unlink()
    (published.releases / "tuquan.duckdb").unlink()
    (published.releases / ".tmp-2021-1").mkdir()
    assert publish.publish(PERIOD) == release
    assert (published.releases / "latest").resolve() == release
    assert not (published.releases / ".tmp-2021-1").exists()
    assert publish.query("select count(*) from releases")[1] == [(1,)]
    with warehouse.connect() as connection:
        released_at = connection.execute("select released_at from meta.releases").fetchone()[0]
    assert released_at <= datetime.now(UTC).replace(tzinfo=None)
