"""The quality statement: our checks beside what others use, on panels that nothing was tuned on.

Makes panels of known and of new mistakes, monthly ones and ones of quarters, half-years and years; lets every method
flag them in a process of its own; measures the flags against the truth; writes docs/plausibility.md and prints it.
The promises are tried on a small panel: what later periods, other codes and an absurd cell change. ``--check`` ends
with 1 when a goal or a promise is missed.

    python benchmarks/plausibility/bench.py                                      # about a quarter of an hour
    python benchmarks/plausibility/bench.py --communes 60 --seeds 1 --page x.md  # a try
    python benchmarks/plausibility/bench.py --methods z_score tuquan
"""

import argparse
import csv
import math
import os
import shutil
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import baselines
import evaluate
import panels

from tuquan.vocabulary.periods import parse_period

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "plausibility.md"
OURS = "tuquan"
TEMPLATE = HERE / "page.md"
FIRST_SEED = 701  # of this page; whoever works on a check uses others
MOST_SECONDS, MOST_MEGABYTES = 60, 2000  # of half a million cells
TITLES = {
    "z_score": "DHIS2 z-score",
    "modified_z_score": "DHIS2 modified z-score",
    "min_max": "DHIS2 min-max",
    "hidiroglou_berthelot": "Hidiroglou–Berthelot",
    "isolation_forest": "isolation forest",
    OURS: "tuquan",
}
# Line → goal for known, for new mistakes, and whether less is better. None: no goal.
LINES = {
    "average precision": (0.65, 0.47, False),
    "recall when 1 % of cells are reviewed": (0.70, 0.57, False),
    "precision of all flags": (0.65, 0.54, False),
    "recall of all flags": None,
    "false alarms per 10,000 good cells": (45, 55, True),
    "false alarms on genuine events": (0.04, 0.06, True),
    "false alarms on local events": None,
    "recall of mistakes of new kinds": (None, 0.42, False),
    "stale_copy found": (0.75, 0.75, False),
    "wrong_unit_file found": (0.90, 0.90, False),
    "right cause among found": (0.72, 0.70, False),
    "suggestion within 10 % of the truth": (0.62, 0.62, False),
    "recall in the first four periods": (0.20, 0.20, False),
    "confirmed figures flagged again": (0, 0, True),
}
SETTINGS = ("known", "new")
SHAPES = ("monthly", "mixed")  # months; quarters, half-years and years
FREQUENCIES = {"Q": "quarters", "S": "half-years", "": "years"}  # the letter behind the year of a period


@dataclass(frozen=True)
class Run:
    """What a method did with a panel: the lines of the statement, CPU seconds, megabytes of its largest process."""

    lines: dict[str, float]
    seconds: float
    megabytes: float


@dataclass
class Case:
    """A panel and what the methods made of it; what ours made of each frequency alone, and of the same as months."""

    setting: str
    seed: int
    shape: str
    folder: Path
    runs: dict[str, Run] = field(default_factory=dict)
    alone: dict[str, tuple[dict[str, float], dict[str, float]]] = field(default_factory=dict)
    causes: list[tuple[str, str, int, float, float]] = field(default_factory=list)


