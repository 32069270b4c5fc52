"""A panel with one mistake of each kind → each is found, named and put right, and what is real is left in peace.

dbt runs once; the panels that differ a little go through the very statements that it compiled.
"""

import csv
import random
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from tuquan import plausibility
from tuquan.cli import app

INDICATORS = [
    # indicator, kind, whole, driver, usual figure of an area of usual size, relative spread from month to month
    ("teams", "stock", "", "", 60, 0),
    ("members", "stock", "", "teams", 700, 0),
    ("sessions", "flow", "", "", 40, 0.15),
    ("attendances", "flow", "", "sessions", 1500, 0.15),
    ("patrols", "flow", "", "", 250, 0.12),
    ("leaflets", "flow", "", "", 5200, 0.15),
    ("tips", "flow", "", "", 25, 0.2),
    ("visits", "flow", "", "", 110, 0.15),
    ("cameras", "stock", "", "", 140, 0),
    ("cameras_working", "stock", "cameras", "", 120, 0),
]
NAMES = [indicator[0] for indicator in INDICATORS]
FLOWS = [indicator[0] for indicator in INDICATORS if indicator[1] == "flow"]
AREAS = [f"{number:05d}" for number in range(24)]
MONTHS = [f"{2024 + month // 12}-M{month % 12 + 1:02d}" for month in range(14)]


def month_of(area):
    """Return the month in which the mistake of this area is made: not all of them in one."""
    return MONTHS[9 + int(area) % 5]


def district_of(area):
    return f"D{int(area) // 12}"


def right_figures():
    """What the areas would have reported without a mistake: {(area, month, indicator): figure}."""
    chance = random.Random(6)  # noqa: S311 - figures, no secrets
    figures = {}
    for area in AREAS:
        size = chance.lognormvariate(0, 0.5)
        for name, kind, _, driver, usual, spread in INDICATORS:
            level = usual * size * chance.lognormvariate(0, 0.25)
            for number, month in enumerate(MONTHS):
                if kind == "stock":
                    level += chance.random() < 0.08
                    figures[area, month, name] = round(level)
                else:
                    effort = figures[area, month, driver] / (40 * size) if driver else 1
                    season = 1.5 if number % 12 == 5 else 1
                    expected = level * effort * chance.lognormvariate(0, spread) * (1 if driver else season)
                    figures[area, month, name] = max(1, round(chance.gauss(expected, expected**0.5 / 3)))
        for month in MONTHS:
            figures[area, month, "cameras_working"] = min(
                figures[area, month, "cameras_working"], figures[area, month, "cameras"]
            )
    return figures


def planted(right):
    """Return the figures with the mistakes in them, and what is expected of each: {cell: cause}."""
    sent, causes = dict(right), {}

    def wrong(area, indicator, figure, cause, month=None):
        cell = (AREAS[area], month or month_of(area), indicator)
        sent[cell] = figure
        if figure != right[cell]:
            causes[cell] = cause

    def was(area, indicator, month=None):
        return right[AREAS[area], month or month_of(area), indicator]

    wrong(0, "leaflets", was(0, "leaflets") * 100, "scale_error")
    digits = str(was(1, "members"))
    wrong(1, "members", int(("9" if digits[0] != "9" else "4") + digits[1:]), "digit_error")
    wrong(2, "patrols", was(2, "leaflets"), "swapped_cells")
    wrong(2, "leaflets", was(2, "patrols"), "swapped_cells")
    for place in range(4, 9):
        wrong(3, NAMES[place], was(3, NAMES[place - 1]), "shifted_block")
    for name in NAMES:
        wrong(4, name, was(4, name, MONTHS[7]), "stale_copy")
    for name in FLOWS:
        wrong(
            5,
            name,
            sum(was(5, name, month) for month in MONTHS[: MONTHS.index(month_of(5)) + 1]),
            "cumulative_reported",
        )
    wrong(17, "teams", 3, "increment_reported")
    wrong(7, "patrols", 0, "blank_as_zero")
    for name in NAMES:
        wrong(8, name, was(20, name, month_of(8)), "wrong_unit_file")
    wrong(9, "teams", 2 * was(9, "teams"), "double_count")
    wrong(10, "cameras_working", round(was(10, "cameras") * 1.12), "relation_broken")
    for name in FLOWS:
        wrong(11, name, 250, "fabricated_pattern")
    neighbours = [area for area in AREAS if district_of(area) == district_of(AREAS[13])]
    total = sum(right[area, month_of(13), "patrols"] for area in neighbours)
    wrong(13, "patrols", total, "upper_level_total")
    wrong(14, "members", 1111, "unexplained_outlier")
    wrong(16, "leaflets", was(16, "leaflets", MONTHS[0]) * 1000, "scale_error", MONTHS[0])
    # A real campaign: what belongs together moves together.
    for name in ("sessions", "attendances", "patrols", "leaflets", "tips", "visits"):
        sent[AREAS[15], month_of(15), name] = round(was(15, name) * 1.8)
    return sent, causes


