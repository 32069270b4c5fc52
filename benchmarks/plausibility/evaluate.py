"""How good flags are, measured against the truth of a panel: the lines of the quality statement.

    python benchmarks/plausibility/evaluate.py --truth T.csv --panel P.csv --flags F.csv
    python benchmarks/plausibility/evaluate.py … --decisions D.csv --json line.json

A row of ``F.csv`` with a score of 0.5 or more is a flag. A reviewer who looks at 1 % of the cells looks at those of the
highest score; where scores are equal, chance decides, and the expected number is given. A cell is *found* when it is
flagged or reviewed.
"""

import argparse
import json
from pathlib import Path

import duckdb
import numpy as np

FLAG = 0.5  # the score from which a row is a flag
REVIEWED = 0.01  # the share of cells that a reviewer looks at
FIRST_PERIODS = 4
CLOSE = 0.1  # of the truth: how far off a suggestion may be
FILE_CAUSES = ("stale_copy", "wrong_unit_file")
NO_NAME = "unexplained_outlier"

_CELLS = """
with panel as (
        select ref_area, time_period, indicator, cast(obs_value as double) as obs_value,
            row_number() over () as place,
            dense_rank() over (partition by length(time_period), substr(time_period, 6, 1) order by time_period) as age
        from read_csv(getvariable('panel'), header = true, all_varchar = true)
    ),
    truth as (
        select * replace (cast(is_error as integer) as is_error, cast(true_value as double) as true_value)
        from read_csv(getvariable('truth'), header = true, all_varchar = true)
    ),
    flags as (
        select ref_area, time_period, indicator, cast(score as double) as score,
            suspected_cause, try_cast(suggested_value as double) as suggested_value
        from read_csv(getvariable('flags'), header = true, all_varchar = true)
    ),
    confirmed as (
        select ref_area, time_period, indicator, cast(obs_value as double) as obs_value
        from read_csv(getvariable('decisions'), header = true, all_varchar = true)
        where decision = 'confirmed'
    )
select panel.obs_value, panel.age, coalesce(flags.score, 0) as score, flags.suspected_cause, flags.suggested_value,
    coalesce(truth.is_error, 0) as is_error, coalesce(1 - truth.is_error, 0) as is_event, truth.true_value,
    truth.kind, truth.cause, truth.incident, confirmed.obs_value = panel.obs_value as is_confirmed
from panel
left join truth using (ref_area, time_period, indicator)
left join flags using (ref_area, time_period, indicator)
left join confirmed using (ref_area, time_period, indicator)
order by panel.place
"""


def average_precision(wrong: np.ndarray, score: np.ndarray) -> float:
    """Return the mean precision at each rank where recall rises; equal scores make one rank.

    >>> average_precision(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.0]))
    0.8333333333333333
    """
    if not wrong.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    hits = np.cumsum(wrong[order])[ends]
    gained = np.diff(np.append(0, hits))
    return float((gained * hits / (ends + 1)).sum() / wrong.sum())


def review(score: np.ndarray, share: float = REVIEWED) -> np.ndarray:
    """Return the chance of each cell to be among the ``share`` that a reviewer looks at."""
    looks = int(np.ceil(share * len(score)))
    if not len(score):
        return np.zeros(0)
    limit = np.partition(score, len(score) - looks)[len(score) - looks]
    above, equal = score > limit, score == limit
    if limit == 0:  # nobody looks at what has no score
        equal = np.zeros(len(score), bool)
    return above + equal * ((looks - above.sum()) / max(1, equal.sum()))


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def read_cells(truth: Path, panel: Path, flags: Path, decisions: Path | None = None) -> dict[str, np.ndarray]:
    """Return one array a column, one entry a reported cell."""
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        connection.execute("create temp table nothing (ref_area text, time_period text, indicator text, "
                           "obs_value text, decision text)")  # fmt: skip
        query = _CELLS
        if decisions is None:
            query = query.replace("read_csv(getvariable('decisions'), header = true, all_varchar = true)", "nothing")
        for name, path in (("truth", truth), ("panel", panel), ("flags", flags), ("decisions", decisions)):
            connection.execute(f"set variable {name} = '{path}'")
        columns = connection.execute(query).fetchnumpy()
    return {
        name: np.ma.filled(values.astype(float), np.nan) if np.ma.isMaskedArray(values) and values.dtype != object
        else np.asarray(values)
        for name, values in columns.items()
    }  # fmt: skip


