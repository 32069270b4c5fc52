"""Journeys build in homes of their own; what several of them begin with is made once."""

import pytest
from made_once import lay_out_parsed_models, made_once

from tuquan import collect, load, sample, settings


@pytest.fixture
def home(home, parsed_models):
    """A TUQUAN_HOME in which dbt knows its models and nothing else is there."""
    lay_out_parsed_models(parsed_models)
    return home


@pytest.fixture(scope="session")
def received_sample(tmp_path_factory):
    """The folder of a home that received the first wave of the sample; nothing is built there."""

    def receive(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TUQUAN_HOME", str(folder))
            patch.setenv("TUQUAN_SETTLE_SECONDS", "0")
            sample.lay_out_sample(settings.load().inbox, 1)
            collect.register_inbox()
            load.load_registered()

    return made_once(tmp_path_factory, "received_sample", receive)
