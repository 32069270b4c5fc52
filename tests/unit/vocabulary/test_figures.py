"""One row per way of writing: what stands in the cell, and what the decision table makes of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.figures import RULES, as_written, highest_possible, read_figure
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import load_checks

HOUSEHOLDS = next(item for item in load_catalogue() if item.unit_measure == "hộ" and item.form)
HIGHEST = Decimal(600_000)

# written, type, rule, status, value or suggestion
WAYS_OF_WRITING = [
    # Numbers in number cells.
    ("1288", "number", "plain_number", "read", "1288"),
    ("0", "number", "plain_number", "read", "0"),
    ("1288.0", "number", "number", "read", "1288"),
    ("1E+5", "number", "number", "read", "100000"),
    ("-0", "number", "number", "read", "0"),
    ("1288.0000000000002", "number", "rounding_noise", "read", "1288"),
    ("1.288", "number", "thousands_dot_lost", "held", "1288"),  # Cẩm Thủy 2021: 1.288 tổ, through an English Excel
    ("12.5", "number", "thousands_dot_lost", "held", "12500"),
    ("0.581", "number", "number_with_decimals", "held", None),
    ("1288.25", "number", "number_with_decimals", "held", None),
    ("-5", "number", "negative_number", "refused", None),
    ("1E+15", "number", "too_many_digits", "refused", None),
    ("1234567890123456", "number", "too_many_digits", "refused", None),
    ("600001", "number", "plain_number/impossible", "refused", None),
    ("nan", "number", "not_a_finite_number", "held", None),
    ("1E+9999", "number", "not_a_finite_number", "held", None),
    # What is no number at all.
    (None, "blank", "blank", "blank", None),  # not reported, never zero
    ("  \u00a0 ", "text", "blank", "blank", None),
    ("#REF!", "error", "error", "held", None),
    ("1", "boolean", "boolean", "held", None),
    ("46154", "date", "date", "held", None),
    # Text that means one number.
    ("1288", "text", "digits_as_text", "read", "1288"),
    (" 35 ", "text", "digits_as_text", "read", "35"),
    ("007", "text", "leading_zeros", "read", "7"),
    ("1.288", "text", "dots_group_thousands", "read", "1288"),  # Cẩm Thủy 2021: 1.288 tổ an ninh xã hội
    ("38.578", "text", "dots_group_thousands", "read", "38578"),  # Nghệ An 2023: 38.578 tổ tự quản
    ("1 288", "text", "spaces_group_thousands", "read", "1288"),
    ("1\u00a0288", "text", "spaces_group_thousands", "read", "1288"),
    ("12\u2009288", "text", "spaces_group_thousands", "read", "12288"),
    ("12\u202f288", "text", "spaces_group_thousands", "read", "12288"),
    ("1288.0", "text", "zero_decimals", "read", "1288"),
    ("1288,00", "text", "zero_decimals", "read", "1288"),
    ("1.288,0", "text", "zero_decimals", "read", "1288"),
    ("１２８８", "text", "full_width_digits", "read", "1288"),
    ("１．２８８", "text", "full_width_digits", "read", "1288"),
    ("1.288 hộ", "text", "number_with_its_unit", "read", "1288"),  # Thanh Hóa: 12.397 hộ
    ("35 HỘ", "text", "number_with_its_unit", "read", "35"),
    ("35ho\u0302\u0323", "text", "number_with_its_unit", "read", "35"),  # the same word, decomposed
    # Text with two readings.
    ("1,288", "text", "commas_group_thousands", "held", "1288"),
    ("1,288.00", "text", "english_number", "held", "1288"),
    ("12.5", "text", "decimals_in_a_count", "held", None),
    ("58,1", "text", "decimals_in_a_count", "held", None),
    ("1.28.8", "text", "unclear_separators", "held", None),
    ("0.123", "text", "unclear_separators", "held", None),
    ("1288.000", "text", "unclear_separators", "held", None),
    ("1\n288", "text", "number_among_words", "held", None),
    # Text that is not exactly one number.
    ("-", "text", "sign_for_nothing", "held", None),
    ("—", "text", "sign_for_nothing", "held", None),
    ("...", "text", "sign_for_nothing", "held", None),
    ("…", "text", "sign_for_nothing", "held", None),
    ("x", "text", "sign_for_nothing", "held", None),
    ("không", "text", "word_for_nothing", "held", "0"),
    ("Không phát sinh", "text", "word_for_nothing", "held", "0"),
    ("~500", "text", "about_a_number", "held", "500"),
    ("khoảng 1.200", "text", "about_a_number", "held", "1200"),
    ("trên 95", "text", "about_a_number", "held", "95"),
    ("12/5", "text", "fraction_or_day", "held", None),
    ("3-4", "text", "fraction_or_day", "held", None),
    ("234 hộ/119 khu", "text", "number_among_words", "held", "234"),  # Quảng Trạch 2019: 234 tổ/119 khu dân cư
    ("35 buổi", "text", "number_among_words", "held", "35"),
    ("1288 (ước tính)", "text", "number_among_words", "held", "1288"),
    ("95,5 %", "text", "number_among_words", "held", None),
    ("1_288", "text", "number_among_words", "held", None),  # Python's int() would take it
    ("=5+3", "text", "number_among_words", "held", None),
    ("đang rà soát", "text", "words", "held", None),
    ("١٢٨٨", "text", "foreign_signs", "held", None),  # Arabic-Indic digits: Python's int() would take them too
    ("12\u200b88", "text", "foreign_signs", "held", None),
    ("\u202e8821", "text", "foreign_signs", "held", None),
    ("½", "text", "foreign_signs", "held", None),
    # Impossible.
    ("-5", "text", "negative_text", "refused", None),
    ("\u22125", "text", "negative_text", "refused", None),
    ("(25)", "text", "in_parentheses", "refused", None),
    ("1234567890123456", "text", "too_many_digits_as_text", "refused", None),
    ("1.234.567.890.123.456", "text", "too_many_groups", "refused", None),
    ("700.000", "text", "dots_group_thousands/impossible", "refused", None),
]


@pytest.mark.parametrize(("written", "raw_type", "rule", "status", "meant"), WAYS_OF_WRITING)
def test_a_clerks_figure_is_read_as_it_was_meant_or_held(written, raw_type, rule, status, meant):
    reading = read_figure(written, raw_type, HOUSEHOLDS, highest=HIGHEST)
    assert (reading.rule, reading.status) == (rule, status)
    told = str(reading.value) if status == "read" else reading.suggestion
    assert told == meant


# What the workbook says about the cell: arguments, rule, status
WAYS_OF_SHOWING = [
    ({"is_formula": True, "raw_text": "12", "raw_type": "number"}, "formula_result", "read"),
    ({"is_formula": True, "raw_text": None, "raw_type": "blank"}, "formula_without_value", "held"),
    ({"is_formula": True, "raw_text": "", "raw_type": "text"}, "formula_without_value", "held"),
    ({"is_formula": True, "raw_text": "12", "raw_type": "text"}, "formula_text", "held"),
    ({"is_merged": True, "raw_text": "12", "raw_type": "number"}, "merged", "held"),
    ({"is_merged": True, "raw_text": None, "raw_type": "blank"}, "merged", "held"),
    ({"is_hidden": True, "raw_text": "12", "raw_type": "number"}, "hidden", "held"),
    ({"number_format": "0%", "raw_text": "1", "raw_type": "number"}, "disguised_number", "held"),
    ({"number_format": "#,##0,", "raw_text": "1288000", "raw_type": "number"}, "disguised_number", "held"),
    ({"number_format": ";;;", "raw_text": "12", "raw_type": "number"}, "disguised_number", "held"),
    ({"number_format": "[$-42A]#,##0", "raw_text": "12", "raw_type": "number"}, "plain_number", "read"),
    ({"number_format": '#,##0 "hộ"', "raw_text": "12", "raw_type": "number"}, "plain_number", "read"),
    ({"number_format": "@", "raw_text": "12", "raw_type": "number"}, "plain_number", "read"),
]


@pytest.mark.parametrize(("cell", "rule", "status"), WAYS_OF_SHOWING)
def test_a_cell_that_shows_something_else_than_it_holds_is_held(cell, rule, status):
    reading = read_figure(indicator=HOUSEHOLDS, highest=HIGHEST, **cell)
    assert (reading.rule, reading.status) == (rule, status)


def test_every_line_of_the_decision_table_has_a_way_of_writing():
    tried = {rule.split("/")[0] for _, _, rule, _, _ in WAYS_OF_WRITING} | {rule for _, rule, _ in WAYS_OF_SHOWING}
    tried.add("comma_marks_decimals")  # see the measured quantities below
    assert {rule.rule for rule in RULES} == tried


def test_every_check_of_the_decision_table_has_its_sentence():
    checks = load_checks()
    for rule in RULES:
        assert rule.check is None or checks[rule.check].severity in ("info", rule.status)


@pytest.mark.parametrize(
    ("written", "raw_type", "value", "status"),
    [
        ("58,1", "text", "58.1", "read"),
        ("1.288,5", "text", "1288.5", "read"),
        ("58.1", "number", "58.1", "read"),
        ("58.1", "text", None, "held"),
        ("58,12", "text", None, "held"),
        ("0.58123", "number", None, "held"),
    ],
)
def test_a_measured_quantity_has_decimals_after_a_comma(written, raw_type, value, status):
    hectares = replace(HOUSEHOLDS, decimals=1, unit_measure="ha")
    reading = read_figure(written, raw_type, hectares, highest=HIGHEST)
    assert (reading.status, None if reading.value is None else str(reading.value)) == (status, value)


def test_a_year_may_hold_twelve_months_of_a_flow_and_so_may_the_year_to_date():
    monthly = next(item for item in load_catalogue() if item.is_flow and item.frequency == "month")
    assert highest_possible(monthly, parse_period("2026"), "period") == 12 * monthly.value_max
    assert highest_possible(monthly, parse_period("2026-M01"), "period") == monthly.value_max
    assert highest_possible(monthly, parse_period("2026-M01"), "year_to_date") == 12 * monthly.value_max


def test_a_date_is_quoted_as_its_writer_saw_it():
    assert as_written("46154", "date") == "12/05/2026"
    assert as_written("0.1277", "date") == "03:03"  # a cell that shows a time of day
    assert as_written("1.288", "number") == "1,288"
    assert as_written("1", "boolean") == "TRUE"
