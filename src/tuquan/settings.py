"""Where things are, read from the environment once per call of :func:`load`.

Everything that a run writes lies under ``home``; everything it only reads lies under ``project``.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The folders and files of one installation. All paths are absolute."""

    home: Path
    project: Path
    seeds: Path

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def raw(self) -> Path:
        return self.home / "raw"

    def raw_file(self, sha256: str) -> Path:
        """Return where the received bytes with this digest lie, read-only and for ever."""
        return self.raw / sha256[:2] / sha256

    @property
    def warehouse_file(self) -> Path:
        return self.home / "warehouse" / "tuquan.duckdb"

    @property
    def receipts(self) -> Path:
        return self.home / "receipts"

    @property
    def review(self) -> Path:
        return self.home / "review"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def outbox(self) -> Path:
        return self.home / "outbox"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def dbt_project(self) -> Path:
        return self.project / "dbt_project"

    @property
    def expectations(self) -> Path:
        return self.project / "expectations"


def load() -> Settings:
    """Read ``TUQUAN_HOME``, ``TUQUAN_PROJECT`` and ``TUQUAN_SEEDS``; each has a default inside the project folder."""
    return _settings(*map(os.environ.get, ("TUQUAN_HOME", "TUQUAN_PROJECT", "TUQUAN_SEEDS")))


@cache  # sentences are looked up thousands of times a second, and paths are slow to resolve
def _settings(home: str | None, project: str | None, seeds: str | None) -> Settings:
    root = Path(project or Path(__file__).parents[2]).resolve()
    return Settings(
        home=Path(home or root / "var").resolve(), project=root, seeds=Path(seeds or root / "seeds").resolve()
    )
