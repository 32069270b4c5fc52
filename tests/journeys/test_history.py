"""Three years of one district through collect and build: mistakes are found, real events are not asked about."""

import pytest
from made_once import lay_out_parsed_models

from tuquan import collect, load, review, sample_history, settings, transform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
# A report that belongs to another commune contradicts the stocks of the report after it, too.
IN_THE_REPORT_AFTER = [("09475", "2022-Q4", "self_mgmt_teams"), ("09487", "2022-Q3", "models_total")]
MISTAKES = [incident for incident in sample_history.load_incidents() if not incident.is_event]
EVENTS = [incident for incident in sample_history.load_incidents() if incident.is_event]


@pytest.fixture(scope="module")
def flags(tmp_path_factory, parsed_models):
    """All figures of the history that are asked about, after one build of its 54 periods."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(tmp_path_factory.mktemp("history") / "home"))
        patch.setenv("TUQUAN_SETTLE_SECONDS", "0")
        lay_out_parsed_models(parsed_models)
        sample_history.lay_out_history(settings.load().inbox)
        collect.register_inbox()
        load.load_registered()
        periods = transform.periods_with_news()
        transform.build(periods[0])
        yield [flag for flag in review.open_flags() if flag["time_period"] in periods]


def place(flag):
    return flag["ref_area"], flag["time_period"], flag["indicator"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.incident)
def test_each_mistake_is_found_and_called_by_its_name(flags, mistake):
    causes = {flag["suspected_cause"] for flag in flags if mistake.is_about(*place(flag))}
    assert mistake.cause in causes


def test_no_event_is_asked_about(flags):
    assert [place(flag) for flag in flags for event in EVENTS if event.is_about(*place(flag))] == []


def test_few_right_figures_are_asked_about(flags):
    mistaken = {(mistake.ref_area, mistake.time_period) for mistake in MISTAKES}
    alarms = [flag for flag in flags if place(flag)[:2] not in mistaken and place(flag) not in IN_THE_REPORT_AFTER]
    assert len(alarms) <= 10  # of 10,000: 10 figures
