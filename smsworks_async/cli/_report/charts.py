"""The charts of a report, as SVG: a divided bar, a bar chart, and counts over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final

import attrs

from smsworks_async.cli._report import axes
from smsworks_async.cli._report.facts import Series
from smsworks_async.cli._report.markup import Markup, join, tag


#: The width of a chart, in SVG units; the page scales it.
WIDTH: Final = 720.0
_BAR: Final = 34.0
_GAP: Final = 2.0
#: The least width of a part of a bar that is still visible.
_NARROWEST: Final = 3.0
# The most points of a line; more could not be distinguished and would make the page large.
_POINTS: Final = 180
_ROW: Final = 44.0
_LONGEST_LABEL: Final = 95


@attrs.frozen
class Part:
    """A part of a divided bar, or a bar of a bar chart.

    Attributes:
        label: the label.
        value: the value.
        colour: the class of its colour in the style sheet.
        shown: the value as text; an empty string to format it as a figure.
    """

    label: str
    value: float
    colour: str
    shown: str = ""

    @property
    def words(self) -> str:
        """The value as text."""
        return self.shown or axes.figure(self.value)


@attrs.frozen
class Line:
    """A count over time.

    Attributes:
        label: the label.
        series: the count over time.
        colour: the class of its colour in the style sheet.
    """

    label: str
    series: Series
    colour: str


def _picture(height: float, title: str, *children: object) -> Markup:
    return tag(
        "svg",
        tag("title", title),
        *children,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def parts_bar(title: str, parts: Sequence[Part]) -> Markup:
    """Return a bar that is divided into parts, and a legend with each part's share."""
    shown = [part for part in parts if part.value > 0]
    whole = sum(part.value for part in shown)
    widths = _widths([part.value for part in shown], WIDTH)
    x = 0.0
    drawn = []
    for part, width in zip(shown, widths, strict=True):
        words = f"{part.label}: {part.words} ({axes.share(part.value, whole)})"
        drawn.append(
            tag(
                "rect",
                x=x,
                y=0.0,
                width=max(width - _GAP, 1.0),
                height=_BAR,
                rx=3.0,
                class_=part.colour,
            )
        )
        if width > 9 * len(part.words) + 16:
            drawn.append(
                tag(
                    "text",
                    part.words,
                    x=x + (width - _GAP) / 2,
                    y=_BAR / 2,
                    class_=f"inside on-{part.colour}",
                )
            )
        drawn[-1] = tag("g", tag("title", words), drawn[-1])
        x += width
    picture = _picture(_BAR, title, *drawn)
    return tag("div", picture, _legend(shown, whole), class_="parts")


def _legend(parts: Sequence[Part], whole: float) -> Markup:
    return tag(
        "ul",
        *(
            tag(
                "li",
                _swatch(part.colour),
                tag("span", part.label),
                tag("b", part.words),
                tag("i", axes.share(part.value, whole)),
            )
            for part in parts
        ),
        class_="legend",
    )


def _swatch(colour: str) -> Markup:
    square = tag("rect", width=12, height=12, rx=2, class_=colour)
    return tag("svg", square, viewBox="0 0 12 12", class_="swatch", aria_hidden="true")


def _widths(values: Sequence[float], width: float) -> list[float]:
    """Divide a width in proportion to values, with a least width for small ones."""
    whole = sum(values)
    least = _NARROWEST + _GAP
    small = [value for value in values if value * width < least * whole]
    rest = width - least * len(small)
    large = whole - sum(small)
    return [least if value * width < least * whole else value / large * rest for value in values]


def bars(title: str, parts: Sequence[Part]) -> Markup:
    """Return a bar chart, with each part's label above its bar."""
    room = WIDTH - 80.0
    highest = max((part.value for part in parts), default=0) or 1
    rows = []
    for index, part in enumerate(parts):
        y = index * _ROW
        width = max(part.value / highest * room, _NARROWEST)
        rows.append(
            tag(
                "g",
                tag("title", f"{part.label}: {part.words}"),
                tag("text", _cut(part.label), x=0.0, y=y + 9),
                tag(
                    "rect",
                    x=0.0,
                    y=y + 19,
                    width=width,
                    height=14.0,
                    rx=3.0,
                    class_=part.colour,
                ),
                tag("text", part.words, x=width + 8, y=y + 26, class_="value"),
            )
        )
    return _picture(max(len(parts), 1) * _ROW, title, *rows)


