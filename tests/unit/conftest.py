"""What several unit tests ask for."""

import hashlib
import shutil
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from made_once import lay_out_parsed_models, made_once

from tuquan import simulate, transform, warehouse
from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.periods import MONTHS_IN, parse_period
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


@pytest.fixture(scope="session")
def built_warehouse(tmp_path_factory, parsed_models):
    """A warehouse built by the real models (about 15 s): Cẩm Thủy 2021, where 17 communes owe the form.

    Xã Cẩm Liên (15145) did not send, and Xã Cẩm Lương (15139) wrote "~50" for its leaflets.
    """

    def build(home):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TUQUAN_HOME", str(home))
            lay_out_parsed_models(parsed_models)
            _report_cam_thuy()
            transform.build("2021")

    return made_once(tmp_path_factory, "built", build) / "warehouse" / "tuquan.duckdb"


def _report_cam_thuy():
    period = parse_period("2021")
    communes = load_register().communes("390", period.end)
    figures = simulate.illustrate(communes, period)
    with warehouse.connect() as connection:
        for number, commune in enumerate(communes, start=1):
            if commune.ref_area != "15145":
                values = {
                    item.indicator: figures[commune.area_key][item.indicator]
                    for item in load_catalogue().on_form("TQ01", period)
                }
                doubtful = {"leaflets_distributed"} if commune.ref_area == "15139" else set()
                _insert_report(connection, number, commune, "2021", values, doubtful)


@pytest.fixture
def judged_home(home, built_warehouse):
    """A TUQUAN_HOME with a copy of the built warehouse, ready for the gates."""
    home.warehouse_file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(built_warehouse, home.warehouse_file)
    return home


def _insert_report(connection, number, commune, time_period, values, doubtful):
    received_at = datetime(2022, 1, 2, tzinfo=UTC).replace(tzinfo=None)
    sha256 = hashlib.sha256(f"{commune.area_key} {time_period}".encode()).hexdigest()
    submission, name = f"{sha256[:16]}-1", f"TQ01_{commune.ref_area}_{time_period}.xlsx"
    tables = {
        "raw.arrivals": [
            {"arrival_id": number, "channel": "folder", "declared_name": name, "sha256": sha256, "size_bytes": 9000,
             "received_at": str(received_at), "file_format": "tq01_xlsx", "status": "accepted"}
        ],
        "raw.submissions": [
            {"submission_id": submission, "report_number": number, "arrival_id": number, "sheet": "Biểu TQ01",
             "form": "TQ01", "form_version": "1", "calendar": "administrative", "ref_area": commune.ref_area,
             "area_key": commune.area_key, "time_period": time_period, "version": 1, "status": "accepted",
             "is_loaded": True, "loaded_at": str(received_at), "figures_read": len(values) - len(doubtful),
             "figures_zero": sum(not value for value in values.values()), "figures_blank": 0,
             "figures_held": len(doubtful), "figures_digest": sha256}
        ],
        "raw.cells": [
            {"report_number": number, "submission_id": submission, "stands": True, "sheet": "Biểu TQ01",
             "cell": f"D{row}", "indicator": indicator,
             "measure": "period", "is_formula": False, "is_hidden": False, "is_merged": False}
            | ({"raw_text": "~50", "raw_type": "text", "reading_rule": "words", "status": "held"}
               if indicator in doubtful
               else {"raw_text": str(value), "raw_type": "number", "obs_value": str(value), "reading_rule": "digits",
                     "status": "read"})
            for row, (indicator, value) in enumerate(values.items(), start=14)
        ],
        "raw.findings": [
            {"arrival_id": number, "submission_id": submission, "check_name": "value_is_a_number", "severity": "held",
             "sheet": "Biểu TQ01", "cell": "D49", "indicator": indicator, "as_written": "~50", "suggested_value": "50",
             "message_vi": "Biểu TQ01, ô D49: ghi “~50”, chưa phải là một số."}
            for indicator in sorted(doubtful)
        ],
    }  # fmt: skip
    for table, records in tables.items():
        warehouse.append(connection, table, records)
