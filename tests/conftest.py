"""What every test may ask for: a home of its own, so that no run sees another's files."""

import dbt_at_hand
import pytest
from made_once import lay_out_parsed_models, made_once, parse_models

from tuquan import settings, transform

# The longest files begin, so that no process is left with one of them when the other has ended. The first of all begins
# with a recording of dbt that its neighbour needs as well, which would wait for it instead of letting others run.
BEGIN = (
    "test_restatement.py",
    "test_review_in_browser.py",
    "test_questions.py",
    "test_by_hand.py",
    "test_review.py",
    "test_publish.py",
)


def pytest_collection_modifyitems(items):
    """Let some files begin, in their order; all others keep their places."""
    places = {name: place for place, name in enumerate(BEGIN)}
    items.sort(key=lambda item: places.get(item.path.name, len(BEGIN)))


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
