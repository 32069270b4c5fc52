"""The sample through collect and build: every mistake is noticed, and its correction leaves the published sums."""

import shutil
from collections import Counter
from decimal import Decimal

import pytest
from made_once import lay_out_parsed_models

from tuquan import collect, load, register, review, sample, settings, transform, warehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # both waves are laid out and built before the first claim

# The last period that each former district reported on the map before July 2025, and how many communes it became.
FORMER_DISTRICTS = {"390": ("2021", 17, 5), "387": ("2023", 12, 8), "454": ("2019", 18, 5)}


@pytest.fixture(scope="module")
def waves(tmp_path_factory, received_sample, parsed_models):
    """Both waves, built; yields the files received in the first, and the questions left open after each."""
    folder = tmp_path_factory.mktemp("sample") / "home"
    shutil.copytree(received_sample, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUQUAN_HOME", str(folder))
        patch.setenv("TUQUAN_SETTLE_SECONDS", "0")
        lay_out_parsed_models(parsed_models)
        transform.build("2021")  # the models read every period at once
        questions, files = review.open_flags(), register.received_files()
        sample.lay_out_sample(settings.load().inbox, 2)
        collect.register_inbox()
        load.load_registered()
        transform.build("2021")
        yield files, questions, review.open_flags()


@pytest.fixture
def rows(waves):
    """Asks the marts after both waves."""
    with warehouse.connect() as connection:
        yield lambda query, **facts: warehouse.rows(connection, query, facts)


def test_every_mistake_of_the_first_wave_is_noticed(waves):
    files, questions, _ = waves
    mistakes = [one for one in sample.load_mistakes() if one.kind != "missing"]
    outcomes = {}
    for file in files:
        checks = {finding["code"] for finding in file["findings"]}
        outcomes.setdefault(file["status"], []).append((file["file"], checks))
    assert {status: len(files) for status, files in outcomes.items()} == {
        "accepted": 529,
        "held": 4,
        "refused": 2,
        "duplicate": 1,
    }
    for status in ("held", "refused"):
        expected = sorted(one.check_name for one in mistakes if one.status == status)
        # The neighbour's form is contradicted by the name of its file as well.
        found = (check for _, checks in outcomes[status] for check in checks - {"name_agrees_with_sheet"})
        assert sorted(found) == expected
    flags = {(flag["check_name"], flag["ref_area"], flag["time_period"], flag["indicator"]) for flag in questions}
    for one in mistakes:
        if one.status == "accepted":
            assert (one.check_name, one.ref_area, one.time_period, one.indicator) in flags
    assert {flag["ref_area"] for flag in questions if flag["severity"] == "critical"} == {"19021", "17494"}


def test_the_corrections_leave_one_question_and_the_published_sums(waves, rows):
    (question,) = waves[2]
    assert question["check_name"] == "statement_does_not_exceed_areas_in_force"
    assert "460" in question["message_vi"]
    compared = rows(
        "select statement, stated_value, communes_value, status, areas_included = areas_expected as is_complete "
        "from marts.statement_reconciliation where status in ('equal', 'differs')"
    )
    assert all(row["is_complete"] for row in compared)
    assert [row["statement"] for row in compared if row["status"] == "differs"] == ["F22"]
    assert {119, 1288, 38578, 7588, 234, 3331} <= {
        row["communes_value"] for row in compared if row["status"] == "equal"
    }


@pytest.mark.parametrize("district", FORMER_DISTRICTS)
def test_a_former_district_has_on_the_map_of_today_what_it_reported_on_that_of_then(rows, district):
    period, communes_then, communes_now = FORMER_DISTRICTS[district]

    compared = rows(
        """
        select
            reported.indicator,
            indicators.rollup_areas,
            reported.obs_value,
            whole.restated_value as in_the_district,
            sum(communes.restated_value) as in_its_communes,
            count(*) as communes,
            reported.areas_expected
        from marts.district_observations as reported
        inner join marts.dim_indicators as indicators using (indicator)
        inner join marts.district_restated as whole using (ref_area, time_period, indicator)
        inner join marts.commune_restated as communes
            on communes.district_area = reported.ref_area
            and communes.time_period = reported.time_period
            and communes.indicator = reported.indicator
        where reported.ref_area = $district and reported.time_period = $period
        group by all
        """,
        district=district,
        period=period,
    )

    additive = [row for row in compared if row["rollup_areas"] in ("sum", "register")]
    assert len(additive) > 50
    assert {(row["communes"], row["areas_expected"]) for row in additive} == {(communes_now, communes_then)}
    assert [row for row in additive if not row["obs_value"] == row["in_the_district"] == row["in_its_communes"]] == []
    assert sum(row["obs_value"] > 0 for row in additive) > 45
    not_additive = [row for row in compared if row["rollup_areas"] in ("bounds", "count_true")]
    assert {row["in_the_district"] for row in not_additive} == {None}
    assert len(not_additive) == 4


@pytest.mark.parametrize("district", FORMER_DISTRICTS)
def test_a_series_goes_on_across_july_2025(rows, district):
    before, _, communes_now = FORMER_DISTRICTS[district]

    series = rows(
        """
        select restated.time_period, restated.indicator, restated.restated_value as value, restated.areas_included
        from marts.district_restated as restated
        inner join marts.dim_indicators as indicators using (indicator)
        where ref_area = $district and time_period in ($before, '2025')
            and indicators.rollup_areas = 'sum' and indicators.rollup_time = 'last' and indicators.ceiling is null
        order by restated.time_period
        """,
        district=district,
        before=before,
    )

    assert {row["areas_included"] for row in series if row["time_period"] == "2025"} == {communes_now}
    known = {}
    for row in series:
        known.setdefault(row["indicator"], []).append(row["value"])
    pairs = [values for values in known.values() if len(values) == 2 and values[0] >= 100]
    assert len(pairs) > 10
    assert all(Decimal("0.85") < after / first < Decimal("1.25") for first, after in pairs)


def test_a_divided_commune_is_shared_out_by_largest_remainder_and_said_to_be_estimated(rows):
    # Thị trấn Sơn Lư went by halves to Xã Quan Sơn and Xã Tam Lư, each of which took over whole communes as well.
    shared = rows(
        """
        select
            map.to_area,
            restated.indicator,
            restated.is_estimated,
            divided.obs_value as figure,
            restated.restated_value,
            sum(wholes.obs_value) as of_whole_communes
        from marts.area_map as map
        inner join marts.commune_observations as divided on map.from_key = divided.area_key
        inner join marts.dim_indicators as indicators using (indicator)
        inner join marts.commune_restated as restated
            on map.to_key = restated.area_key
            and divided.time_period = restated.time_period
            and divided.indicator = restated.indicator
        inner join marts.area_map as others on map.to_key = others.to_key and others.share = 1
        inner join marts.commune_observations as wholes
            on others.from_key = wholes.area_key
            and divided.time_period = wholes.time_period
            and divided.indicator = wholes.indicator
        where map.from_key = '15016.20191201' and divided.time_period = '2023'
            and indicators.rollup_areas = 'sum'
        group by all
        order by map.to_area
        """
    )

    assert Counter(row["to_area"] for row in shared) == {"15016": 50, "15019": 50}
    assert all(row["is_estimated"] for row in shared)
    portions = {}
    for row in shared:
        portions.setdefault((row["indicator"], row["figure"]), []).append(
            row["restated_value"] - row["of_whole_communes"]
        )
    for (_, figure), (first, second) in portions.items():
        assert (first, second) == ((figure + 1) // 2, figure // 2)  # of two equal remainders the first gets the rest
    assert any(figure % 2 for _, figure in portions)
    untouched = rows("select bool_or(is_estimated) as any from marts.commune_restated where ref_area = '15007'")
    assert untouched == [{"any": False}]
