"""The small chart beside a question: what is drawn is what was reported."""

from decimal import Decimal

from shown_periods import figure

from tuquan.review_page.chart import HEIGHT, MARGIN, draw
from tuquan.snapshot import Point


def series(*values):
    return [
        Point(f"2026-M{month:02}", f"Tháng {month}", None if value is None else Decimal(value))
        for month, value in enumerate(values, start=1)
    ]


def test_a_line_breaks_where_nothing_was_reported_and_begins_at_zero():
    drawn = draw(figure(series=series(10, 20, None, 0, 40), expected_low=Decimal(10), expected_high=Decimal(20)))
    assert [len(line.split()) for line in drawn.lines] == [2, 2]
    heights = [float(place.split(",")[1]) for line in drawn.lines for place in line.split()]
    assert heights == [50.0, 36.0, HEIGHT - MARGIN, MARGIN]
    assert drawn.points.count("M") == 4
    assert drawn.asked[1] == MARGIN
    assert drawn.band == (36.0, 14.0)
    assert drawn.words == "Tháng 1: 10; Tháng 2: 20; Tháng 4: 0; Tháng 5: 40"


def test_a_figure_without_a_past_and_one_that_never_changes_are_no_trouble():
    assert draw(figure(series=series(None, None, 7))) is None
    flat = draw(figure(series=series(0, 0, 0), expected_low=None, expected_high=Decimal(0)))
    assert (flat.band, len(flat.lines), flat.asked[1]) == (None, 1, HEIGHT - MARGIN)
