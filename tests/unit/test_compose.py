"""docker-compose.yml is a valid Compose file, keeps no secret, and speaks words that the installed Airflow knows."""

import json
import os
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml

from tuquan import handoffs, local_airflow

PROJECT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
AIRFLOW_SERVICES = {name: service for name, service in SERVICES.items() if name != "postgres"}
SECRET = re.compile(r"PASSWORD$|SECRET|FERNET|SQL_ALCHEMY_CONN")
GIVEN = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")  # ${NAME:?message}: compose stops with the message when it is not set


@pytest.fixture(scope="module")
def airflow_cli(tmp_path_factory):
    """Airflow's own argument parser; its home is a temporary folder."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    from airflow.cli.cli_parser import get_parser

    return get_parser()


def airflow_commands(service):
    """Every `airflow …` line that a service runs: its command, its script, its health check."""
    if service.get("entrypoint"):
        return [shlex.split(line)[1:] for line in service["command"][0].splitlines()]
    health_check = service.get("healthcheck", {"test": []})["test"]
    return [service["command"], *([health_check[2:]] if health_check[1:2] == ["airflow"] else [])]


def test_it_is_a_compose_file():
    schema = json.loads((PROJECT / "tests/fixtures/compose/compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_all_components_of_airflow_are_there():
    components = {"init", "api-server", "scheduler", "dag-processor", "triggerer"}
    assert set(SERVICES) == {"postgres"} | components
    assert {service["image"] for service in AIRFLOW_SERVICES.values()} == {"tuquan:local"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_a_password_or_a_secret_of_its_own(name):
    for variable, value in SERVICES[name]["environment"].items():
        if SECRET.search(variable):
            assert GIVEN.search(value), f"{variable} of {name} must come from the environment"
            assert not re.search(r"://[^:@]+:[^$@]", value)


def test_only_loopback_is_served():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_example_names_every_variable_and_gives_no_value():
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert used <= set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert not re.search(r"^[A-Z_]+=.+$", example, re.MULTILINE)


@pytest.mark.parametrize("name", AIRFLOW_SERVICES)
def test_its_commands_exist_in_the_installed_airflow(airflow_cli, name):
    commands = airflow_commands(SERVICES[name])
    assert commands
    for words in commands:
        airflow_cli.parse_args(words)


def test_the_pool_of_the_dags_is_made_before_they_run():
    made = next(words for words in airflow_commands(SERVICES["init"]) if words[:2] == ["pools", "set"])
    assert made[2:4] == [handoffs.WAREHOUSE_WRITER, "1"]
    assert all("init" in service["depends_on"] for name, service in AIRFLOW_SERVICES.items() if name != "init")


def test_every_setting_is_one_that_airflow_knows():
    known = settings_of_airflow()
    in_compose = {name for service in AIRFLOW_SERVICES.values() for name in service["environment"]}
    on_this_machine = set(local_airflow.environment(Path("home"), PROJECT, 1, "secret"))
    assert {name for name in in_compose | on_this_machine if name.startswith("AIRFLOW__")} <= known


def settings_of_airflow():
    folder = Path(find_spec("airflow").submodule_search_locations[0])
    sections = yaml.safe_load((folder / "config_templates/config.yml").read_text(encoding="utf-8"))
    return {
        f"AIRFLOW__{section.upper()}__{option.upper()}"
        for section, described in sections.items()
        for option in described["options"]
    }
