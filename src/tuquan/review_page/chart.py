"""A small chart of one series: where its line, points and usual range lie in a box of fixed size."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tuquan.snapshot import Figure, Point

WIDTH, HEIGHT, MARGIN = 260, 72, 8


@dataclass(frozen=True)
class Dot:
    """One figure: its place in pixels from the upper left corner, and what it is."""

    x: float
    y: float
    point: Point
    is_asked: bool


@dataclass(frozen=True)
class Chart:
    """Dots from old to new, the lines between neighbours that both have a figure, and the band of the usual."""

    dots: list[Dot]
    lines: list[str]
    band: tuple[float, float] | None  # upper edge and height
    low: Decimal
    high: Decimal


def draw(figure: Figure) -> Chart | None:
    """Return the chart of a figure's series; None when nothing but the figure itself is known."""
    known = [point for point in figure.series if point.obs_value is not None]
    if len(known) < 2:
        return None
    bounds = [bound for bound in (figure.expected_low, figure.expected_high) if bound is not None]
    values = [*(point.obs_value for point in known), *bounds]
    low, high = min(Decimal(0), *values), max(values)
    span = float(high - low) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(1, len(figure.series) - 1)

    def height_of(value: Decimal) -> float:
        return round(HEIGHT - MARGIN - float(value - low) / span * (HEIGHT - 2 * MARGIN), 1)

    dots = [
        Dot(round(MARGIN + place * step, 1), height_of(point.obs_value), point, place == len(figure.series) - 1)
        for place, point in enumerate(figure.series)
        if point.obs_value is not None
    ]
    band = None
    if len(bounds) == 2:
        top = height_of(max(bounds))
        band = top, max(1.0, round(height_of(min(bounds)) - top, 1))
    return Chart(dots, _lines(dots, step), band, low, high)


def _lines(dots: Sequence[Dot], step: float) -> list[str]:
    """Break the line where a period has no figure: nothing is drawn that nobody reported."""
    pieces: list[list[Dot]] = []
    for dot in dots:
        if pieces and dot.x - pieces[-1][-1].x < 1.5 * step:
            pieces[-1].append(dot)
        else:
            pieces.append([dot])
    return [" ".join(f"{dot.x},{dot.y}" for dot in piece) for piece in pieces if len(piece) > 1]