def evaluate(cells: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the lines of the quality statement, by name."""
    score = cells["score"].astype(float)
    wrong, event = cells["is_error"] == 1, cells["is_event"] == 1
    flagged = score >= FLAG
    looked_at = review(score)
    found = np.maximum(flagged, looked_at)
    new = wrong & (cells["kind"] == "new")
    known = wrong & ~new
    local = event & (cells["cause"] != "national_month")
    first = cells["age"] <= FIRST_PERIODS
    early = review(score[first])
    is_found = (found >= 0.5) & wrong
    close = np.abs(cells["suggested_value"] - cells["true_value"]) <= np.maximum(CLOSE * cells["true_value"], 0.5)
    lines = {
        "cells": len(score),
        "wrong cells": int(wrong.sum()),
        "cells of events": int(event.sum()),
        "average precision": average_precision(wrong, score),
        "recall when 1 % of cells are reviewed": _mean(looked_at[wrong]),
        "precision of all flags": _mean(wrong[flagged]),
        "recall of all flags": _mean(flagged[wrong]),
        "false alarms per 10,000 good cells": 1e4 * _mean(flagged[~wrong]),
        "false alarms on genuine events": _mean(flagged[event]),
        "false alarms on local events": _mean(flagged[local]),
        "recall of mistakes of new kinds": _mean(looked_at[new]),
        "recall of mistakes of new kinds, flags": _mean(flagged[new]),
    }
    for cause in FILE_CAUSES:
        of_cause = wrong & (cells["cause"] == cause)
        incidents = cells["incident"][of_cause].astype(str)
        shares = [_mean(found[of_cause][incidents == incident]) for incident in np.unique(incidents)]
        lines[f"{cause} found"] = _mean(np.array(shares) > 0.5)
    named = is_found & known
    lines["right cause among found"] = _mean(cells["suspected_cause"][named] == cells["cause"][named])
    nameless = is_found & new
    lines["new kinds called unexplained"] = _mean(cells["suspected_cause"][nameless] == NO_NAME)
    lines["suggestion within 10 % of the truth"] = _mean(close[is_found])
    lines["recall in the first four periods"] = _mean(early[wrong[first]])
    confirmed = cells["is_confirmed"] == 1
    lines["confirmed figures"] = int(confirmed.sum())
    lines["confirmed figures flagged again"] = int((confirmed & flagged).sum())
    return lines


def by_cause(cells: dict[str, np.ndarray]) -> list[tuple[str, str, int, float, float]]:
    """Return kind, cause, cells, share flagged and share reviewed, for mistakes and for events."""
    score = cells["score"].astype(float)
    looked_at = review(score)
    rows = []
    for name, chosen in (("mistake", cells["is_error"] == 1), ("event", cells["is_event"] == 1)):
        causes = cells["cause"][chosen].astype(str)
        for cause in np.unique(causes):
            these = causes == cause
            rows.append(
                (name, cause, int(these.sum()), _mean((score[chosen] >= FLAG)[these]), _mean(looked_at[chosen][these]))
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure flags against the truth of a panel.")
    for name in ("truth", "panel", "flags"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--decisions", type=Path, help="what a reviewer confirmed before these flags were made")
    parser.add_argument("--json", type=Path, help="write the lines there too")
    parser.add_argument("--by-cause", action="store_true", help="add a table of causes")
    asked = parser.parse_args()
    cells = read_cells(asked.truth, asked.panel, asked.flags, asked.decisions)
    lines = evaluate(cells)
    for name, value in lines.items():
        print(f"{name:45s} {value:>9,}" if isinstance(value, int) else f"{name:45s} {value:9.3f}")
    if asked.by_cause:
        print(f"\n{'':8s} {'cause':24s} {'cells':>7s} {'flagged':>8s} {'reviewed':>8s}")
        for name, cause, count, flagged, reviewed in by_cause(cells):
            print(f"{name:8s} {cause:24s} {count:7d} {flagged:8.2f} {reviewed:8.2f}")
    if asked.json:
        asked.json.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