def write_panel(
    folder, sent, decisions=(), changes=(), rename=lambda name: name, form_order=lambda number: 10 * number
):
    """Write the files of a panel and return where they lie."""
    folder.mkdir(parents=True)
    tables = {
        "P": [("ref_area", "time_period", "indicator", "obs_value")]
        + [(area, month, rename(name), figure) for (area, month, name), figure in sent.items()],
        "I": [("indicator", "statistical_kind", "whole", "driver", "form_order")]
        + [
            (rename(name), kind, whole and rename(whole), driver and rename(driver), form_order(number))
            for number, (name, kind, whole, driver, *_) in enumerate(INDICATORS)
        ],
        "A": [("ref_area", "district", "area_type", "households")]
        + [(area, district_of(area), "xa", 3000) for area in AREAS],
        "C": [("ref_area", "time_period", "change", "other_area"), *changes],
        "D": [("ref_area", "time_period", "indicator", "obs_value", "decision", "corrected_value"), *decisions],
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    return plausibility.Panel(folder / "P.csv", folder / "I.csv", folder / "A.csv", folder / "C.csv", folder / "D.csv")


class Judge:
    """Judges panels, the first of them with dbt, all others with what dbt compiled for it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.statements: list[tuple[str, str]] = []
        self.panels = 0

    def flags(self, sent, **more):
        """Return {cell: row of the list} for a panel with the figures ``sent``."""
        self.panels += 1
        folder = self.folder / str(self.panels)
        database = folder / "judged.duckdb"
        panel = write_panel(folder / "panel", sent, **more)
        self.database = database  # of the panel that was judged last
        plausibility.read_panel(panel, database)
        if self.statements:
            self.replay(database)
        else:
            plausibility.judge(database)
            self.keep(database)
        with duckdb.connect(database) as connection:
            rows = connection.sql("select * from plausibility.plausibility_flags")
            return {(row[0], row[1], row[2]): dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()}

    def keep(self, database: Path) -> None:
        with duckdb.connect(database) as connection:
            self.causes = connection.sql("select * from seeds.causes").fetchall()
        compiled = {path.stem: path.read_text(encoding="utf-8") for path in (database.parent / "dbt").rglob("*.sql")}
        waiting = {
            name: text for name, text in compiled.items() if "_look_" in name or name.startswith("plausibility_")
        }
        while waiting:
            ready = [name for name, text in waiting.items() if not any(f'"{other}"' in text for other in waiting)]
            for name in ready:
                self.statements.append((name, waiting.pop(name)))

    def replay(self, database: Path) -> None:
        with duckdb.connect(database) as connection:
            connection.execute("create schema plausibility; create schema seeds")
            connection.execute("create table seeds.causes (cause varchar, prior double, message_vi varchar)")
            connection.executemany("insert into seeds.causes values (?, ?, ?)", self.causes)
            for name, statement in self.statements:
                connection.execute(f"create table plausibility.{name} as {statement}")


@pytest.fixture(scope="module")
def right():
    return right_figures()


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    return Judge(tmp_path_factory.mktemp("judge"))


@pytest.fixture(scope="module")
def found(judge, right):
    """What is listed of the panel with all the mistakes."""
    return judge.flags(planted(right)[0])


def flagged(listed):
    return {cell for cell, row in listed.items() if row["score"] >= plausibility.SUSPICIOUS}


ALONE = [
    *("scale_error", "digit_error", "swapped_cells", "shifted_block", "increment_reported", "blank_as_zero"),
    *("double_count", "relation_broken", "upper_level_total", "unexplained_outlier"),
]


@pytest.mark.parametrize("cause", ALONE)
def test_a_mistake_is_found_and_called_by_its_name(found, right, cause):
    cells = [cell for cell, planted_cause in planted(right)[1].items() if planted_cause == cause]
    assert cells
    assert [(cell, found[cell]["suspected_cause"]) for cell in cells if cell in flagged(found)] == [
        (cell, cause) for cell in cells
    ]


@pytest.mark.parametrize("cause", ["stale_copy", "wrong_unit_file", "fabricated_pattern", "cumulative_reported"])
def test_what_is_wrong_with_a_file_is_said_of_most_of_its_cells(found, right, cause):
    cells = [cell for cell, planted_cause in planted(right)[1].items() if planted_cause == cause]
    named = [cell for cell in cells if cell in flagged(found) and found[cell]["suspected_cause"] == cause]
    assert len(named) >= len(cells) / 2


def test_what_can_be_put_right_is_put_right(found, right):
    causes = planted(right)[1]
    kinds = {"scale_error", "digit_error", "swapped_cells", "double_count", "upper_level_total", "blank_as_zero"}
    for cell, cause in causes.items():
        if cause in kinds:
            assert found[cell]["suggested_value"] == pytest.approx(right[cell], rel=0.35), (cell, cause)


def test_the_sentence_is_vietnamese_and_so_are_its_numbers(found, right):
    cell = (AREAS[0], month_of(0), "leaflets")
    sentence = found[cell]["message_vi"]
    assert f"{right[cell]:,}".replace(",", ".") in sentence
    assert "vì sai dấu chấm hàng nghìn" in sentence
    assert "{" not in "".join(row["message_vi"] for row in found.values())


def test_a_campaign_is_an_event(found):
    assert not [cell for cell in flagged(found) if cell[:2] == (AREAS[15], month_of(15))]


def test_hardly_anything_right_is_flagged(found, right):
    assert len(flagged(found) - set(planted(right)[1])) <= 5


def test_the_first_period_is_judged_by_the_others(found):
    assert found[AREAS[16], MONTHS[0], "leaflets"]["score"] >= plausibility.SUSPICIOUS


def test_two_areas_with_one_file_are_seen_in_their_first_period(judge, right):
    sent = right | {(AREAS[12], MONTHS[0], name): right[AREAS[20], MONTHS[0], name] for name in NAMES}
    listed = judge.flags(sent)
    twins = {cell for cell in flagged(listed) if cell[0] in (AREAS[12], AREAS[20]) and cell[1] == MONTHS[0]}
    assert {listed[cell]["suspected_cause"] for cell in twins} == {"wrong_unit_file"}
    assert len([cell for cell in twins if cell[0] == AREAS[12]]) > len(NAMES) / 2


def test_two_areas_that_have_long_been_alike_did_not_send_one_file(judge, right):
    steady = [name for name in NAMES if name not in FLOWS] + ["patrols", "visits", "tips"]
    alike = {cell: figure for cell, figure in right.items() if cell[0] not in AREAS[18:20]}
    for area in AREAS[18:20]:
        alike |= {(area, month, name): right[AREAS[18], MONTHS[0], name] for month in MONTHS for name in steady}
    listed = judge.flags(alike)
    asked = {cell for cell in listed if cell[0] in AREAS[18:20] and cell[1] > MONTHS[0]}
    assert not [cell for cell in asked if listed[cell]["suspected_cause"] == "wrong_unit_file"]


def test_one_absurd_figure_changes_no_other_flag(judge, found, right):
    sent = planted(right)[0]
    absurd = (AREAS[21], MONTHS[10], "visits")
    again = judge.flags({**sent, absurd: 10**15})
    assert absurd in flagged(again)
    assert flagged(again) - {absurd} == flagged(found)


def test_later_periods_change_nothing(judge, found, right):
    sent = {cell: figure for cell, figure in planted(right)[0].items() if cell[1] <= MONTHS[11]}
    assert judge.flags(sent) == {cell: row for cell, row in found.items() if cell[1] <= MONTHS[11]}


def test_other_codes_change_nothing(judge, found, right):
    codes = {name: f"x{number * 7 % 10}" for number, name in enumerate(NAMES)}
    again = judge.flags(planted(right)[0], rename=codes.get)
    score = {(cell[0], cell[1], codes[cell[2]]): row["score"] for cell, row in found.items()}
    assert {cell: row["score"] for cell, row in again.items()} == score


def test_codes_do_not_tell_apart_what_the_form_does_not(judge, right):
    sent = planted(right)[0]
    codes = {name: f"x{number * 7 % 10}" for number, name in enumerate(NAMES)}
    found = judge.flags(sent, form_order=lambda _: 1)
    again = judge.flags(sent, form_order=lambda _: 1, rename=codes.get)
    score = {(cell[0], cell[1], codes[cell[2]]): row["score"] for cell, row in found.items()}
    assert {cell: row["score"] for cell, row in again.items()} == score


@pytest.mark.parametrize(
    ("indicator", "figure"),
    [
        ("cameras_working", lambda was: was("cameras") + 1),  # a part is larger than its whole, if only by one
        ("cameras_working", lambda was: 3 * was("cameras")),
        ("tips", lambda was: -was("tips")),
        ("members", lambda _: -1),
    ],
)
@pytest.mark.parametrize("month", [MONTHS[0], MONTHS[1], MONTHS[13]])
def test_what_cannot_be_is_always_flagged(judge, right, indicator, figure, month):
    sent = {**right, (AREAS[6], month, indicator): figure(lambda name: right[AREAS[6], month, name])}
    either = {indicator, "cameras"} if indicator == "cameras_working" else {indicator}
    assert flagged(judge.flags(sent)) & {(AREAS[6], month, name) for name in either}


def more_from(right, area, month, indicators, times):
    """Return the figures with what one area has ``times`` as much of from one month on."""
    return right | {
        cell: round(figure * times)
        for cell, figure in right.items()
        if cell[0] == area and cell[1] >= month and cell[2] in indicators
    }


def test_a_confirmed_jump_is_the_new_level(judge, right):
    sent = more_from(right, AREAS[18], MONTHS[6], ["members"], 5)
    asked = (AREAS[18], MONTHS[6], "members")
    assert asked in flagged(judge.flags(sent))
    after = judge.flags(sent, decisions=[(*asked, sent[asked], "confirmed", "")])
    assert not [cell for cell in flagged(after) if cell[0] == AREAS[18] and cell[2] == "members"]
    # The way back is a jump, too: what was before the confirmed one is no longer usual.
    back = (AREAS[18], MONTHS[8], "members")
    lost = judge.flags({**sent, back: right[back]}, decisions=[(*asked, sent[asked], "confirmed", "")])
    assert back in flagged(lost)


def test_who_confirms_two_figures_of_an_event_is_not_asked_for_the_rest(judge, right):
    cells = [(AREAS[19], MONTHS[10], name) for name in ("patrols", "leaflets", "visits", "cameras")]
    sent = right | {cell: right[cell] * 20 for cell in cells} | {(AREAS[19], MONTHS[10], "members"): 0}
    asked = [cell for cell in cells if cell in flagged(judge.flags(sent))]
    assert len(asked) > 2
    after = flagged(judge.flags(sent, decisions=[(*cell, sent[cell], "confirmed", "") for cell in asked[:2]]))
    assert not after & set(cells)
    assert (AREAS[19], MONTHS[10], "members") in after  # which did not move with them


@pytest.mark.parametrize(
    ("area", "month", "is_like_it"),
    [(AREAS[18], MONTHS[11], True), (AREAS[19], MONTHS[7], True), (AREAS[3], MONTHS[7], False)],
    ids=["of the same area later", "of its neighbour now", "of another district"],
)
def test_a_confirmed_event_makes_the_next_like_it_less_suspicious(judge, right, area, month, is_like_it):
    first, second = (AREAS[18], MONTHS[7], "leaflets"), (area, month, "leaflets")
    sent = right | {first: right[first] * 12, second: right[second] * 10}
    assert {first, second} <= flagged(judge.flags(sent))
    after = flagged(judge.flags(sent, decisions=[(*first, sent[first], "confirmed", "")]))
    assert after & {first, second} == (set() if is_like_it else {second})


def test_the_history_of_an_area_is_that_of_all_it_has_absorbed_in_turn(judge, right):
    one, two, three = AREAS[0], AREAS[1], AREAS[2]
    sent = dict(right)
    for month, survivor, absorbed in ((MONTHS[5], one, two), (MONTHS[10], three, one)):
        for later in (later for later in MONTHS if later >= month):
            for name in NAMES:
                sent[survivor, later, name] += sent.pop((absorbed, later, name))
    found = judge.flags(sent, changes=[(one, MONTHS[5], "absorbs", two), (three, MONTHS[10], "absorbs", one)])
    assert not [cell for cell in flagged(found) if cell[0] in (one, three) and cell[1] in (MONTHS[5], MONTHS[10])]
    with duckdb.connect(judge.database) as connection:
        history = connection.execute(
            "select time_period, amount from plausibility.plausibility_figures "
            "inner join plausibility.plausibility_series using (series_no) "
            "where ref_area = ? and indicator = 'teams' and not is_judged",
            [three],
        ).fetchall()
    assert dict(history) == {
        month: sum(right[area, month, "teams"] for area in (one, two, three)) for month in MONTHS[:10]
    }


def test_what_a_person_has_confirmed_is_not_asked_again(judge, found, right):
    sent = planted(right)[0]
    decisions = [(*cell, sent[cell], "confirmed", "") for cell in flagged(found)]
    assert not flagged(judge.flags(sent, decisions=decisions)) & flagged(found)


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("P", "00000,2024-M13,teams,5", "P.csv, line 2, column time_period: “2024-M13” is not a period"),
        ("P", "00000,2024-M01,teams,1.288.000", "P.csv, line 2, column obs_value: “1.288.000” is not a number"),
        ("P", "99999,2024-M01,teams,5", "P.csv, line 2, column ref_area: “99999” is not in"),
        ("P", "00000,2024-M01,nothing,5", "P.csv, line 2, column indicator: “nothing” is not in"),
        ("I", "other,level,,,1", "I.csv, line 2, column statistical_kind: “level” is not one of stock, flow"),
        ("I", "teams,stock,all,,1", "I.csv, line 2, column whole: “all” is not in"),
        ("A", "00000,D0,xa,many", "A.csv, line 2, column households: “many” is not a number"),
    ],
)
def test_a_bad_line_is_named(tmp_path, right, file, line, said):
    panel = write_panel(tmp_path / "panel", right)
    path = tmp_path / "panel" / f"{file}.csv"
    head, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, line, *rest[1:]]) + "\n", encoding="utf-8")

    files = ("--panel", panel.figures, "--indicators", panel.indicators, "--areas", panel.areas)
    done = CliRunner().invoke(app, ["plausibility", *map(str, files), "--out", str(tmp_path / "F.csv")])

    assert done.exit_code == 2
    assert said in done.stderr


def test_a_missing_column_is_named(tmp_path, right):
    panel = write_panel(tmp_path / "panel", right)
    panel.areas.write_text("ref_area,area_type\n00000,xa\n", encoding="utf-8")
    with pytest.raises(plausibility.BadPanel, match=r"A\.csv, line 1: there is no column district"):
        plausibility.read_panel(panel, tmp_path / "judged.duckdb")


def test_the_command_writes_the_most_suspicious_first(tmp_path, judge, found, right, monkeypatch):
    monkeypatch.setattr(plausibility, "judge", judge.replay)
    panel = write_panel(tmp_path / "panel", planted(right)[0])
    files = ("--panel", panel.figures, "--indicators", panel.indicators, "--areas", panel.areas)
    done = CliRunner().invoke(app, ["plausibility", *map(str, files), "--out", str(tmp_path / "F.csv")])
    assert done.exit_code == 0, done.stderr
    with (tmp_path / "F.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("ref_area", "time_period", "indicator", "score"),
        *("suspected_cause", "suggested_value", "impact", "message_vi"),
    ]
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert f"{len(flagged(found))} số liệu cần kiểm tra lại" in done.stdout
