"""What several unit tests ask for."""

from decimal import Decimal

import pytest

from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import MONTHS_IN
from tuquan.vocabulary.seeds import read_seed


@pytest.fixture(scope="session")
def broken_relations():
    """Return what is wrong with the figures of one commune, straight from the columns of the catalogue."""
    rows = [row for row in read_seed("indicators") if row["form"]]
    catalogue = load_catalogue()

    def find(figures, period):
        for row in rows:
            if row["indicator"] not in figures:
                continue
            value, whole = figures[row["indicator"]], figures.get(row["whole"])
            if whole is not None and value > whole:
                yield f"{row['indicator']} {value} > {row['whole']} {whole}"
            driver = figures.get(row["driver"])
            if driver is not None and value:
                low, high = Decimal(row["driver_min"] or 0) * driver, Decimal(row["driver_max"] or "Infinity") * driver
                if not (driver and low <= value <= high):
                    yield f"{row['indicator']} {value} for {row['driver']} {driver}"
            if row["ceiling"] and value > 1:
                yield f"{row['indicator']} {value} in one commune"
            repeats = 1
            if catalogue[row["indicator"]].is_flow:
                repeats = max(1, period.months / MONTHS_IN[row["frequency"]])
            if row["typical_max"] and not 0 <= value <= float(row["typical_max"]) * repeats:
                yield f"{row['indicator']} {value} is not usual"

    return lambda figures, period: list(find(figures, period))
