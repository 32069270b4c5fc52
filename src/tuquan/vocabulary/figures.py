"""Read figures the way Vietnamese clerks write them: one decision table, first line that fits decides.

A dot groups thousands and a comma marks decimals, but only in text: a *number* 1.288 in a count is 1288 that a
spreadsheet with English settings damaged. What has two readings is held with a suggestion; blank is not reported and
never zero. Each way of writing has its row in ``tests/unit/vocabulary/test_figures.py``.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from tuquan.vocabulary.catalogue import Indicator
from tuquan.vocabulary.periods import Period

MOST_DIGITS = 15  # a spreadsheet keeps no more; longer numbers come back changed
NOTED = "number_was_read_with_a_note"
NOT_A_NUMBER = "value_is_a_number"
NOTHING = "nothing_is_zero_or_blank"
_SPACES = " \t\r\n\u00a0\u2007\u2008\u2009\u200a\u202f"
_SPACE = "[ \u00a0\u2007\u2008\u2009\u200a\u202f]"
_GROUPS_BY_DOT = r"[1-9]\d{0,2}(?:\.\d{3})+"
_GROUPS_BY_SPACE = rf"[1-9]\d{{0,2}}(?:{_SPACE}\d{{3}})+"
_PLAIN_OR_GROUPED = rf"0|[1-9]\d{{0,14}}|{_GROUPS_BY_DOT}|{_GROUPS_BY_SPACE}"
_GROUPS_BY_COMMA = r"[1-9]\d{0,2}(?:,\d{3})+"
_FULL_WIDTH = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), 0xFF0C, 0xFF0E)}
_EXACT_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DAY_0 = datetime(1899, 12, 30)  # noqa: DTZ001 - of spreadsheets, which know no zones
# The parts of a number format: text in quotes, an escaped sign, colour or condition, a gap or filling, any other sign
_FORMAT_PARTS = re.compile(r'"([^"]*)"|\\(.)|(\[[^\]]*\])|[_*].|(.)')
_NUMBER_IN_WORDS = re.compile(rf"{_GROUPS_BY_DOT}|{_GROUPS_BY_SPACE}(?!\d)|\d{{1,{MOST_DIGITS}}}", re.ASCII)


class Written(Struct, frozen=True, gc=False):
    """What stands in a cell: the text without surrounding spaces, and what the workbook says about it."""

    text: str
    raw_type: str
    number_format: str | None
    is_formula: bool
    is_hidden: bool
    is_merged: bool
    decimals: int
    unit: str

    @property
    def number(self) -> Decimal | None:
        """The value of a number cell."""
        return Decimal(self.text) if self.raw_type == "number" and _EXACT_NUMBER.fullmatch(self.text) else None


class Reading(Struct, frozen=True, gc=False):
    """How a cell was read. ``value`` only when ``status`` is "read"; ``check`` names the sentence for the sender."""

    value: Decimal | None
    rule: str
    status: str
    check: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the decision table.

    ``fits`` tells whether the line applies; ``meant`` gives the number that is read, or only suggested when the
    status is "held".
    """

    rule: str
    status: str
    check: str | None
    fits: Callable[[Written], bool]
    meant: Callable[[Written], Decimal | None] = lambda _: None


def read_figure(
    raw_text: str | None,
    raw_type: str,
    indicator: Indicator,
    *,
    highest: Decimal | None = None,
    number_format: str | None = None,
    is_formula: bool = False,
    is_hidden: bool = False,
    is_merged: bool = False,
) -> Reading:
    """Return how the cell is read as a figure of ``indicator``.

    Args:
        raw_text: the cell as stored: digits with a dot for a number cell, the text for a text cell, None when blank.
        raw_type: number, text, boolean, error, date or blank.
        indicator: decides unit, decimals and the lowest possible value.
        highest: the highest possible value for the period, see :func:`highest_possible`.
        number_format: how the cell shows its number.
        is_formula: the cell holds a formula; ``raw_text`` is its stored result.
        is_hidden: its row or column is hidden.
        is_merged: it is part of a merged range.
    """
    text = (raw_text or "").strip(_SPACES)
    written = Written(
        text, raw_type, number_format, is_formula, is_hidden, is_merged, indicator.decimals, indicator.unit_measure
    )
    for rule in RULES:
        if rule.fits(written):
            break
    else:
        raise LookupError(f"the decision table has no line for {written!r}; its last line must fit everything")
    meant = rule.meant(written)
    if rule.status != "read":
        suggestion = None if meant is None else _plain(meant)
        return Reading(None, rule.rule, rule.status, rule.check, suggestion)
    if meant is None:
        raise LookupError(f"line {rule.rule} of the decision table reads nothing from {written!r}")
    lowest = indicator.value_min
    if (highest is not None and meant > highest) or (lowest is not None and meant < lowest):
        return Reading(None, f"{rule.rule}/impossible", "refused", "value_is_possible")
    return Reading(meant + 0, rule.rule, "read", rule.check)  # adding 0 makes a spreadsheet's -0 plain


