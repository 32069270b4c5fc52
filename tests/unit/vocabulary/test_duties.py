from datetime import date

import pytest

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.duties import duty_of, owes_report
from tuquan.vocabulary.periods import parse_period


@pytest.mark.parametrize(
    ("commune", "code", "owes"),
    [
        ("15127", "2021", True),  # Cẩm Thủy, by the district's duty
        ("15127", "2022", False),
        ("16681", "2023-S1", True),  # Vinh, by the province's duty
        ("16681", "2023-Q1", False),
        ("00004", "2026-M11", True),  # by the country's duty
        ("00004", "2025-M11", False),
    ],
)
def test_a_commune_owes_what_its_nearest_area_asks(commune, code, owes):
    register, period = load_register(), parse_period(code)
    assert owes_report(register.at(commune, period.end), "TQ01", period, register) is owes


def test_a_provinces_own_duties_replace_those_of_the_country(tmp_path):
    (tmp_path / "reporting_duties.csv").write_text(
        "ref_area,form,frequency,valid_from,valid_to,due_after_days,closes_after_days,note_en\n"
        "VN,TQ01,month,2026-01-01,,3,,\n"
        "01,TQ01,quarter,2026-01-01,,,20,\n"
    )
    register = load_register()
    hanoi, thanh_hoa = (register.communes(province, parse_period("2026-Q1").end)[0] for province in ("01", "38"))
    for area, monthly in ((hanoi, False), (thanh_hoa, True)):
        for code, owes in (("2026-M03", monthly), ("2026-Q1", not monthly)):
            assert owes_report(area, "TQ01", parse_period(code), register, tmp_path) is owes
    duty = duty_of(hanoi, "TQ01", parse_period("2026-Q1"), register, tmp_path)
    assert duty.last_day(parse_period("2026-Q1")) == date(2026, 4, 3)  # the quarter ends on 14 March
    assert (
        duty_of(thanh_hoa, "TQ01", parse_period("2026-M03"), register, tmp_path).last_day(parse_period("2026-M03"))
        is None
    )
