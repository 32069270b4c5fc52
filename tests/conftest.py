"""What every test may ask for: a home of its own, so that no run sees another's files."""

import dbt_at_hand
import pytest
from made_once import lay_out_parsed_models, made_once, parse_models

from tuquan import settings, transform

# Its neighbour begins with the same recording of dbt, and would wait for it instead of letting others run meanwhile.
BEGINS = "test_restatement.py"


def pytest_collection_modifyitems(items):
    """Let one file begin; all others keep their places."""
    items.sort(key=lambda item: item.path.name != BEGINS)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty TUQUAN_HOME; yields the settings that point there."""
    monkeypatch.setenv("TUQUAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUQUAN_SETTLE_SECONDS", "0")  # what a test lays out is complete
    return settings.load()


@pytest.fixture(scope="session", autouse=True)
def _dbt_at_hand():
    """Fork what has imported dbt instead of importing it for each build; the journeys' Airflow imports it anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transform, "_in_a_process", dbt_at_hand.run)
        yield


@pytest.fixture(scope="session")
def parsed_models(tmp_path_factory):
    """The models as dbt reads them, which costs it 5 s in each home that does not get it (lay_out_parsed_models)."""
    return made_once(tmp_path_factory, "parsed_models", parse_models)


@pytest.fixture
def with_parsed_models(home, parsed_models):
    """Spares a test that builds in its ``home`` the parsing of the models."""
    lay_out_parsed_models(parsed_models)