def _cut(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"


def over_time(
    title: str, lines: Sequence[Line], zone: tzinfo, *, since: datetime | None = None
) -> Markup:
    """Return a chart of counts over time, with each line's label and last count at the right.

    Args:
        title: the title of the chart.
        lines: the counts, each with at least one point.
        zone: the time zone of the axis.
        since: the start of the axis; by default shortly before the first point.
    """
    plot = _Plot.around(lines, since)
    ticks = axes.moments(plot.first, plot.last, zone)
    grid = [
        join(
            (
                tag(
                    "line",
                    x1=plot.left,
                    x2=plot.right,
                    y1=plot.y(count),
                    y2=plot.y(count),
                    class_="grid" if count else "axis",
                ),
                tag(
                    "text", axes.figure(count), x=plot.left - 8, y=plot.y(count), class_="end tick"
                ),
            )
        )
        for count in plot.counts
    ]
    for tick, (time, date) in zip(ticks, axes.tick_labels(ticks), strict=True):
        x = plot.x(tick)
        grid.append(tag("line", x1=x, x2=x, y1=plot.bottom, y2=plot.bottom + 5, class_="axis"))
        grid.append(tag("text", time, x=x, y=plot.bottom + 16, class_="middle tick"))
        if date:
            grid.append(tag("text", date, x=x, y=plot.bottom + 31, class_="middle tick"))
    drawn = [plot.draw(line) for line in lines]
    return _picture(plot.height, title, *grid, *drawn, *plot.labels(lines))


@attrs.frozen
class _Plot:
    """The position of times and counts in a chart."""

    first: datetime
    last: datetime
    counts: Sequence[int]
    left: float = 64.0
    right: float = WIDTH - 130.0
    top: float = 12.0
    bottom: float = 212.0

    @classmethod
    def around(cls, lines: Sequence[Line], since: datetime | None) -> _Plot:
        first = min(line.series[0][0] for line in lines)
        last = max(line.series[-1][0] for line in lines)
        begin = first if since is None else min(since, first)
        # Leave a margin, so that the first and the last step are visible.
        room = max((last - begin) * 0.03, timedelta(seconds=0.5))
        highest = max(line.series[-1][1] for line in lines)
        return cls(begin - room, last + room, axes.counts(highest))

    @property
    def height(self) -> float:
        return self.bottom + 40.0

    def x(self, moment: datetime) -> float:
        passed = (moment - self.first) / (self.last - self.first)
        return self.left + passed * (self.right - self.left)

    def y(self, count: float) -> float:
        return self.bottom - count / self.counts[-1] * (self.bottom - self.top)

    def draw(self, line: Line) -> Markup:
        """Draw the steps of a line, and the area below them."""
        points = thinned(line.series)
        path = [f"M{self.left:.1f} {self.bottom:.1f}"]
        for moment, count in points:
            path.append(f"H{self.x(moment):.1f}V{self.y(count):.1f}")
        path.append(f"H{self.right:.1f}")
        steps = "".join(path)
        words = f"{line.label}: {axes.figure(points[-1][1])}"
        return tag(
            "g",
            tag("title", words),
            tag("path", d=f"{steps}V{self.bottom:.1f}Z", class_=f"area {line.colour}"),
            tag("path", d=steps, class_=f"line {line.colour}"),
        )

    def labels(self, lines: Sequence[Line]) -> list[Markup]:
        """Return a label for the end of each line, placed without overlaps."""
        ends = [(self.y(line.series[-1][1]), line) for line in lines]
        found: list[Markup] = []
        above = self.top - 22.0
        for y, line in sorted(ends, key=lambda end: end[0]):
            at = above = max(y, above + 34.0)
            count = axes.figure(line.series[-1][1])
            for shift, text, kind in ((-7, count, "value"), (8, line.label, "tick")):
                found.append(
                    tag(
                        "text",
                        text,
                        x=self.right + 10,
                        y=at + shift,
                        class_=f"{kind} of-{line.colour}",
                    )
                )
        return found


def thinned(series: Series, most: int = _POINTS) -> Series:
    """Return a series reduced to at most ``most`` points, including the first and the last."""
    if len(series) <= most:
        return series
    steps = most - 1
    return tuple(series[round(n * (len(series) - 1) / steps)] for n in range(most))
