"""Write the documentation of all models as one page (``make docs``): <TUQUAN_HOME>/docs/mo-hinh.html.

dbt draws it from the YAML files alone, without looking into any warehouse. It opens from a folder on a closed network:
the page holds its scripts and fonts, and what dbt's page would load from elsewhere is taken out.
"""

import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tuquan import settings, transform

# dbt's page counts its visitors with a script from elsewhere if the project lets it. Ours doesn't, and here it cannot.
_COUNTER = re.compile(r'"(?:https?:)?//[^"\s]+\.js"')
# What a browser would fetch by itself: a script, style, picture or frame with an address, a font or style sheet in CSS.
_FETCHED = (
    re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//[^\"'>\s]+"),
    re.compile(r"(?:url\(|@import\s+)[\"']?(?:https?:)?//[^\"')\s]+"),
    _COUNTER,
)


class FetchesFromElsewhere(RuntimeError):
    """The page would load something from another machine; the message says what."""


def write_page(target: Path) -> None:
    """Write the page to ``target``.

    Raises:
        BuildFailed: dbt cannot read the project.
        FetchesFromElsewhere: dbt's page loads something that is not taken out yet.
    """
    with TemporaryDirectory() as home:
        kept = os.environ.get("TUQUAN_HOME")
        os.environ["TUQUAN_HOME"] = home
        try:
            # Some tests ask the warehouse what was built before their SQL is known; here is none.
            transform.run_dbt("docs", "generate", "--static", "--empty-catalog", "--exclude", "resource_type:test")
        finally:
            os.environ.pop("TUQUAN_HOME")
            if kept is not None:
                os.environ["TUQUAN_HOME"] = kept
        (drawn,) = Path(home).rglob("static_index.html")
        page = drawn.read_text(encoding="utf-8").replace(f"{home}/", "")
    page = _COUNTER.sub('""', page)
    if found := fetched(page):
        raise FetchesFromElsewhere(f"the page of the models would load {', '.join(found)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")


def fetched(page: str) -> list[str]:
    """Return what a browser that opens ``page`` would fetch from elsewhere."""
    return [match[0] for pattern in _FETCHED for match in pattern.finditer(page)]


if __name__ == "__main__":
    place = settings.load().home / "docs" / "mo-hinh.html"
    write_page(place)
    sys.stdout.write(f"{place}\n")
