from datetime import date

import pytest

from tuquan.vocabulary.areas import canonical_name, load_register, padded_code
from tuquan.vocabulary.periods import parse_period


@pytest.mark.parametrize(
    ("area", "day", "communes"),
    [
        ("390", date(2021, 12, 14), 17),  # Cẩm Thủy
        ("387", date(2023, 12, 14), 12),  # Quan Sơn
        ("454", date(2019, 12, 14), 18),  # Quảng Trạch
        ("40", date(2019, 12, 31), 480),  # Nghệ An before the mergers of 2020
        ("40", date(2023, 6, 14), 460),
        ("VN", date(2025, 6, 30), 10035),
        ("VN", date(2025, 7, 1), 3321),
    ],
)
def test_the_register_knows_how_many_communes_were_in_force(area, day, communes):
    assert len(load_register().communes(area, day)) == communes


def test_a_code_means_another_commune_after_the_merger():
    register = load_register()
    before, after = register.at("00004", date(2025, 6, 30)), register.at("00004", date(2025, 7, 1))
    assert (before.name_vi, after.name_vi) == ("Phường Trúc Bạch", "Phường Ba Đình")


def test_a_commune_lay_in_its_district_and_province():
    register = load_register()
    phong_son = register.at("15127", date(2021, 12, 14))
    assert [area.name_vi for area in register.parents(phong_son, date(2021, 12, 14))] == [
        "Huyện Cẩm Thủy",
        "Tỉnh Thanh Hóa",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Huyện Cẩm Thủy", "huyện  Cẩm Thuỷ"),  # both spellings stand in the articles
        ("Tỉnh Thanh Hóa", "TỈNH THANH HOÁ"),
        ("Thị trấn Phong Sơn", "TT. Phong Sơn"),
        ("Xã H'Leo", "Xã H’Leo"),
        ("Xã Cẩm Quý", "Xã Cẩm Quý"),  # composed and decomposed letters
    ],
)
def test_two_spellings_of_one_name_are_equal(one, other):
    assert canonical_name(one) == canonical_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Xã Cẩm Giang", "Xã Cẩm Giàng"), ("Xã Ba Tô", "Xã Ba Tơ"), ("Thị trấn Yên Viên", "Xã Yên Viên")],
)
def test_accents_and_types_tell_communes_apart(one, other):
    assert canonical_name(one) != canonical_name(other)


def test_leading_zeros_that_a_spreadsheet_took_come_back():
    assert padded_code("4") == "00004"
    assert padded_code("٤") == "٤"  # not ASCII: left for the reader to refuse


@pytest.mark.parametrize(
    ("area_key", "period", "day"),
    [
        ("15127.20191201", "2025-M07", date(2025, 6, 30)),  # Phong Sơn merged on 1 July, inside the month
        ("15127.20250701", "2025-M07", date(2025, 7, 14)),  # Cẩm Thủy, which took over
        ("15127.20191201", "2025-M06", date(2025, 6, 14)),
        ("15127.20191201", "2025-M08", None),
        ("15127.20250701", "2025-M06", None),
    ],
)
def test_of_a_period_with_a_change_both_vintages_held(area_key, period, day):
    period = parse_period(period)

    assert load_register().by_key[area_key].last_day_within(period.start, period.end) == day


def test_a_code_of_a_period_is_that_of_its_end_before_that_of_its_beginning():
    july = parse_period("2025-M07")

    assert load_register().within("15127", july.start, july.end).area_key == "15127.20250701"
    assert (
        load_register().within("15136", july.start, july.end).area_key == "15136.20180101"
    )  # Cẩm Quý has no successor code