def highest_possible(indicator: Indicator, period: Period, measure: str) -> Decimal | None:
    """Return the highest value that one commune can have; the year to date is bounded by a whole year."""
    if measure == "year_to_date":
        period = Period(period.year, "year", 1, period.calendar)
    return indicator.highest_possible(period)


def as_written(raw_text: str | None, raw_type: str) -> str:
    """Return the cell as its writer saw it, for a sentence: a stored day number becomes a date or a time of day."""
    text = (raw_text or "").strip(_SPACES)
    if raw_type == "date" and _EXACT_NUMBER.fullmatch(text) and 0 <= float(text) < 2_958_466:
        moment = _DAY_0 + timedelta(seconds=int(float(text) * 86_400))
        return moment.strftime("%d/%m/%Y" if float(text) >= 1 else "%H:%M")
    if raw_type == "number" and _EXACT_NUMBER.fullmatch(text):
        return text.replace(".", ",")
    if raw_type == "boolean":
        return {"1": "TRUE", "0": "FALSE"}.get(text, text)
    return text


def _text(pattern: str) -> Callable[[Written], bool]:
    fullmatch = re.compile(pattern, re.ASCII | re.IGNORECASE).fullmatch
    return lambda written: written.raw_type == "text" and fullmatch(written.text) is not None


def _is_number(condition: Callable[[Decimal, Written], bool]) -> Callable[[Written], bool]:
    def fits(written: Written) -> bool:
        number = written.number
        return number is not None and condition(number, written)

    return fits


def _digits(written: Written) -> Decimal:
    return Decimal(written.text.replace(",", ""))


def _vietnamese(written: Written) -> Decimal:
    return _from_vietnamese(written.text)


def _from_vietnamese(text: str) -> Decimal:
    for sign in (".", *_SPACES):
        text = text.replace(sign, "")
    return Decimal(text.replace(",", "."))


def _without_zero_decimals(written: Written) -> Decimal:
    return _from_vietnamese(re.sub(r"[.,]0+$", "", written.text))


def _narrow(written: Written) -> str:
    return written.text.translate(_FULL_WIDTH)


def _from_full_width(written: Written) -> Decimal:
    return _from_vietnamese(_narrow(written))


def _without_unit(written: Written) -> str | None:
    """The number in front of exactly the indicator's unit, or None."""
    text, unit = _folded(written.text), _folded(written.unit)
    if written.raw_type != "text" or not unit or not text.endswith(unit):
        return None
    return text[: -len(unit)].rstrip(_SPACES)


def _before_unit(written: Written) -> Decimal | None:
    text = _without_unit(written)
    return _from_vietnamese(text) if text else None


def _number_in_words(written: Written) -> Decimal | None:
    """The only number among words, or the one that stands in front of the indicator's unit."""
    found = list(_NUMBER_IN_WORDS.finditer(written.text))
    if len(found) == 1:
        return _from_vietnamese(found[0][0])
    unit = _folded(written.unit)
    counted = [match for match in found if _folded(written.text[match.end() :].lstrip(_SPACES)).startswith(unit)]
    return _from_vietnamese(counted[0][0]) if len(counted) == 1 and unit else None


@lru_cache(maxsize=256)
def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _thousandfold(written: Written) -> Decimal | None:
    """1.288 → 1288: the dot that grouped thousands was taken for a decimal point."""
    number = written.number
    if number is None or not 1 <= number < 1000:
        return None
    grown = number * 1000
    return grown if grown == grown.to_integral_value() else None


def _scale(number: Decimal) -> int:
    return max(0, -int(number.normalize().as_tuple().exponent))


def _nearest(written: Written) -> Decimal:
    number = written.number
    assert number is not None  # noqa: S101 - the line fits number cells only
    return round(number, written.decimals)


