"""One recording of dbt for all properties: it runs twice, whoever asks first."""

import pytest
from made_once import everybodys, lay_out_parsed_models
from replayed_models import record
from small_country import BEGIN, Area, Report, districts_of_one_province, raw_rows, write_seeds

from tuquan import warehouse


@pytest.fixture(scope="session")
def recording(tmp_path_factory, parsed_models):
    """What dbt ran on the small country: first with two reports of June, then with a correction and one of May."""
    areas, changes = districts_of_one_province()
    june = [_report(areas, code, "2025-M06", 90) for code in ("00001", "00007")]
    later = [_report(areas, "00001", "2025-M06", 100, version=2), _report(areas, "00002", "2025-M05", 7)]

    def begin() -> None:
        lay_out_parsed_models(parsed_models)
        _lay_out(june, 1)

    return record(
        everybodys(tmp_path_factory) / "recorded_models",
        lambda folder: write_seeds(folder, areas.values(), changes),
        begin,
        lambda: _lay_out(later, len(june) + 1),
    )


def _report(areas: dict[str, Area], code: str, time_period: str, households: int, version: int = 1) -> Report:
    area = areas[f"{code}.{BEGIN:%Y%m%d}"]
    return Report(area, time_period, {"households_total": households, "households_pledged": 5}, version)


def _lay_out(reports: list[Report], first_number: int) -> None:
    with warehouse.connect() as connection:
        for table, records in raw_rows(reports, first_number).items():
            warehouse.append(connection, table, records)
