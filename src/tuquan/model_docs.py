"""One page about all models, in dbt's own site: it opens without a server and without the internet.

dbt can write it itself, which takes a run of its own; here the picture of the project goes in that a build leaves.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from tuquan import settings

_KINDS = ("nodes", "sources", "macros", "docs", "exposures", "metrics", "groups")
# Of where and when it was drawn nothing is told: the same models give the same page.
_LEFT_OUT = ("root_path", "build_path", "compiled_path", "created_at", "relation_name", "database", "defer_relation")


def model_docs_file() -> Path:
    """Return where the page of the newest build lies."""
    return settings.load().home / "warehouse" / "model-docs.html"


def write_model_docs(manifest: Path) -> None:
    """Write the page from the picture of the project (``manifest.json``) that a build left."""
    drawn = json.loads(manifest.read_text(encoding="utf-8"))
    told = {name: _plain(value) for name, value in drawn.items() if name not in ("metadata", "unit_tests")}
    for kind in _KINDS:
        told[kind] = {
            key: {name: value for name, value in node.items() if name not in _LEFT_OUT}
            for key, node in told.get(kind, {}).items()
            if key.split(".")[1] == "tuquan" or kind == "docs"
        }
    told["metadata"] = {"project_name": "tuquan", "adapter_type": "duckdb", "dbt_version": "", "generated_at": ""}
    told |= {"unit_tests": {}, "saved_queries": {}, "semantic_models": {}}
    catalog = {"metadata": {"generated_at": ""}, "nodes": {}, "sources": {}, "errors": None}
    page = files("dbt.task.docs").joinpath("index.html").read_text(encoding="utf-8")
    for place, data in (("MANIFEST.JSON", told), ("CATALOG.JSON", catalog)):
        # In a script of the page: no text may end it.
        text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
        page = page.replace(f'"{place} INLINE DATA"', text)
    fresh = model_docs_file().with_suffix(".tmp")
    fresh.write_text(page, encoding="utf-8")
    fresh.replace(model_docs_file())


def _plain(value: Any) -> Any:
    return {} if value is None else value