def _is_noise(number: Decimal, written: Written) -> bool:
    """Whether a formula's 1288.0000000000002 is 1288 in the arithmetic of spreadsheets."""
    nearest = round(number, written.decimals)
    return number != nearest and abs(number - nearest) <= Decimal("1e-9") * max(1, abs(number))


def _is_plain_number(written: Written) -> bool:
    """Whether nothing has to be asked: what nearly every cell of a good form is."""
    text = written.text
    return (
        written.raw_type == "number"
        and text.isascii()
        and text.isdigit()
        and len(text) <= MOST_DIGITS
        and not (written.is_formula or written.is_hidden or written.is_merged)
        and not _format_disguises(written.number_format, written.unit)
    )


def _is_disguised(written: Written) -> bool:
    """Whether the format shows another number than the cell holds: percent, scaled, in thousands, nothing at all."""
    return written.raw_type == "number" and _format_disguises(written.number_format, written.unit)


@lru_cache(maxsize=1024)
def _format_disguises(number_format: str | None, unit: str) -> bool:
    if number_format in (None, "", "General", "@"):
        return False
    sections, has_conditions = [("", "")], False
    for quoted, escaped, brackets, sign in _FORMAT_PARTS.findall(number_format):
        has_conditions |= brackets[1:2] in ("<", ">", "=")
        if sign == ";":
            sections.append(("", ""))
        else:
            words, shown = sections[-1]
            sections[-1] = (words + quoted + escaped, shown + sign)
    if not has_conditions:  # then the first section is that of positive numbers
        sections = sections[:1]
    return any(_section_disguises(words, shown, unit) for words, shown in sections)


def _section_disguises(words: str, shown: str, unit: str) -> bool:
    """Whether a section scales, shows nothing, or says something beside the number that is not its unit."""
    said = _folded(words).strip(_SPACES)
    return (
        not shown.strip()
        or re.search(r"%|[0#?],+(?![0#?,])|(?<!E)-|\(", shown) is not None
        or (said != _folded(unit) and re.search(r"[\w(%-]", said) is not None)
    )


def _has_foreign_signs(written: Written) -> bool:
    """Whether there are digits of other scripts, or signs that are not seen (zero width, right-to-left)."""
    return written.raw_type == "text" and any(
        unicodedata.category(sign) in ("Cf", "Cc", "Co", "Cs", "Cn", "Nl", "No")
        or (sign.isdigit() and not sign.isascii() and ord(sign) not in _FULL_WIDTH)
        for sign in written.text
        if sign not in "\n\t\r"
    )


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _comma_decimals(written: Written) -> bool:
    match = re.fullmatch(rf"(?:\d{{1,15}}|{_GROUPS_BY_DOT}),(\d+)", written.text, re.ASCII)
    return written.raw_type == "text" and match is not None and 0 < len(match[1]) <= written.decimals


