"""The words by which heads of columns and lines above a table are known. Source: ``seeds/form_words.csv``."""

from functools import cache, lru_cache
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.areas import canonical_name
from tuquan.vocabulary.seeds import read_seed


def head_of(text: str) -> str | None:
    """Return the tag of the column that ``text`` heads ("#indicator", "#period", …), or None."""
    meaning = _meanings(settings.load().seeds)["head"].get(canonical_name(text).rstrip(" :"))
    return meaning and f"#{meaning}"


def line_of(text: str) -> tuple[str, str] | None:
    """Return (what a line above the table tells, the rest of it), or None for any other line.

    >>> line_of("Mã đơn vị: 15127")
    ('code', '15127')
    """
    told, colon, rest = text.partition(":")
    meaning = _meanings(settings.load().seeds)["line"].get(canonical_name(told).strip())
    return (meaning, rest.strip()) if meaning and (colon or not rest) else None


@lru_cache(maxsize=1024)
def is_scaled(text: str) -> bool:
    """Whether a line gives all figures in another unit than one: "Đơn vị tính: nghìn người".

    >>> is_scaled("Đơn vị tính: nghìn người"), is_scaled("Đơn vị tính")
    (True, False)
    """
    meanings = _meanings(settings.load().seeds)
    told = canonical_name(text).strip(" ()")
    return any(
        told.startswith(word) and (told[len(word) :].lstrip(" :").split() or [""])[0] in meanings["scale"]
        for word, meaning in meanings["head"].items()
        if meaning == "unit"
    )


def without_organisation(text: str) -> str:
    """Return the name of the area in the name of its office: "UBND xã Cẩm Tú" is in Xã Cẩm Tú."""
    name = canonical_name(text)
    for office in _meanings(settings.load().seeds)["organisation"]:
        if name.startswith(f"{office} "):
            return canonical_name(name.removeprefix(f"{office} "))
    return name


@cache
def _meanings(seeds: Path) -> dict[str, dict[str, str]]:
    meanings: dict[str, dict[str, str]] = {"head": {}, "line": {}, "organisation": {}, "scale": {}}
    for row in read_seed("form_words", seeds):
        meaning, word = row["meaning"], canonical_name(row["word_vi"])
        if meaning in ("organisation", "scale"):
            meanings[meaning][word] = meaning
        elif meaning.startswith("line_"):
            meanings["line"][word] = meaning.removeprefix("line_")
        else:
            meanings["head"][word] = meaning
    return meanings
