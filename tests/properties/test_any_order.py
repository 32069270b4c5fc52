"""A late correction can never go missing: whatever comes, in whichever order, the marts are those of one build at the
end.

Histories are drawn: versions of reports, reports that wait and are admitted, decisions that confirm, correct and
return. They come in two orders that keep only what must stay in order (versions of one report, answers to one
question), once with builds in between, each on top of the one before, and once with a single build from nothing.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st
from replayed_models import Replica, examples
from small_country import Report, catalogue, districts_of_one_province, raw_rows

MOVING = ("raw.arrivals", "raw.submissions", "raw.cells", "meta.decisions", "meta.releases")
PERIODS = ("2025-M06", "2025-M07", "2025-M08")
AREAS, _ = districts_of_one_province()
COMMUNES = [area for area in AREAS.values() if area.ref_area in ("00001", "00004", "00005", "00007")]
# What hangs on reports and decisions. A row is never called by the order in which it came.
MARTS = (
    "commune_observations",
    "district_observations",
    "province_observations",
    "national_observations",
    "province_restated",
    "completeness",
    "completeness_by_area",
)
FLAGS = ("flags",)


@dataclass(frozen=True)
class Arrival:
    """A report comes in. ``place`` says how often its commune had sent this month before."""

    report: Report

    @property
    def queue(self) -> str:
        return f"{self.report.area.area_key} {self.report.time_period}"

    def happen(self, replica: Replica, number: int) -> None:
        replica.append(raw_rows([self.report], number))


@dataclass(frozen=True)
class Admission:
    """A report that waited as a whole counts from now on, as the next version."""

    report: Report
    version: int

    @property
    def queue(self) -> str:
        return f"{self.report.area.area_key} {self.report.time_period}"

    def happen(self, replica: Replica, number: int) -> None:  # noqa: ARG002
        replica.connection.execute(
            "update raw.submissions set is_loaded = true, version = ? where submission_id = ?",
            [self.version, self.report.submission_id],
        )


@dataclass(frozen=True)
class Decision:
    """A person answers a question about one figure with one value."""

    ref_area: str
    time_period: str
    indicator: str
    expected_value: Decimal
    choice: str
    new_value: Decimal | None

    @property
    def queue(self) -> str:
        return f"{self.ref_area} {self.time_period} {self.indicator} {self.expected_value}"

    def happen(self, replica: Replica, number: int) -> None:
        replica.append(
            {
                "meta.decisions": [
                    {
                        "decision_id": number,
                        "decided_at": "2025-09-01 00:00:00",
                        "decided_by": "the office",
                        "flag_id": "-",
                        "check_name": "parts_do_not_exceed_whole",
                        "ref_area": self.ref_area,
                        "time_period": self.time_period,
                        "indicator": self.indicator,
                        "expected_value": str(self.expected_value),
                        "choice": self.choice,
                        "new_value": None if self.new_value is None else str(self.new_value),
                        "reason": "asked by telephone",
                    }
                ]
            }
        )


Event = Arrival | Admission | Decision

# Few values, so that decisions meet the figures that they are about, and parts exceed their wholes now and then.
VALUES = st.sampled_from([0, 5, 40, 90, None, "held"])
FIGURES = st.fixed_dictionaries(
    {row["indicator"]: VALUES for row in catalogue() if row["form"] and row["rollup_areas"] != "count_true"}
    | {row["indicator"]: st.sampled_from([0, 1, None]) for row in catalogue() if row["rollup_areas"] == "count_true"}
)


@st.composite
def versions_of_a_report(draw) -> list[Event]:
    """Draw what one commune sends for one month, in its order: some versions wait, and some of them are admitted."""
    area, time_period = draw(st.sampled_from(COMMUNES)), draw(st.sampled_from(PERIODS))
    events: list[Event] = []
    version, waiting = 0, []
    for step in draw(st.lists(st.sampled_from(["send", "send", "wait", "admit"]), min_size=1, max_size=4)):
        if step == "admit" and waiting:
            version += 1
            events.append(Admission(waiting.pop(), version))
        elif step == "wait":
            waiting.append(Report(area, time_period, draw(FIGURES), len(events) + 100, is_loaded=False))
            events.append(Arrival(waiting[-1]))
        elif step == "send":
            version += 1
            events.append(Arrival(Report(area, time_period, draw(FIGURES), version)))
    return events


DECISIONS = st.builds(
    Decision,
    ref_area=st.sampled_from(sorted({area.ref_area for area in COMMUNES})),
    time_period=st.sampled_from(PERIODS),
    indicator=st.sampled_from(["households_total", "households_pledged", "teams_new"]),
    expected_value=st.sampled_from([Decimal(5), Decimal(40), Decimal(90)]),
    choice=st.sampled_from(["confirm", "correct", "return"]),
    new_value=st.none(),
).flatmap(
    lambda decision: st.sampled_from([Decimal(5), Decimal(7), Decimal(90)]).map(
        lambda value: replace(decision, new_value=value if decision.choice == "correct" else None)
    )
)


@st.composite
def histories(draw) -> tuple[list[Event], list[Event], set[int]]:
    """Draw events in two orders, and after which of the first order there is a build."""
    reports = draw(
        st.lists(
            versions_of_a_report(), min_size=2, max_size=7, unique_by=lambda events: events[0].queue if events else ""
        )
    )
    events = [event for one in reports for event in one] + draw(st.lists(DECISIONS, max_size=6))
    one, other = draw(st.permutations(range(len(events)))), draw(st.permutations(range(len(events))))
    builds = draw(st.sets(st.integers(0, len(events) - 1), min_size=1, max_size=3))
    return _in_order(events, one), _in_order(events, other), builds


def _in_order(events: Sequence[Event], order: Sequence[int]) -> list[Event]:
    """Let the queues of ``events`` come in any ``order``, each queue in its own."""
    queues: dict[str, deque[Event]] = defaultdict(deque)
    for event in events:
        queues[event.queue].append(event)
    return [queues[events[index].queue].popleft() for index in order]


@pytest.fixture(scope="module")
def marts(recording):
    return Replica(recording, MOVING, MARTS)


@pytest.fixture(scope="module")
def flags(recording):
    return Replica(recording, MOVING, FLAGS)


def test_dbt_itself_gives_on_top_what_it_gives_from_nothing(recording):
    replica = Replica(recording, MOVING, MARTS + FLAGS)  # as dbt left it
    on_top = _rows(replica, MARTS + FLAGS)
    assert any(Decimal(100) in row for row in on_top["province_observations"]), "the correction of 90 is there"

    replica.forget_models()
    replica.build("2025-M01", on_top=False)

    assert _rows(replica, MARTS + FLAGS) == on_top


@examples(10)
@given(histories())
def test_any_order_of_arrival_gives_the_same_marts(marts, history):
    _compare_orders(marts, MARTS, *history)


@examples(3)
@given(histories())
def test_any_order_of_arrival_gives_the_same_flags(flags, history):
    _compare_orders(flags, FLAGS, *history)


def test_a_late_correction_is_judged_in_the_month_after_it_too(flags):
    area = AREAS["00007.20180101"]
    nothing = {row["indicator"]: 0 for row in catalogue()}

    def send(time_period: str, teams: int, version: int, number: int) -> None:
        report = Report(area, time_period, nothing | {"self_mgmt_teams": teams}, version)
        flags.append(raw_rows([report], number))

    flags.clear()
    send("2025-M05", 5, 1, 1)
    send("2025-M06", 5, 1, 2)
    flags.build("2025-M06", on_top=False)
    send("2025-M05", 9, 2, 3)
    flags.build("2025-M05", on_top=True)

    query = "select time_period from quality.flags where check_name = 'stock_follows_its_movements'"
    assert flags.rows(query) == [("2025-M06",)]


def _compare_orders(
    replica: Replica, models: Sequence[str], one: list[Event], other: list[Event], builds: set[int]
) -> None:
    replica.clear()
    for index, event in enumerate(one):
        event.happen(replica, index + 1)
        if index in builds or index == len(one) - 1:
            replica.build("2025-M06", on_top=index > min(builds))
    on_top = _rows(replica, models)

    replica.clear()
    for index, event in enumerate(other):
        event.happen(replica, index + 1)
    replica.build("2025-M06", on_top=False)

    for model, rows in _rows(replica, models).items():
        assert on_top[model] == rows, model


def _rows(replica: Replica, models: Sequence[str]) -> dict[str, list[tuple[object, ...]]]:
    relations = replica.recording.relations
    return {model: replica.rows(f"from {relations[model]} order by all") for model in models}