# The first line that fits decides, so the order is part of the table.
RULES: tuple[Rule, ...] = (
    Rule("plain_number", "read", None, _is_plain_number, _digits),
    Rule("formula_without_value", "held", "formula_has_a_value", lambda w: w.is_formula and not w.text),
    Rule("merged", "held", "value_is_not_hidden_or_merged", lambda w: w.is_merged),
    Rule("blank", "blank", None, lambda w: not w.text),
    Rule("error", "held", "cell_is_not_an_error", lambda w: w.raw_type == "error"),
    Rule("hidden", "held", "value_is_not_hidden_or_merged", lambda w: w.is_hidden),
    Rule("boolean", "held", NOT_A_NUMBER, lambda w: w.raw_type == "boolean"),
    Rule("date", "held", NOT_A_NUMBER, lambda w: w.raw_type == "date"),
    # Number cells.
    Rule("not_a_finite_number", "held", NOT_A_NUMBER, lambda w: w.raw_type == "number" and w.number is None),
    Rule("negative_number", "refused", "value_is_not_negative", _is_number(lambda number, _: number < 0)),
    Rule("too_many_digits", "refused", "value_is_possible", _is_number(lambda number, _: number >= 10**MOST_DIGITS)),
    Rule("disguised_number", "held", "number_format_shows_the_value", _is_disguised),
    Rule("formula_result", "read", NOTED, _is_number(lambda n, w: w.is_formula and _scale(n) <= w.decimals), _nearest),
    Rule("number", "read", None, _is_number(lambda number, w: _scale(number) <= w.decimals), _nearest),
    Rule("rounding_noise", "read", NOTED, _is_number(_is_noise), _nearest),
    Rule("thousands_dot_lost", "held", "thousands_dot_was_kept", lambda w: _thousandfold(w) is not None, _thousandfold),
    Rule("number_with_decimals", "held", "count_is_whole", lambda w: w.number is not None),
    # Text cells.
    Rule("foreign_signs", "held", "text_is_ascii_digits", _has_foreign_signs),
    Rule("formula_text", "held", NOT_A_NUMBER, lambda w: w.is_formula, _number_in_words),
    Rule("digits_as_text", "read", None, _text(rf"(?:0|[1-9]\d{{0,{MOST_DIGITS - 1}}})"), _digits),
    Rule("leading_zeros", "read", NOTED, _text(rf"0\d{{1,{MOST_DIGITS - 1}}}"), _digits),
    Rule("too_many_digits_as_text", "refused", "value_is_possible", _text(rf"\d{{{MOST_DIGITS + 1},}}")),
    Rule(
        "too_many_groups", "refused", "value_is_possible", _text(rf"[1-9]\d{{0,2}}(?:(?:[.,]|{_SPACE})\d{{3}}){{5,}}")
    ),
    Rule("negative_text", "refused", "value_is_not_negative", _text(r"[-\u2212\u2013]\d[\d.,]*")),
    Rule("in_parentheses", "refused", "value_is_not_negative", _text(rf"\({_SPACE}*\d[\d.,]*{_SPACE}*\)")),
    Rule("dots_group_thousands", "read", NOTED, _text(_GROUPS_BY_DOT), _vietnamese),
    Rule("spaces_group_thousands", "read", NOTED, _text(_GROUPS_BY_SPACE), _vietnamese),
    Rule("comma_marks_decimals", "read", None, _comma_decimals, _vietnamese),
    Rule(
        "zero_decimals",
        "read",
        NOTED,
        _text(rf"(?:\d{{1,{MOST_DIGITS}}}[.,]0{{1,2}}|{_GROUPS_BY_DOT},0{{1,2}})"),
        _without_zero_decimals,
    ),
    Rule(
        "full_width_digits",
        "read",
        NOTED,
        lambda w: w.raw_type == "text" and re.fullmatch(rf"\d{{1,15}}|{_GROUPS_BY_DOT}", _narrow(w), re.A) is not None,
        _from_full_width,
    ),
    Rule(
        "number_with_its_unit",
        "read",
        NOTED,
        lambda w: re.fullmatch(_PLAIN_OR_GROUPED, _without_unit(w) or "", re.A) is not None,
        _before_unit,
    ),
    Rule("commas_group_thousands", "held", "thousands_separator_is_clear", _text(_GROUPS_BY_COMMA), _digits),
    Rule(
        "english_number",
        "held",
        "thousands_separator_is_clear",
        _text(rf"{_GROUPS_BY_COMMA}\.0{{1,2}}"),
        lambda w: Decimal(w.text.split(".")[0].replace(",", "")),
    ),
    Rule("decimals_in_a_count", "held", "count_is_whole", lambda w: not w.decimals and _text(r"\d+[.,]\d{1,2}")(w)),
    Rule("unclear_separators", "held", NOT_A_NUMBER, _text(r"[\d.,]*\d[\d.,]*")),
    Rule("sign_for_nothing", "held", NOTHING, _text(r"[-\u2010-\u2015\u2212_.…x/*?]+")),
    Rule(
        "word_for_nothing",
        "held",
        NOTHING,
        lambda w: _folded(w.text) in ("không", "không có", "không phát sinh", "chưa phát sinh"),
        lambda _: Decimal(0),
    ),
    Rule(
        "about_a_number",
        "held",
        NOT_A_NUMBER,
        _text(rf"(?:[~≈><≥≤±]|khoảng|hơn|trên|gần|dưới|ước){_SPACE}*(?:\d{{1,15}}|{_GROUPS_BY_DOT})"),
        _number_in_words,
    ),
    Rule("fraction_or_day", "held", NOT_A_NUMBER, _text(r"\d+(?:[-/+:]\d+)+")),
    Rule(
        "number_among_words", "held", NOT_A_NUMBER, lambda w: any(s in "0123456789" for s in w.text), _number_in_words
    ),
    Rule("words", "held", NOT_A_NUMBER, lambda _: True),
)
