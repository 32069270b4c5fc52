"""The printed documents of a release: the figures in the official form, and the report on their quality.

Layouts are ``docs/bang-so-lieu.typ`` and ``docs/bao-cao-chat-luong.typ``; everything else comes to them as data. The
same release gives the same bytes. Number, date and signature are left for the office: no name of a person is printed.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tuquan import settings
from tuquan.typesetting import print_pdf
from tuquan.vocabulary.phrases import date_vi, number_vi, period_vi, phrase, shown
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.release_book import (
    Line,
    List,
    ReleaseBook,
    Row,
    area_name,
    below,
    change_list,
    footnote,
    is_partial,
    quality_lists,
    sign_of,
)

FIGURES, QUALITY = "bang-so-lieu", "bao-cao-chat-luong"
COLUMNS = 9  # of figures on a landscape page
MOST_LINES = 2000  # of one printed list; the workbook has them all
# Letters that the typeface has; a name with others is printed with a sign in their place, never refused.
_STRANGE = re.compile(
    r"[^\u0020-\u024f\u0300-\u0323\u1e00-\u1eff\u2010-\u2027\u2030-\u2044\u20ab\u20ac\u2212\u2260-\u2265]"
)
_MAP_CLASSES = 4
# What a column of a printed list takes of the page; others take 2.
_WEIGHTS = {
    **{"number": 1, "area": 4, "area_code": 1.7, "level": 2, "indicator": 5, "message": 9, "cause": 4, "reason": 6},
    **{"explanation": 4, "status": 6, "areas_withheld": 3, "indicator_group": 5},
}
_WORDS = (
    *("motto", "independence", "superior", "issuer", "number", "place_and_date", "report"),
    *("prepared_by", "signed_by", "signing_note", "recipients", "recipients_lines", "quality_title"),
    *("province_table", "district_table", "commune_table", "chart_heading", "map_heading"),
)


def print_release(folder: Path, book: ReleaseBook) -> None:
    """Print ``bang-so-lieu.pdf`` and ``bao-cao-chat-luong.pdf`` of a release into ``folder``."""
    sources = settings.load().project / "docs"
    print_pdf(sources / f"{FIGURES}.typ", folder / f"{FIGURES}.pdf", figures_data(book))
    print_pdf(sources / f"{QUALITY}.typ", folder / f"{QUALITY}.pdf", quality_data(book))


def figures_data(book: ReleaseBook) -> dict[str, Any]:
    """Return what ``bang-so-lieu.typ`` prints: only texts, written as they are to be read."""
    provinces, districts = book.figures("province"), book.figures("district")
    headlines = book.headlines
    common = _common(book)
    open_questions = sum(flag["is_open"] for flag in book.tables["quality.flags"])
    if open_questions:
        common["sentences"].append(phrase("paper.questions", count=number_vi(open_questions)))
    return common | {
        "provinces": [_totals(book, figures) for figures in provinces],
        "districts": [
            _wide(book, below(provinces, districts, "province_area"), book.indicators[start : start + COLUMNS])
            for start in range(0, len(book.indicators) if districts else 0, COLUMNS)
        ],
        "communes": _wide(book, below(districts, book.figures("commune"), "district_area"), headlines),
        "charts": [_bars(chart) for chart in book.charted],
        "map": _map(book),
    }


def quality_data(book: ReleaseBook) -> dict[str, Any]:
    """Return what ``bao-cao-chat-luong.typ`` prints."""
    return _common(book) | {"lists": [_list(one) for one in (*quality_lists(book), change_list(book))]}


def _common(book: ReleaseBook) -> dict[str, Any]:
    provinces = book.figures("province")
    owed = [report for report in book.tables["marts.completeness"] if report["status"] != "not_owed"]
    counts = {status: sum(report["status"] == status for report in owed) for status in ("received", "missing", "held")}
    figures = sum(figure["obs_value"] is not None for figure in book.tables["marts.commune_observations"])
    withheld = sum(figure["value_status"] == "withheld" for figure in book.tables["marts.commune_observations"])
    days = {"start": date_vi(book.period.start), "end": date_vi(book.period.end)}
    is_partly = counts["received"] < len(owed)
    sentences = [
        phrase("form.period", period=period_vi(book.period), **days),
        phrase("release.built_from", files=number_vi(book.files), figures=number_vi(figures)),
        phrase("announce.areas", reported=number_vi(counts["received"]), expected=number_vi(len(owed))),
        *([phrase("paper.preliminary", missing=number_vi(len(owed) - counts["received"]))] if is_partly else []),
        *([phrase("release.preliminary")] if book.is_preliminary and not is_partly else []),
        *(
            [phrase("announce.held", count=number_vi(held))]
            if (held := len(book.tables["quality.held_figures"]))
            else []
        ),
        *([phrase("paper.withheld", count=number_vi(withheld))] if withheld else []),
    ]
    words = {name: phrase(f"paper.{name}") for name in _WORDS}
    return {
        "draft": phrase("release.draft") if book.is_draft else None,
        "words": words | {"none": phrase("release.none"), "legend": phrase("value_sign.legend")},
        "title": phrase("release.title"),
        "subtitle": _text(book.subtitle),
        "period": period_vi(book.period),
        "day": [book.period.end.year, book.period.end.month, book.period.end.day],
        "area": _text(area_name(provinces[0][0])).upper() if len(provinces) == 1 else "",
        "sentences": sentences,
        "heads": {name: phrase(f"release.column.{name}") for name in ("number", "area", "area_code")},
        "total_heads": [
            phrase(f"release.column.{name}")
            for name in ("number", "indicator", "unit", "value", "areas_included", "areas_expected", "explanation")
        ],
        "fingerprint": phrase("release.fingerprint", digest=book.digest),
    }


def _totals(book: ReleaseBook, figures: Sequence[Row]) -> dict[str, Any]:
    """One province: its indicators in rows."""
    by_indicator = {figure["indicator"]: figure for figure in figures}
    rows: list[list[str]] = []
    group = None
    for number, item in enumerate(book.indicators, start=1):
        if item["group_name_vi"] != group:
            group = item["group_name_vi"]
            rows.append([_text(group)])
        figure = by_indicator.get(item["indicator"])
        included, expected = (figure and figure[name] for name in ("areas_included", "areas_expected"))
        rows.append(
            [
                *(number_vi(number), _text(item["name_vi"]), _text(item["unit_measure"]), _figure(figure, item)),
                *(number_vi(included), number_vi(expected), _text(footnote(figure))),
            ]
        )
    return {"name": _text(area_name(figures[0])), "rows": rows}


def _wide(book: ReleaseBook, lines: Sequence[Line], items: Sequence[Row]) -> dict[str, Any]:
    """Areas in rows, indicators in columns; the first of each row says whether it is a total."""
    numbers = {item["indicator"]: number for number, item in enumerate(book.indicators, start=1)}
    rows = []
    for line in lines:
        found = {figure["indicator"]: figure for figure in line.figures}
        cells = [_figure(found.get(item["indicator"]), item) for item in items]
        rows.append(
            [line.number is None, number_vi(line.number), _text(line.name), line.figures[0]["ref_area"], *cells]
        )
    heads = [[_text(item["name_vi"]), _text(item["unit_measure"]), f"({numbers[item['indicator']]})"] for item in items]
    return {"heads": heads, "rows": rows}


def _figure(figure: Row | None, item: Row) -> str:
    if figure is None or figure["obs_value"] is None:
        return sign_of(figure["value_status"] if figure else "not_applicable")
    return number_vi(figure["obs_value"], int(item["decimals"] or 0)) + ("*" if is_partial(figure) else "")


def _bars(chart: Any) -> dict[str, Any]:
    longest = chart.bars[0][1]
    bars = [
        [_text(name), number_vi(value, chart.decimals), float(max(value, Decimal(0)) / longest)]
        for name, value in chart.bars
    ]
    return {"title": _text(chart.title), "unit": _text(chart.unit), "bars": bars}


def _map(book: ReleaseBook) -> dict[str, Any] | None:
    """Dots for the communes with coordinates (``seeds/coordinates.csv``), coloured by a ratio; None without them.

    A ratio, never a count: a count on a map shows where many people live.
    """
    places = {row["area_key"]: (float(row["longitude"]), float(row["latitude"])) for row in read_seed("coordinates")}
    ratios = [item for item in book.indicators if item["rollup_areas"] == "recompute"]
    for item in ratios:
        dots = [
            (*places[figure["area_key"]], figure["obs_value"])
            for figure in book.tables["marts.commune_observations"]
            if figure["indicator"] == item["indicator"] and figure["area_key"] in places
        ]
        if any(value is not None for *_, value in dots):
            return _dots(item, dots)
    return None


def _dots(item: Row, dots: Sequence[tuple[float, float, Decimal | None]]) -> dict[str, Any]:
    values = sorted({value for *_, value in dots if value is not None})
    limits = [values[len(values) * step // _MAP_CLASSES] for step in range(1, _MAP_CLASSES)]
    east, north = ([dot[axis] for dot in dots] for axis in (0, 1))
    # One degree of longitude is shorter than one of latitude: by the cosine, 0.95 in the middle of the country.
    width, height = max(0.95 * (max(east) - min(east)), 0.01), max(max(north) - min(north), 0.01)
    scale = 1 / max(width, height)
    points = [
        [
            round(0.95 * (x - min(east)) * scale, 4),
            round((max(north) - y) * scale, 4),
            -1 if value is None else sum(value >= limit for limit in limits),
        ]
        for x, y, value in dots
    ]
    edges = [None, *limits, None]
    shown_limits = [
        " – ".join(number_vi(edge, 1) if edge is not None else "…" for edge in edges[number : number + 2])
        for number in range(_MAP_CLASSES)
    ]
    return {
        "title": _text(item["name_vi"]),
        "unit": _text(item["unit_measure"]),
        "points": points,
        "size": [round(width * scale, 4), round(height * scale, 4)],
        "classes": [*shown_limits, phrase("paper.map_missing")],
    }


def _list(one: List) -> dict[str, Any]:
    heads = [phrase(f"release.column.{name}") for name in one.columns]
    rows = [[number_vi(number), *map(_cell, line)] for number, line in enumerate(one.lines[:MOST_LINES], start=1)]
    return {
        "heading": phrase(f"release.{one.heading}"),
        "heads": heads,
        "weights": [_WEIGHTS.get(name, 2) for name in one.columns],
        "rows": rows,
        "left_out": phrase("paper.left_out", count=number_vi(left)) if (left := len(one.lines) - len(rows)) else None,
    }


def _cell(value: Any) -> list[Any]:
    """Return a text, and whether it is a number."""
    if isinstance(value, int | Decimal):
        return [number_vi(value, 0 if value == int(value) else 1), True]
    return ["" if value is None else _text(value), False]


def _text(value: Any) -> str:
    return _STRANGE.sub("?", shown(str(value)))
