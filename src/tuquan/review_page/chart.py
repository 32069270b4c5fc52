"""A small chart of one series: where its line, points and usual range lie in a box of fixed size."""

from dataclasses import dataclass

from tuquan.snapshot import Figure
from tuquan.vocabulary.phrases import number_vi

WIDTH, HEIGHT, MARGIN = 260, 72, 8


@dataclass(frozen=True)
class Chart:
    """What is drawn, in pixels from the upper left corner: lines between neighbours, points, the band of the usual.

    ``points`` is a path of strokes without length, one for each figure, and ``asked`` the place of the last one.
    """

    lines: list[str]
    points: str
    asked: tuple[float, float] | None
    band: tuple[float, float] | None  # upper edge and height
    words: str  # the same for those who do not see it


def draw(figure: Figure) -> Chart | None:
    """Return the chart of a figure's series; None when nothing but the figure itself is known."""
    series, decimals = figure.series, figure.decimals
    values = [point.obs_value for point in series if point.obs_value is not None]
    if len(values) < 2:
        return None
    bounds = [float(bound) for bound in (figure.expected_low, figure.expected_high) if bound is not None]
    low, high = min(0.0, float(min(values)), *bounds), max(float(max(values)), *bounds)
    scale = (HEIGHT - 2 * MARGIN) / ((high - low) or 1.0)
    step = (WIDTH - 2 * MARGIN) / max(1, len(series) - 1)

    def height_of(value: float) -> float:
        return round(HEIGHT - MARGIN - (value - low) * scale, 1)

    # The line breaks where a period has no figure: nothing is drawn that nobody reported.
    pieces: list[list[tuple[float, float]]] = [[]]
    for place, point in enumerate(series):
        if point.obs_value is None:
            pieces.append([])
        else:
            pieces[-1].append((round(MARGIN + place * step, 1), height_of(float(point.obs_value))))
    top = height_of(max(bounds)) if bounds else 0.0
    return Chart(
        lines=[" ".join(f"{x},{y}" for x, y in piece) for piece in pieces if len(piece) > 1],
        points="".join(f"M{x} {y}h0" for piece in pieces for x, y in piece),
        asked=pieces[-1][-1] if pieces[-1] else None,
        band=(top, max(1.0, round(height_of(min(bounds)) - top, 1))) if len(bounds) == 2 else None,
        words="; ".join(
            f"{point.label_vi}: {number_vi(point.obs_value, decimals)}"
            for point in series
            if point.obs_value is not None
        ),
    )
