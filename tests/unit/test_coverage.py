"""What the totals cover: who reported, in time, with what; and groups of areas that are nothing but rows."""

import csv
import shutil
from datetime import date

from tuquan import settings, transform, warehouse
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.seeds import read_seed

CLUSTERS = {"CUM-01": ("15127", "15133", "15139", "15142"), "CUM-02": ("15145", "15148")}


def test_every_province_lies_in_one_region_on_every_day():
    regions = [row for row in read_seed("area_groups") if row["group_kind"] == "region"]
    provinces = [row for row in read_seed("areas") if row["level"] == "province"]

    def in_force(row, day):
        return row["valid_from"] <= day < (row["valid_to"] or "9999-12-31")

    for day, counted in (
        ("2018-01-01", (63, 6)),
        ("2025-06-30", (63, 6)),
        ("2025-07-01", (34, 6)),
        ("2026-05-01", (34, 6)),
    ):
        members = [row["area_key"] for row in regions if in_force(row, day)]
        assert sorted(members) == sorted(row["area_key"] for row in provinces if in_force(row, day))
        assert (len(members), len({row["group_code"] for row in regions if in_force(row, day)})) == counted


def test_a_police_cluster_needs_rows_and_no_code(judged_home, with_parsed_models, tmp_path, monkeypatch):
    """A cluster is no administrative level and nowhere defined; an office that has some adds rows of its own."""
    seeds = tmp_path / "seeds"
    shutil.copytree(settings.load().seeds, seeds)
    communes = {commune.ref_area: commune for commune in load_register().communes("390", date(2021, 12, 14))}
    with (seeds / "area_groups.csv").open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        for code, members in CLUSTERS.items():
            for member in members:
                key = communes[member].area_key
                rows.writerow(
                    ["police_cluster", code, f"Cụm {code}", member, key, "2021-01-01", "", "", "true", "test"]
                )
    monkeypatch.setenv("TUQUAN_SEEDS", str(seeds))

    transform.run_dbt(
        "build", "--select", "area_groups", "int_group_members", "group_observations",
        "--exclude-resource-type", "test", "unit_test",
    )  # fmt: skip

    with warehouse.connect() as connection:
        totals = warehouse.rows(
            connection,
            "select ref_area, indicator, statistical_kind, obs_value, denominator, areas_expected, areas_included, "
            "areas_held from marts.group_observations where group_kind = 'police_cluster'",
        )
        figures = warehouse.rows(connection, "select * from marts.commune_observations where time_period = '2021'")
    assert {row["ref_area"] for row in totals} == set(CLUSTERS)
    for total in totals:
        parts = [
            row for row in figures
            if row["indicator"] == total["indicator"] and row["ref_area"] in CLUSTERS[total["ref_area"]]
        ]  # fmt: skip
        assert total["areas_expected"] == len(parts) > 0
        assert total["areas_held"] == sum(row["value_status"] == "held" for row in parts)
        known = [row["obs_value"] for row in parts if row["obs_value"] is not None]
        if total["statistical_kind"] in ("stock", "flow"):
            assert total["areas_included"] == len(known)
            assert total["obs_value"] == (sum(known) if known else None)
        if total["statistical_kind"] == "ratio":
            assert total["denominator"] == (sum(row["denominator"] or 0 for row in parts) or None)
    assert {total["areas_held"] for total in totals if total["indicator"] == "leaflets_distributed"} == {0, 1}


def test_what_is_missing_held_or_late_is_seen_at_every_level(judged_home):
    """Cẩm Thủy 2021: Xã Cẩm Liên did not send, one figure of Xã Cẩm Lương is held, and here one report is late too."""
    with warehouse.connect() as connection:
        connection.execute(
            "update intermediate.int_reports set is_late = true, due_date = date '2021-12-30' where ref_area = '15127'"
        )
        states = {row["ref_area"]: row for row in warehouse.rows(connection, "select * from marts.completeness")}
        levels = warehouse.rows(connection, "select * from marts.completeness_by_area order by area_level desc")
        punctual = warehouse.rows(connection, "select * from marts.timeliness where span = 'all_periods'")
        summaries = warehouse.rows(connection, "select * from marts.quality_summary order by area_level desc")
        open_flags = warehouse.rows(connection, "select time_period from quality.flags where is_open")

    assert {state: [row["state"] for row in states.values()].count(state) for state in ("real", "late", "missing")} == {
        "real": 15,
        "late": 1,
        "missing": 1,
    }
    missing, late, doubtful = states["15145"], states["15127"], states["15139"]
    assert (missing["consecutive_misses"], missing["cells_filled"], missing["received_at"]) == (1, 0, None)
    assert missing["cells_asked"] == late["cells_asked"] == late["cells_filled"] > 40
    assert late["days_late"] == 3  # came on 2 January, Vietnam's day
    assert (doubtful["cells_held"], doubtful["cells_filled"]) == (1, doubtful["cells_asked"] - 1)

    assert [row["area_level"] for row in levels] == ["province", "district", "country"]
    for row in levels:
        assert (row["areas_expected"], row["areas_received"], row["areas_missing"], row["areas_held"]) == (17, 16, 1, 0)
        assert (row["areas_on_time"], row["areas_late"]) == (15, 1)
    (country,) = (row for row in punctual if row["area_level"] == "country")
    assert (country["longest_days_late"], country["longest_run_of_misses"]) == (3, 1)
    assert len([row for row in punctual if row["area_level"] == "commune"]) == 17

    asked = missing["cells_asked"]
    of_2021 = [row for row in summaries if row["time_period"] == "2021"]
    assert [row["area_level"] for row in of_2021] == ["province", "country"]
    for row in of_2021:
        assert (row["reports_owed"], row["reports_late"], row["reports_missing"]) == (17, 1, 1)
        assert (row["figures_asked"], row["figures_held"], row["figures_missing"]) == (17 * asked, 1, asked)
    for row in summaries:  # Nghệ An is asked about a published figure although no report of 2023 is owed here
        questions = [flag for flag in open_flags if flag["time_period"] == row["time_period"]]
        assert row["questions_open_critical"] + row["questions_open_warning"] == len(questions)
    assert {row["time_period"] for row in summaries} == {"2021", "2023-S1"}