def flag(method: str, folder: Path, out: Path, decisions: Path | None = None) -> tuple[float, float]:
    """Let a method flag a panel; return CPU seconds and megabytes."""
    if method == OURS:
        command = [sys.executable, "-c", "from tuquan.cli import app; app()", "plausibility"]
        for option, name in (("panel", "P"), ("indicators", "I"), ("areas", "A"), ("area-changes", "C")):
            command += [f"--{option}", str(folder / f"{name}.csv")]
        command += ["--decisions", str(decisions)] if decisions else []
    else:
        command = [sys.executable, str(HERE / "baselines.py"), "--method", method, "--panel", str(folder / "P.csv")]
    with tempfile.TemporaryFile() as said:
        started = subprocess.Popen([*command, "--out", str(out)], stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            said.seek(0)
            text = said.read().decode(errors="replace")[-3000:]
            raise SystemExit(f"{method} ended with {started.returncode} on {folder}:\n{text}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def judge(case: Case, method: str, with_decisions: bool) -> Run:
    """Flag a panel, and once more what was there after its first periods; ours also after a review."""
    flags = case.folder / f"F-{method}.csv"
    seconds, megabytes = flag(method, case.folder, flags)
    cells = evaluate.read_cells(case.folder / "T.csv", case.folder / "P.csv", flags)
    lines = evaluate.evaluate(cells)
    early = case.folder / "early"
    if not early.exists():
        keep_periods(case.folder, early, evaluate.FIRST_PERIODS)
    flag(method, early, early / flags.name)
    first = evaluate.evaluate(evaluate.read_cells(early / "T.csv", early / "P.csv", early / flags.name))
    lines["recall in the first four periods"] = first["recall when 1 % of cells are reviewed"]
    if method == OURS:
        case.causes = evaluate.by_cause(cells)
    if method == OURS and with_decisions:
        decisions, again = case.folder / "D-reviewed.csv", case.folder / "F-again.csv"
        confirm_false_alarms(case.folder, flags, decisions)
        flag(method, case.folder, again, decisions)
        after = evaluate.evaluate(
            evaluate.read_cells(case.folder / "T.csv", case.folder / "P.csv", again, decisions)
        )  # fmt: skip
        names = ("confirmed figures", "confirmed figures flagged again")
        lines.update({name: after[name] for name in names})
    else:
        lines["confirmed figures flagged again"] = math.nan
    return Run(lines, seconds, megabytes)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: Iterable[dict[str, str]], names: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def names_of(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def keep_periods(folder: Path, target: Path, count: int) -> None:
    """Copy a panel as it was after ``count`` periods of each frequency."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("F-*", "D-*", "early"))
    kinds: dict[str, set[str]] = {}
    for row in read_rows(folder / "P.csv"):
        kinds.setdefault(row["time_period"][4:6], set()).add(row["time_period"])
    kept = {period for periods in kinds.values() for period in sorted(periods)[:count]}
    for name in ("P.csv", "T.csv", "C.csv", "D.csv"):
        rows = [row for row in read_rows(folder / name) if row["time_period"] in kept]
        write_rows(target / name, rows, names_of(folder / name))


def keep_frequency(folder: Path, target: Path, letter: str, as_months: bool) -> None:
    """Copy what a panel has of one frequency; ``as_months``: call the first period the first month of 2021, and so on.

    A change of areas comes with the first period that ends with it or later.
    """
    target.mkdir()
    shutil.copy(folder / "A.csv", target)
    kept = [row for row in read_rows(folder / "P.csv") if row["time_period"][5:6] == letter]
    periods = sorted({row["time_period"] for row in kept})
    names = {
        period: f"{2021 + place // 12}-M{place % 12 + 1:02d}" if as_months else period
        for place, period in enumerate(periods)
    }
    write_rows(
        target / "P.csv",
        (row | {"time_period": names[row["time_period"]]} for row in kept),
        names_of(folder / "P.csv"),
    )
    truth = [row for row in read_rows(folder / "T.csv") if row["time_period"] in names]
    write_rows(
        target / "T.csv",
        (row | {"time_period": names[row["time_period"]]} for row in truth),
        names_of(folder / "T.csv"),
    )
    codes = {row["indicator"] for row in kept}
    indicators = [row for row in read_rows(folder / "I.csv") if row["indicator"] in codes]
    write_rows(target / "I.csv", indicators, names_of(folder / "I.csv"))
    ends = {period: parse_period(period).end for period in periods}
    changes = []
    for row in read_rows(folder / "C.csv"):
        changed = parse_period(row["time_period"]).end
        first = next((period for period in periods if ends[period] >= changed), None)
        changes += [row | {"time_period": names[first]}] if first else []
    write_rows(target / "C.csv", changes, names_of(folder / "C.csv"))


def judge_alone(case: Case) -> None:
    """Flag each frequency of a mixed panel alone, and the same figures written as months."""
    for letter, name in FREQUENCIES.items():
        if not any(row["time_period"][5:6] == letter for row in read_rows(case.folder / "P.csv")):
            continue
        lines = []
        for as_months in (False, True):
            part = case.folder / f"{name}{'-as-months' if as_months else ''}"
            keep_frequency(case.folder, part, letter, as_months)
            flag(OURS, part, part / "F.csv")
            lines.append(evaluate.evaluate(evaluate.read_cells(part / "T.csv", part / "P.csv", part / "F.csv")))
        case.alone[letter] = (lines[0], lines[1])


def key_of(row: dict[str, str]) -> tuple[str, str, str]:
    return row["ref_area"], row["time_period"], row["indicator"]


def confirm_false_alarms(folder: Path, flags: Path, decisions: Path) -> None:
    """Write the decisions of a reviewer who has answered every flag: good cells are confirmed, wrong ones corrected."""
    truth = {key_of(row): row["true_value"] for row in read_rows(folder / "T.csv") if row["is_error"] == "1"}
    asked = {key_of(row) for row in read_rows(flags) if float(row["score"]) >= evaluate.FLAG}
    rows = []
    for row in read_rows(folder / "P.csv"):
        key = key_of(row)
        if key in asked:
            decision = "corrected" if key in truth else "confirmed"
            rows.append(row | {"decision": decision, "corrected_value": truth.get(key, "")})
    write_rows(decisions, rows, names_of(folder / "D.csv"))


def flagged(path: Path) -> dict[tuple[str, str, str], tuple[float, str]]:
    rows = [(key_of(row), round(float(row["score"]), 6), row["suspected_cause"]) for row in read_rows(path)]
    return {key: (score, cause) for key, score, cause in rows if score >= evaluate.FLAG}


def try_promises(folder: Path, communes: int, months: int) -> dict[str, tuple[int, int]]:
    """Return for each promise how many flags it was tried on, and how many came out otherwise."""
    panels.write_panel(panels.make_panel("new", FIRST_SEED + 90, communes, months), folder)
    flag(OURS, folder, folder / "F.csv")
    before = flagged(folder / "F.csv")
    promises = {}

    earlier = folder.with_name(folder.name + "-earlier")
    keep_periods(folder, earlier, 2 * months // 3)
    flag(OURS, earlier, earlier / "F.csv")
    kept = {row["time_period"] for row in read_rows(earlier / "P.csv")}
    expected = {key: value for key, value in before.items() if key[1] in kept}
    promises["later periods removed"] = _count_changes(expected, flagged(earlier / "F.csv"))

    renamed = folder.with_name(folder.name + "-renamed")
    codes = {row["indicator"]: f"q{97 - place}" for place, row in enumerate(read_rows(folder / "I.csv"))}
    shutil.copytree(folder, renamed, ignore=shutil.ignore_patterns("F*.csv"))
    for name, columns in (("P", ("indicator",)), ("I", ("indicator", "whole", "driver"))):
        rows = read_rows(folder / f"{name}.csv")
        changed = [row | {column: codes.get(row[column], "") for column in columns} for row in rows]
        write_rows(renamed / f"{name}.csv", changed, names_of(folder / f"{name}.csv"))
    flag(OURS, renamed, renamed / "F.csv")
    expected = {(area, period, codes[code]): value for (area, period, code), value in before.items()}
    promises["other codes for the indicators"] = _count_changes(expected, flagged(renamed / "F.csv"))

    absurd = folder.with_name(folder.name + "-absurd")
    shutil.copytree(folder, absurd, ignore=shutil.ignore_patterns("F*.csv"))
    rows = read_rows(folder / "P.csv")
    struck = rows[len(rows) // 2]
    struck["obs_value"] = "1000000000000000"
    write_rows(absurd / "P.csv", rows, names_of(folder / "P.csv"))
    flag(OURS, absurd, absurd / "F.csv")
    after = flagged(absurd / "F.csv")
    # The absurd cell must be flagged and nobody else may notice; impacts may, so may scores.
    lost_and_new = (before.keys() | {key_of(struck)}) ^ after.keys()
    promises["10^15 in one cell"] = (len(before), len(lost_and_new))
    return promises


def _count_changes(expected: dict, found: dict) -> tuple[int, int]:
    """Return how many flags are expected, and how many are gone, new, or of another score or cause."""
    changed = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    return len(expected), len(expected.keys() ^ found.keys()) + len(changed)


def mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def spell(value: float, line: str) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.0f}" if "10,000" in line or "again" in line else f"{value:.2f}"


def missed_goals(cases: list[Case]) -> list[str]:
    missed = []
    for setting in SETTINGS:
        runs = [
            case.runs[OURS]
            for case in cases
            if case.setting == setting and case.shape == "monthly" and OURS in case.runs
        ]
        for line, goals in LINES.items():
            goal = goals and goals[SETTINGS.index(setting)]
            value = mean(run.lines[line] for run in runs)
            if goal is not None and not math.isnan(value) and (value > goal if goals[2] else value < goal):
                missed.append(f"{line}, {setting}: {spell(value, line)} instead of {goal}")
        missed += [
            f"{run.seconds:.0f} CPU s and {run.megabytes:.0f} MB for half a million cells"
            for run in runs
            if run.seconds > MOST_SECONDS or run.megabytes > MOST_MEGABYTES
        ]
    return missed


def tell_comparison(cases: list[Case], methods: list[str]) -> Iterable[str]:
    """A table, a line a row, known / new of every method in a column."""
    yield "| | " + " | ".join(f"**{TITLES[m]}**" if m == OURS else TITLES[m] for m in methods) + " | goal |"
    yield "|---" * (len(methods) + 2) + "|"
    for line, goals in LINES.items():
        if line == "confirmed figures flagged again" and not any(
            line in run.lines and not math.isnan(run.lines[line]) for case in cases for run in case.runs.values()
        ):
            continue
        row = []
        for method in methods:
            both = [
                spell(mean(case.runs[method].lines[line] for case in cases if case.setting == setting), line)
                for setting in SETTINGS
            ]
            if method != OURS and "cause" in line:
                both = ["–", "–"]
            row.append(" / ".join(both) if set(both) != {"–"} else "–")
        goal = " / ".join("–" if goal is None else f"{goal:g}" for goal in goals[:2]) if goals else ""
        yield f"| {line.replace('_', ' ')} | " + " | ".join(row) + f" | {goal} |"
    seconds = [
        f"{mean(case.runs[m].seconds for case in cases):.1f} / {mean(case.runs[m].megabytes for case in cases):.0f}"
        for m in methods
    ]
    goal = f"{MOST_SECONDS} / {MOST_MEGABYTES}"
    yield "| CPU seconds / megabytes of a panel | " + " | ".join(seconds) + f" | {goal} |"


def tell_alone(cases: list[Case]) -> Iterable[str]:
    """A table, a line a row: each frequency in its own words, and the same figures as months."""
    titles = [title for name in FREQUENCIES.values() for title in (name, f"{name} as months")]
    yield "| | " + " | ".join(titles) + " |"
    yield "|---" * (len(titles) + 1) + "|"
    alone = {
        (letter, setting): [case.alone[letter] for case in cases if case.setting == setting and letter in case.alone]
        for letter in FREQUENCIES
        for setting in SETTINGS
    }
    for line in LINES:
        if line in ("confirmed figures flagged again", "recall in the first four periods"):  # not tried on them
            continue
        row = [
            " / ".join(
                spell(mean(lines[place][line] for lines in alone[letter, setting]), line) for setting in SETTINGS
            )
            for letter in FREQUENCIES
            for place in (0, 1)
        ]
        yield f"| {line.replace('_', ' ')} | " + " | ".join(row) + " |"


def tell_causes(cases: list[Case]) -> Iterable[str]:
    for what, title in (("mistake", "Mistakes"), ("event", "Real events")):
        yield f"| {title} | cells | flagged | among the 1 % reviewed |"
        yield "|---|---:|---:|---:|"
        merged: dict[str, list[tuple[int, float, float]]] = {}
        for case in cases:
            for kind, cause, count, flags, looks in case.causes:
                if kind == what:
                    merged.setdefault(cause, []).append((count, flags, looks))
        for cause, parts in sorted(merged.items()):
            cells = sum(count for count, _, _ in parts)
            shares = [sum(count * part[index] for count, *part in parts) / cells for index in (0, 1)]
            yield f"| {cause.replace('_', ' ')} | {cells:,} | {shares[0]:.2f} | {shares[1]:.2f} |"
        yield ""


def tell(cases: list[Case], methods: list[str], promises: dict[str, tuple[int, int]]) -> str:
    """Return the page."""
    monthly, mixed = ([case for case in cases if case.shape == shape] for shape in SHAPES)
    seeds = {name: ", ".join(str(case.seed) for case in monthly if case.setting == name) for name in SETTINGS}
    tried = ["| changed | flags | come out otherwise |", "|---|---:|---:|"]
    tried += [f"| {name} | {count} | {others} |" for name, (count, others) in promises.items()]
    return string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        date=f"{datetime.now(tz=UTC):%-d %B %Y}",
        known=seeds["known"],
        new=seeds["new"],
        mixed=", ".join(str(case.seed) for case in mixed) or "none",
        cells=f"{round(mean(run.lines['cells'] for case in monthly for run in case.runs.values()), -3):,.0f}",
        monthly="\n".join(tell_comparison(monthly, methods)),
        quarterly="\n".join(tell_comparison(mixed, methods)) if mixed else "Not measured.",
        alone="\n".join(tell_alone(mixed)) if mixed and OURS in methods else "Not measured.",
        causes="\n".join(tell_causes(cases)).strip() if OURS in methods else "Not measured.",
        promises="\n".join(tried) if promises else "Not measured.",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure our checks beside others and write docs/plausibility.md.")
    parser.add_argument("--seeds", type=int, default=2, help="monthly and mixed panels of each setting")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--communes", type=int, help="fewer for a try; mixed panels get three times as many")
    parser.add_argument("--months", type=int, default=panels.MONTHS)
    parser.add_argument("--methods", nargs="+", choices=TITLES, help="default: all that run here")
    parser.add_argument("--without-mixed", action="store_true", help="months only")
    parser.add_argument("--without-promises", action="store_true")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--keep", type=Path, help="leave the panels and flags there")
    parser.add_argument("--check", action="store_true", help="end with 1 when a goal or a promise is missed")
    asked = parser.parse_args()
    methods = asked.methods or [*baselines.available(), OURS]
    kinds = [
        (setting, asked.first_seed + 10 * place + number, "monthly")
        for place, setting in enumerate(SETTINGS)
        for number in range(asked.seeds)
    ]
    if not asked.without_mixed:
        kinds += [
            (setting, asked.first_seed + 20 + 2 * number + place, "mixed")
            for number in range(asked.seeds)
            for place, setting in enumerate(SETTINGS)
        ]
    promises = {}
    with tempfile.TemporaryDirectory(prefix="tuquan-plausibility-") as temporary:
        home = asked.keep or Path(temporary)
        cases = []
        for setting, seed, shape in kinds:
            folder = home / f"{setting}-{seed}-{shape}"
            shutil.rmtree(folder, ignore_errors=True)
            is_mixed = shape == "mixed"
            communes = asked.communes or (panels.MIXED_COMMUNES if is_mixed else panels.COMMUNES)
            communes *= 3 if is_mixed and asked.communes else 1
            periods = panels.MIXED_YEARS if is_mixed else asked.months
            panels.write_panel(panels.make_panel(setting, seed, communes, periods, mixed=is_mixed), folder)
            case = Case(setting, seed, shape, folder)
            for method in methods:
                case.runs[method] = judge(case, method, with_decisions=seed in (kinds[0][1], kinds[asked.seeds][1]))
                line = case.runs[method].lines
                print(f"{folder.name:20s} {TITLES[method]:24s} AP {line['average precision']:.2f} "
                      f"{case.runs[method].seconds:5.1f} s", file=sys.stderr)  # fmt: skip
            if is_mixed and OURS in methods:
                judge_alone(case)
            cases.append(case)
        if OURS in methods and not asked.without_promises:
            shutil.rmtree(home / "promises", ignore_errors=True)
            for name in ("promises", "promises-earlier", "promises-renamed", "promises-absurd"):
                shutil.rmtree(home / name, ignore_errors=True)
            promises = try_promises(home / "promises", 60, 24)
    text = tell(cases, methods, promises)
    asked.page.write_text(text, encoding="utf-8")
    print(text)
    broken = [f"{name}: {others} flags come out otherwise" for name, (_, others) in promises.items() if others]
    problems = (missed_goals(cases) if OURS in methods else []) + broken
    for problem in problems:
        print(problem, file=sys.stderr)
    if asked.check and problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
