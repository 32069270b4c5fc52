import csv
import re
import string
import unicodedata
from decimal import Decimal

import pytest

from tuquan import settings
from tuquan.vocabulary.phrases import load_checks, number_vi, phrase
from tuquan.vocabulary.seeds import read_seed

PLACES = {
    *("file", "sheet", "cell", "place", "indicator", "unit", "area", "period", "value", "other", "other_value"),
    *("limit", "suggestion", "reason"),
}


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [(1288, 0, "1.288"), (Decimal("93.456"), 1, "93,5"), (12345678, 0, "12.345.678"), (None, 0, "")],
)
def test_numbers_are_printed_as_vietnamese_readers_expect(value, decimals, written):
    assert number_vi(value, decimals) == written


def test_a_check_only_names_facts_that_are_known():
    for check in load_checks().values():
        for sentence in (check.message_vi, check.advice_vi):
            places = {place for _, place, _, _ in string.Formatter().parse(sentence) if place}
            assert places <= PLACES, check.check


def test_a_fact_that_is_not_known_leaves_its_place_empty():
    assert "{" not in load_checks()["value_is_a_number"].message(sheet="TQ01")


def test_a_phrase_with_a_missing_fact_is_an_error():
    with pytest.raises(KeyError):
        phrase("receipt.file")


def test_every_text_for_people_is_composed_unicode():
    for path in settings.load().seeds.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for text in row.values():
                    assert unicodedata.is_normalized("NFC", text), (path.name, text)


def test_every_phrase_is_said_somewhere():
    project = settings.load().project
    patterns = ("src/**/*.py", "src/**/*.html", "plugins/*.py", "dags/*.py", "dbt_project/m*/**/*.sql")
    places = [path for pattern in patterns for path in project.glob(pattern)]
    code = "\n".join(path.read_text(encoding="utf-8") for path in places)
    for row in read_seed("phrases"):
        whole, family = re.escape(row["phrase"]), re.escape(row["phrase"].split(".")[0])
        # By its name, or as one of a family whose last word the code fills in: phrase(f"status.{status}").
        assert re.search(rf"[\"']{whole}[\"']|[\"']{family}\.(\w+\.)?[\"'{{]", code), row["phrase"]
