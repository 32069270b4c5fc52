"""Data Docs: what each expectation saw, as pages of Great Expectations' own renderer, under a Vietnamese index.

GX's pages load scripts, styles and logos from the internet and are blank tables without them. These open anywhere, call
nobody, and are the same bytes for the same results: they ship with the release.
"""

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tuquan import settings
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import number_vi, period_vi, phrase

DATA_DOCS = "data-docs"  # with examples of what failed: for the office
RELEASED_DATA_DOCS = "data-docs-released"  # without: for everybody
COLUMNS = ("gate", "check", "severity", "outcome", "count", "details")
# Scripts, styles, pictures, comments and forms of GX's page template; what is left is text and tables.
_LEFT_OUT = re.compile(
    r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>|<!--.*?-->"
    r"|<nav\b.*?</nav>",
    re.DOTALL | re.IGNORECASE,
)
_LINK = re.compile(r"<a\b[^>]*>(.*?)</a>", re.DOTALL | re.IGNORECASE)
_RANDOM_ID = re.compile(r"-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What of a result says how many, and not which or what.
_COUNTS = (
    *("element_count", "missing_count", "missing_percent", "unexpected_count", "unexpected_percent"),
    *("unexpected_percent_total", "unexpected_percent_nonmissing"),
)
Line = tuple[str, str, str, str, int | None, str, Sequence[str]]
_CLOCK = ("batch_markers", "validation_time", "run_id")


def write_data_docs(folder: Path, time_period: str, pages: Mapping[str, Any], lines: Sequence[Line]) -> None:
    """Write the pages twice into ``folder`` (``review/<time_period>``): with what failed, and for a release without.

    ``pages`` are the results of GX by suite; they lose their examples.
    """
    _write_pages(folder / DATA_DOCS, time_period, pages, lines)
    for judged in pages.values():
        for result in judged.results:
            result.result = {name: value for name, value in result.result.items() if name in _COUNTS}
    without = [(*line[:5], "", ()) for line in lines]
    _write_pages(folder / RELEASED_DATA_DOCS, time_period, pages, without)


def _write_pages(folder: Path, time_period: str, pages: Mapping[str, Any], lines: Iterable[Line]) -> None:
    """Write ``index.html`` and one page per suite into ``folder``, in place of what was there.

    Each of ``lines`` is one expectation: gate, suite, check, severity, number of failing rows when it is not met, what
    there is to say then, and some of the rows.
    """
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    style = (settings.load().expectations / "data_docs.css").read_text(encoding="utf-8")
    fresh = folder.with_name(f".tmp-{folder.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    title = phrase("data_docs.title", period=period_vi(parse_period(time_period)))
    renderer, view = ValidationResultsPageRenderer(), DefaultJinjaPageView()
    for suite, judged in pages.items():
        for key in _CLOCK:
            judged.meta.pop(key, None)
        page = view.render(renderer.render(judged))
        body = _RANDOM_ID.sub("", _LINK.sub(r"\1", _LEFT_OUT.sub("", page[page.index("<body") :])))
        body = re.sub(r"^<body[^>]*>|</body>|</html>", "", body)
        back = f'<p><a href="index.html">{escape(phrase("data_docs.back"))}</a></p>'
        _write(fresh / f"{suite}.html", f"{title}: {suite}", style, back + body, "en")
    heads = "".join(f"<th>{escape(phrase(f'data_docs.column.{column}'))}</th>" for column in COLUMNS)
    rows = "\n".join(_row(*line) for line in lines)
    _write(fresh / "index.html", title, style, f"<table><tr>{heads}</tr>\n{rows}\n</table>", "vi")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _row(
    gate: str, suite: str, check: str, severity: str, failing: int | None, message: str, examples: Sequence[str]
) -> str:
    is_met = failing is None
    outcome = phrase("data_docs.met" if is_met else "data_docs.unmet")
    said = escape(phrase(f"gate_check.{check}")) + ("" if is_met else f"<br><em>{escape(message)}</em>")
    said += "".join(f"<br><small>{escape(example)}</small>" for example in examples)
    cells = (
        f"<td>{escape(phrase(f'gate.{gate}'))}</td>",
        f"<td>{said}</td>",
        f"<td>{escape(phrase(f'severity.{severity}'))}</td>",
        f'<td class="{"met" if is_met else "unmet"}">{escape(outcome)}</td>',
        f'<td class="number">{number_vi(failing)}</td>',
        f'<td><a href="{escape(suite)}.html">{escape(suite)}</a></td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _write(path: Path, title: str, style: str, body: str, language: str) -> None:
    lines = "\n".join(line for line in map(str.rstrip, body.splitlines()) if line.strip())
    path.write_text(
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<style>\n{style}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n{lines}\n</body>\n</html>\n",
        encoding="utf-8",
    )
