"""What others use to find implausible figures, each giving flags in the shape of ours.

    python benchmarks/plausibility/baselines.py --panel P.csv --method modified_z_score --out F.csv

- ``z_score``, ``modified_z_score``, ``min_max``: outlier detection of DHIS2. A value is compared with all values of the
  same commune and indicator, its own and later ones among them. Z-score: distance to the mean in population standard
  deviations. Modified: 0.6745 × distance to the median ÷ median absolute deviation. Both flag above 3 and nothing where
  the spread is zero. Min-max: outside the mean ± 2 standard deviations, rounded to whole numbers and not below zero.
- ``hidiroglou_berthelot``: the effect of a ratio to the period before (Hidiroglou and Berthelot, 1986), within each
  indicator and period, with U = 0.5, A = 0.05, C = 20. Where at least half of the communes report the same as before,
  these are left out.
- ``isolation_forest``: scikit-learn's, over what a cell looks like beside its own past and its peers; it is told that
  1 % are wrong. Needs scikit-learn, which the project does not install.

The scores are ordered as each method orders, and are 0.5 where it begins to flag.
"""

import argparse
import importlib.util
from pathlib import Path

import duckdb
import numpy as np

FLAG_Z = 3.0
MIN_MAX_DEVIATIONS = 2.0
WORTH_A_ROW = 0.2  # of a score
METHODS = ("z_score", "modified_z_score", "min_max", "hidiroglou_berthelot", "isolation_forest")

_PANEL = """
create temp table panel as
select ref_area, time_period, indicator, cast(obs_value as double) as obs_value,
    dense_rank() over (partition by indicator order by time_period) as age
from read_csv('{panel}', header = true, all_varchar = true)
"""
_OWN = """
create temp table own as
with middles as (
        select ref_area, indicator, avg(obs_value) as mean, stddev_pop(obs_value) as deviation,
            quantile_cont(obs_value, 0.5) as median
        from panel
        group by all
    ),
    spreads as (
        select ref_area, indicator, quantile_cont(abs(obs_value - median), 0.5) as mad
        from panel
        inner join middles using (ref_area, indicator)
        group by all
    )
select panel.*, mean, deviation, median, mad
from panel
inner join middles using (ref_area, indicator)
inner join spreads using (ref_area, indicator)
"""
# The strength of an outlier is 1 where the method begins to flag.
_STRENGTHS = {
    "z_score": f"""
select *, case when deviation > 0 then abs(obs_value - mean) / deviation / {FLAG_Z} else 0 end as strength,
    mean as suggested_value
from own
""",
    "modified_z_score": f"""
select *, case when mad > 0 then 0.6745 * abs(obs_value - median) / mad / {FLAG_Z} else 0 end as strength,
    median as suggested_value
from own
""",
    "min_max": f"""
with bounds as (
        select *, greatest(0, round(mean - {MIN_MAX_DEVIATIONS} * deviation)) as lowest,
            round(mean + {MIN_MAX_DEVIATIONS} * deviation) as highest
        from own
    )
select *,
    case
        when obs_value between lowest and highest then 0
        else 1 + greatest(lowest - obs_value, obs_value - highest) / greatest(deviation, 1)
    end as strength,
    mean as suggested_value
from bounds
""",
    "hidiroglou_berthelot": """
with pairs as (
        select *, lag(obs_value) over (partition by ref_area, indicator order by age) as value_before
        from panel
    ),
    ratios as (
        select *, obs_value / value_before as ratio,
            avg(cast(obs_value = value_before as integer)) over (partition by indicator, time_period) as unchanged
        from pairs
        where obs_value > 0 and value_before > 0
    ),
    centred as (
        select *, quantile_cont(ratio, 0.5) over (partition by indicator, time_period) as usual
        from ratios
        where unchanged < 0.5 or obs_value <> value_before
    ),
    effects as (
        select *, sqrt(greatest(obs_value, value_before))
            * case when ratio < usual then 1 - usual / ratio else ratio / usual - 1 end as effect
        from centred
    ),
    quartiles as (
        select indicator, time_period, quantile_cont(effect, 0.25) as low, quantile_cont(effect, 0.5) as middle,
            quantile_cont(effect, 0.75) as high
        from effects
        group by all
    )
select effects.*, value_before * usual as suggested_value,
    case
        when effect < middle then (middle - effect) / nullif(20 * greatest(middle - low, abs(0.05 * middle)), 0)
        else (effect - middle) / nullif(20 * greatest(high - middle, abs(0.05 * middle)), 0)
    end as strength
from effects
inner join quartiles using (indicator, time_period)
""",
}
_WRITE = """
copy (
    select ref_area, time_period, indicator, round(strength / (1 + strength), 6) as score,
        'unexplained_outlier' as suspected_cause, round(suggested_value, 1) as suggested_value,
        round(abs(obs_value - suggested_value), 1) as impact, '' as message_vi
    from ({strengths})
    where strength / (1 + strength) >= {least}
    order by score desc, ref_area, time_period, indicator
) to '{out}' (header)
"""


def available() -> list[str]:
    """Return the methods that can run here."""
    has_forest = importlib.util.find_spec("sklearn") is not None
    return [method for method in METHODS if has_forest or method != "isolation_forest"]


def flag(method: str, panel: Path, out: Path) -> None:
    """Write the flags of a method for a panel."""
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        connection.execute(_PANEL.format(panel=panel))
        connection.execute(_OWN)
        if method == "isolation_forest":
            _grow_forest(connection)
            strengths = "select *, median as suggested_value from judged"
        else:
            strengths = _STRENGTHS[method]
        connection.execute(_WRITE.format(strengths=strengths, out=out, least=WORTH_A_ROW))


def _grow_forest(connection: duckdb.DuckDBPyConnection) -> None:
    from sklearn.ensemble import IsolationForest

    connection.execute("""
        create temp table features as
        with sizes as (
                select *, ln(1 + greatest(obs_value, 0)) as size,
                    size - quantile_cont(size, 0.5) over (partition by ref_area, indicator) as beside_own,
                    abs(size - lag(size, 1, size) over (partition by ref_area, indicator order by age)) as step
                from own
            )
        select *, row_number() over (order by ref_area, indicator, age) as place,
            quantile_cont(abs(beside_own), 0.5) over (partition by ref_area, indicator) as own_spread,
            beside_own / (0.1 + own_spread) as strangeness,
            step / (0.1 + quantile_cont(step, 0.5) over (partition by ref_area, indicator)) as suddenness,
            size - quantile_cont(size, 0.5) over (partition by indicator) as beside_peers
        from sizes
    """)
    columns = connection.execute(
        "select beside_own, strangeness, suddenness, beside_peers from features order by place"
    ).fetchnumpy()
    table = np.column_stack([np.asarray(column, float) for column in columns.values()])
    forest = IsolationForest(n_estimators=100, contamination=0.01, random_state=1, n_jobs=1).fit(table)
    score = -forest.score_samples(table)
    # Where it begins to flag the strength is 1; it must grow with the score and stay finite.
    strength = np.exp(12 * (score + forest.offset_))
    places = np.arange(1, len(score) + 1)
    connection.register("strengths", {"place": places, "strength": strength})
    connection.execute("create temp table judged as select * from features inner join strengths using (place)")


def main() -> None:
    parser = argparse.ArgumentParser(description="Flag a panel as others do.")
    parser.add_argument("--panel", type=Path, required=True)
    parser.add_argument("--method", choices=METHODS, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    flag(asked.method, asked.panel, asked.out)


if __name__ == "__main__":
    main()
