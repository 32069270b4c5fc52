"""Three years of one district through collect and build: mistakes are found, real events are not asked about."""

import re
import shutil

import pytest
from made_once import lay_out_parsed_models

from tuquan import collect, load, review, sample_history, settings, transform, warehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
# A report that belongs to another commune contradicts the stocks of the report after it, too.
IN_THE_REPORT_AFTER = [("09475", "2022-Q4", "self_mgmt_teams"), ("09487", "2022-Q3", "models_total")]
MISTAKES = [incident for incident in sample_history.load_incidents() if not incident.is_event]
EVENTS = [incident for incident in sample_history.load_incidents() if incident.is_event]


@pytest.fixture(scope="module")
def flags(tmp_path_factory, parsed_models):
    """All figures of the history that are asked about: its first 33 months came at once, the others later."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(tmp_path_factory.mktemp("history") / "home"))
        patch.setenv("TUQUAN_SETTLE_SECONDS", "0")
        lay_out_parsed_models(parsed_models)
        files = sample_history.lay_out_history(tmp_path_factory.mktemp("files"))
        periods = set()
        for arrived in (files[:33], files[33:]):
            for file in arrived:
                (settings.load().inbox / file.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copy(file, settings.load().inbox / file.parent.name)
            collect.register_inbox()
            load.load_registered()
            periods |= (news := set(transform.periods_with_news()))
            transform.build(min(news))
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


def test_from_nothing_and_in_steps_the_same_figures_are_asked_about(flags, tmp_path, monkeypatch):
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, seeds)
    thresholds = (seeds / "thresholds.csv").read_text(encoding="utf-8")
    (seeds / "thresholds.csv").write_text(re.sub(r"(?m)^judged_at_once,\d+", "judged_at_once,3000", thresholds))
    runs = "select count(distinct invocation_id) from meta.dbt_run_results"
    with warehouse.look() as connection:
        (built,) = connection.execute("select max(time_period) from meta.built_periods").fetchone()
        (compared,) = connection.execute("select count(*) from plausibility.plausibility_cells").fetchone()
        (known,) = connection.execute("select sum(figures) from quality.judged_periods").fetchone()
        (runs_before,) = connection.execute(runs).fetchone()
    assert compared < known / 2  # the second build compared what came for it alone

    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))
    transform.build(built)

    with warehouse.look() as connection:
        (runs_now,) = connection.execute(runs).fetchone()
        (waiting,) = connection.execute("select count(*) from quality.judged_periods where is_fresh").fetchone()
    assert runs_now - runs_before >= known / 3000
    assert waiting == 0
    assert doubts(review.open_flags()) == doubts(flags)


def doubts(flags):
    """Return what is asked because it is hard to believe, with how likely it is wrong and in which words."""
    return {(flag["flag_id"], flag["score"], flag["message_vi"]) for flag in flags if flag["suspected_cause"]}
