"""A broken workbook, an empty file, an unknown commune and a word in a number cell among 460 good workbooks."""

import json
import zipfile

from typer.testing import CliRunner

from tuquan.cli import app
from tuquan.sample import lay_out_sample
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.template import write_form

HALF_YEAR = parse_period("2023-S1")


def test_four_bad_files_get_four_answers_and_all_others_load(home):
    lay_out_sample(home.inbox, 1)
    lay_out_sample(home.inbox, 2)
    for path in list(home.inbox.rglob("*.xlsx")):
        if "Nghệ An" not in str(path):
            path.unlink()
    runner = CliRunner()
    runner.invoke(app, ["collect"])  # the sample has mistakes of its own; they are not what this is about
    before = len(list(home.receipts.rglob("0*.txt")))

    register = load_register()
    vinh = register.communes("412", HALF_YEAR.end)[0]
    good = home.home / "good.xlsx"
    write_form(good, vinh, HALF_YEAR, values={("self_mgmt_teams", "period"): 12})
    (home.inbox / "hỏng.xlsx").write_bytes(good.read_bytes()[:2000])
    (home.inbox / "trống.xlsx").touch()
    write_form(home.inbox / "chữ.xlsx", vinh, HALF_YEAR, values={("self_mgmt_teams", "period"): "chưa thống kê"})
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(home.inbox / "lạ.xlsx", "w") as target:
        for name in source.namelist():  # a commune that does not exist, in all three stamps
            target.writestr(name, source.read(name).replace(vinh.ref_area.encode(), b"99999"))

    result = runner.invoke(app, ["collect", "--json"])
    assert result.exit_code == 1
    files = {file["file"]: file for file in json.loads(result.stdout)["files"]}
    assert {name: file["status"] for name, file in files.items()} == {
        "hỏng.xlsx": "refused",
        "trống.xlsx": "refused",
        "lạ.xlsx": "refused",
        "chữ.xlsx": "held",
    }
    assert files["hỏng.xlsx"]["findings"][0]["code"] == "file_is_a_readable_workbook"
    assert files["trống.xlsx"]["findings"][0]["code"] == "file_is_not_empty"
    assert files["lạ.xlsx"]["findings"][0]["code"] == "area_is_known"
    words = [finding for finding in files["chữ.xlsx"]["findings"] if finding["severity"] == "held"]
    (word,) = [finding for finding in words if finding["cell"]]
    assert (word["code"], word["as_written"], word["cell"][0]) == ("value_is_a_number", "chưa thống kê", "E")

    assert len(list(home.receipts.rglob("0*.txt"))) - before == 4
    (receipt,) = home.receipts.glob(f"2023-S1/{vinh.ref_area} {vinh.name_vi}/*chữ.xlsx.txt")
    text = receipt.read_text(encoding="utf-8")
    for part in ("chữ.xlsx", word["sheet"], word["cell"], "chưa thống kê", vinh.name_vi):
        assert part in text

    register_of_all = json.loads(runner.invoke(app, ["submissions", "--json"]).stdout)
    loaded = [file for file in register_of_all if file["submissions"] and file["submissions"][0]["is_loaded"]]
    assert len({file["ref_area"] for file in loaded}) == 460
