"""Where things are, read from the environment once per call of :func:`load`.

Everything that a run writes lies under ``home``; everything it only reads lies under ``project``.
"""

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_NAMES = (
    *(b"TUQUAN_HOME", b"TUQUAN_PROJECT", b"TUQUAN_SEEDS", b"TUQUAN_SETTLE_SECONDS"),
    *(b"TUQUAN_LAKE", b"TUQUAN_LAKE_DATA", b"TUQUAN_CONTACTS", b"TUQUAN_ENGINEERS"),
)


@dataclass(frozen=True)
class Settings:
    """The folders and files of one installation. All paths are absolute."""

    home: Path
    project: Path
    seeds: Path
    settle_seconds: float  # how long a file in a channel has to stay the same before it is taken
    # Address of the PostgreSQL database with the catalogue; empty: the warehouse is one file. May hold a password.
    lake: str = field(default="", repr=False)
    lake_data: str = ""  # where its tables lie: a folder, or an s3:// address
    contacts: Path = Path()  # address book of the offices
    engineers: tuple[str, ...] = ()  # mail addresses of those who mend the machinery

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def incoming(self) -> Path:
        return self.home / "incoming"

    @property
    def raw(self) -> Path:
        return self.home / "raw"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    def stored_file(self, place: str, sha256: str) -> Path:
        """Return where the received bytes with this digest lie in "raw" or "quarantine"."""
        return self.home / place / sha256[:2] / sha256

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
    def evidence(self) -> Path:
        """What stays in the office of each release: its figures whole, its files, decisions and gate results."""
        return self.home / "evidence"

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
    """Read the variables of the environment that begin with ``TUQUAN_`` and mean places; each has a default."""
    # As bytes, in which the environment is kept: sentences are looked up thousands of times a second.
    return _settings(*map(os.environb.get, _NAMES))


@cache  # paths are slow to resolve
def _settings(*values: bytes | None) -> Settings:
    home, project, seeds, settle_seconds, lake, lake_data, contacts, engineers = (
        os.fsdecode(value or b"") for value in values
    )
    root = Path(project or Path(__file__).parents[2]).resolve()
    place = Path(home or root / "var").resolve()
    if "://" not in lake_data:
        lake_data = str(Path(lake_data or place / "warehouse" / "lake").resolve())
    return Settings(
        home=place,
        project=root,
        seeds=Path(seeds or root / "seeds").resolve(),
        settle_seconds=float(settle_seconds or 2),
        lake=lake.strip(),
        lake_data=lake_data,
        contacts=Path(contacts or place / "contacts.csv").resolve(),
        engineers=tuple(engineers.split()),
    )
