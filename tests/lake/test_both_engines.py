"""The sample on both engines: the same rows in every table and view that people read, and the same words about them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from made_once import lay_out_parsed_models

from tuquan import sample, settings, warehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# What dbt tests is proven on the file by other tests; here it is proven on the lake.
RUN = """
import sys
from tuquan import collect, load, transform
collect.register_inbox()
load.load_registered()
if sys.argv[1] == "file":
    run_dbt = transform.run_dbt
    transform.run_dbt = lambda *arguments: run_dbt(*arguments, "--exclude-resource-type", "test")
transform.build("2021")
"""
RELATIONS = """
select table_schema || '.' || table_name from information_schema.tables
where table_catalog = current_database() and table_schema in ('marts', 'quality') order by all
"""
# Also what analysts ask for any day.
MORE = ("marts.area_map_on(date '2025-06-30')", "marts.district_restated_on(date '2021-01-01')")


@pytest.fixture
def built(tmp_path, server, parsed_models, monkeypatch):
    """Two homes with the same inbox (the districts of at most 20 communes), each built on its engine."""
    whole = sample.sample_reports()
    monkeypatch.setattr(sample, "sample_reports", lambda: [one for one in whole if len(one.communes) <= 20])
    sample.lay_out_sample(tmp_path / "inbox", 1)
    homes = {name: {"TUQUAN_HOME": str(tmp_path / name), "TUQUAN_LAKE": ""} for name in ("file", "lake")}
    homes["lake"]["TUQUAN_LAKE"] = server()
    monkeypatch.setenv("TUQUAN_HOME", str(tmp_path / "file"))
    lay_out_parsed_models(parsed_models)
    processes = []
    for name, home in homes.items():
        shutil.copytree(tmp_path / "inbox", Path(home["TUQUAN_HOME"]) / "inbox")
        command = [sys.executable, "-c", RUN, name]
        environment = {**os.environ, **home, "TUQUAN_SETTLE_SECONDS": "0"}
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    logs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(log[-3000:] for log in logs)
    return homes


def test_file_and_lake_give_the_same_rows_and_the_same_comments(built, monkeypatch):
    told = {}
    for name, home in built.items():
        for key, value in home.items():
            monkeypatch.setenv(key, value)
        assert bool(settings.load().lake) is (name == "lake")
        with warehouse.look() as connection:
            relations = [found for (found,) in connection.execute(RELATIONS).fetchall()]
            database = connection.execute("select current_database()").fetchone()[0]
            comments = [row for row in warehouse.column_comments(connection, database) if row[0] in relations]
            told[name] = {relation: content(connection, relation) for relation in (*relations, *MORE)}
            told[name]["comments"] = sorted(comments)
    rows, tables = sum(count for count, _, _ in counts(told["lake"])), len(told["lake"])
    assert (rows > 10_000, tables > 30, len(told["lake"]["comments"]) > 300) == (True, True, True)
    assert told["file"].keys() == told["lake"].keys()
    assert [relation for relation in told["file"] if told["file"][relation] != told["lake"][relation]] == []


def content(connection, relation):
    """Number and digest of the rows, without the columns that are clocks."""
    columns = [name for name, kind in warehouse.columns(connection, f"(from {relation})") if "TIMESTAMP" not in kind]
    named = ", ".join(f'"{name}"' for name in columns)
    return connection.execute(
        f"select count(*), md5(string_agg(line::varchar, '\n' order by line::varchar)), $columns "
        f"from (select {named} from {relation}) as line",
        {"columns": columns},
    ).fetchone()


def counts(told):
    return [content for name, content in told.items() if name != "comments"]
