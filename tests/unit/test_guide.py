"""The guide for communes: two pages that cannot say anything else than the system does."""

import re
import shutil

import pytest

from tuquan import guide, settings
from tuquan.vocabulary.phrases import load_checks, phrase

PICTURES = ("bieu-mau.png", "bien-nhan.png")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    return guide.print_guide(tmp_path_factory.mktemp("guide") / "guide.pdf").read_bytes()


def pages_of(pdf):
    return int(re.search(rb"/Type\s*/Pages\s*/Count (\d+)", pdf)[1])


def test_the_guide_in_the_repository_is_the_one_that_the_seeds_give(printed):
    committed = settings.load().project / "docs" / "huong-dan-xa.pdf"
    assert committed.read_bytes() == printed, "the seeds or the guide changed: run `make guide` and look at the pages"


def test_the_guide_has_two_pages_and_its_pictures(printed):
    assert pages_of(printed) == 2
    assert len(re.findall(rb"/Subtype\s*/Image\b", printed)) == len(PICTURES)


def test_the_guide_shows_each_outcome_of_a_cell():
    readings = {one["written"]: one for one in guide.load_example().readings()}
    assert {one["status"] for one in readings.values()} == {"read", "blank", "held", "refused"}
    assert readings["1.288"] == {"written": "1.288", "status": "read", "value": "1.288", "instead": ""}
    assert readings["1,288"]["instead"] == "1288"
    assert all(one["instead"] for one in readings.values() if one["status"] in ("held", "refused"))


def test_the_answer_in_the_guide_is_the_answer_that_a_commune_gets():
    answer = guide.load_example().answer()
    assert phrase("receipt.held", loaded=10, held=2, blank=0) in answer.receipt
    assert "“1,847”" in answer.receipt
    assert answer.workbook.startswith(b"PK")


def test_what_the_guide_calls_refused_or_held_is_a_check():
    source = (settings.load().project / "docs" / guide.SOURCE).read_text(encoding="utf-8")
    named = re.findall(r'\], "(\w+)"\)', source)
    assert len(named) > 5
    assert {load_checks()[check].severity for check in named} == {"held", "refused"}


def test_another_province_prints_its_own_deadline_on_the_same_two_pages(printed, tmp_path, monkeypatch):
    seeds = shutil.copytree(settings.load().seeds, tmp_path / "seeds")
    duties = seeds / "reporting_duties.csv"
    duties.write_text(duties.read_text().replace("VN,TQ01,month,2026-01-01,,3,,", "VN,TQ01,month,2026-01-01,,3,10,"))
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    other = guide.print_guide(tmp_path / "guide.pdf").read_bytes()
    assert other != printed
    assert pages_of(other) == 2
