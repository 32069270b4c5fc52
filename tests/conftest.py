"""What every test may ask for: a home of its own, so that no run sees another's files."""

import pytest

from tuquan import settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty TUQUAN_HOME; yields the settings that point there."""
    monkeypatch.setenv("TUQUAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUQUAN_SETTLE_SECONDS", "0")  # what a test lays out is complete
    return settings.load()
