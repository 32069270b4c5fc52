"""The server of the second engine: where the catalogue of the lake is, how it is reached, and who may write now.

The tables lie as Parquet files in a folder or a bucket; which files make up a table stands in a PostgreSQL database,
the catalogue. Rights are advisory locks of that database: they end with the session that holds them, also after
``kill -9`` or when the machine is gone.
"""

import importlib.util
import os
import socket
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self

from tuquan import settings

DATABASE = "tuquan"  # as the file engine calls its file, so that views say the same on both
EXTENSIONS = ("ducklake", "postgres_scanner", "httpfs")
_SPACE = 7_475_000  # of our advisory locks, so that those of others in this database never meet them
_GONE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}  # after a minute without an answer
_HOLDER = """
select application_name from pg_locks inner join pg_stat_activity using (pid)
where locktype = 'advisory' and granted and classid = %s and objid = %s
    and database = (select oid from pg_database where datname = current_database())
"""


class LakeNotInstalled(RuntimeError):
    """What the lake needs is not part of this installation."""


class Right(IntEnum):
    """What only one session at a time may do."""

    WRITE = 1  # what the package writes: raw and meta
    BUILD = 2  # what dbt writes: everything else
    CHUNK = 3  # a numbered part of the work, such as some files to be read
    PLAN = 4  # a build as a whole: what is to be built, dbt, and what was built


@dataclass(frozen=True)
class Lake:
    """Where the lake is. The password stands apart: ``dsn`` may be shown and logged."""

    dsn: str
    password: str | None = field(repr=False)
    data: str  # a folder or an s3:// address

    @property
    def environment(self) -> dict[str, str]:
        """What a program of its own, such as dbt, has to know to find the lake."""
        known = {"TUQUAN_LAKE": self.dsn, "TUQUAN_LAKE_DATA": self.data, "TUQUAN_EXTENSIONS": str(extensions())}
        return known | ({"PGPASSWORD": self.password} if self.password else {})


def configured() -> Lake | None:
    """Return the lake that the settings name; None: the warehouse is one DuckDB file."""
    paths = settings.load()
    return _lake(paths.lake, paths.lake_data) if paths.lake else None


@cache
def _lake(address: str, data: str) -> Lake:
    parts = _psycopg2().extensions.parse_dsn(address)
    password = parts.pop("password", None)
    return Lake(_psycopg2().extensions.make_dsn(**parts), password, data)


def extensions() -> Path:
    """Return the folder in which DuckDB finds what it needs for the lake; nothing is ever downloaded.

    Raises:
        LakeNotInstalled: the packages of the extra ``lake`` are missing.
    """
    folder = settings.load().warehouse_file.parent / "extensions"
    for name in EXTENSIONS:
        found = importlib.util.find_spec(f"duckdb_extension_{name}")
        if found is None or not found.submodule_search_locations:
            raise LakeNotInstalled(f"TUQUAN_LAKE is set, but duckdb-extension-{name} is not installed; run: make lake")
        for file in Path(found.submodule_search_locations[0]).glob(f"extensions/*/{name}.duckdb_extension"):
            _link(folder / file.parent.name / _platform() / file.name, file)
    return folder


def _link(link: Path, file: Path) -> None:
    """Let ``link`` point to ``file``, also when others do the same at this moment."""
    if link.is_symlink() and link.readlink() == file:
        return
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(file)
    fresh.replace(link)


@cache
def _platform() -> str:
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}
    system = os.uname()
    return f"{ {'Linux': 'linux', 'Darwin': 'osx'}[system.sysname] }_{machine.get(system.machine, system.machine)}"


class Session:
    """A session with the catalogue's server that holds rights, and loses them when it or its process ends."""

    def __init__(self, lake: Lake) -> None:
        name = f"tuquan, process {os.getpid()} on {socket.gethostname()}"
        connect = _psycopg2().connect
        self._connection = connect(lake.dsn, password=lake.password, application_name=name, **_GONE)
        self._connection.autocommit = True

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def try_to_take(self, right: Right, number: int = 0) -> bool:
        """Take a right unless somebody else has it; return whether it is ours."""
        return self._ask("select pg_try_advisory_lock(%s, %s)", _SPACE + right, number)

    def give_back(self, right: Right, number: int = 0) -> None:
        if not self._connection.closed:
            self._ask("select pg_advisory_unlock(%s, %s)", _SPACE + right, number)

    def holder(self, right: Right, number: int = 0) -> str:
        """Return who has a right."""
        return self._ask(_HOLDER, _SPACE + right, number) or "unknown"

    def has_catalogue(self) -> bool:
        """Return whether anybody ever wrote to the lake."""
        return self._ask("select to_regclass('ducklake_metadata') is not null")

    def _ask(self, query: str, *parameters: int) -> str | bool | None:
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            found = cursor.fetchone()
        return found and found[0]


def _psycopg2() -> ModuleType:
    try:
        import psycopg2  # here, because only the lake needs it
        import psycopg2.extensions
    except ImportError:
        raise LakeNotInstalled("TUQUAN_LAKE is set, but psycopg2 is not installed; run: make lake") from None
    return psycopg2
