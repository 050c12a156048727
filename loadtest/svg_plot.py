"""Line plots over time as SVG text: no library, no script. Colours are CSS variables of the page (--c0 to --c7)."""

import math
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 26, 26
MOST_POINTS = 600
COLOURS = 8
LOG_FROM = 50  # a range of more than this asks for a logarithmic axis, where all values are positive


@dataclass
class Line:
    name: str
    points: list  # (t, value), t rising


@dataclass
class Plot:
    title: str
    unit: str
    lines: list
    end: float  # seconds; every plot of a page has the same time axis
    events: list = field(default_factory=list)  # (t, text)
    phases: list = field(default_factory=list)  # (name, from, to)
    may_be_log: bool = False

    def has_data(self):
        return any(len(line.points) >= 2 for line in self.lines)


def thin(points, most=MOST_POINTS):
    """At most so many points; of each stretch the lowest and the highest stay."""
    if len(points) <= most:
        return list(points)
    kept, stretches = [], most // 2
    for i in range(stretches):
        stretch = points[i * len(points) // stretches : (i + 1) * len(points) // stretches]
        low, high = min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])
        kept += sorted({low, high}) if low != high else [low]
    return kept


def ticks(low, high, about=5):
    """Round numbers from low to high."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low, high):
    return [10.0**i for i in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def number(value):
    """Short: 12,345  1.2M  0.25."""
    size = abs(value)
    for limit, letter in ((1e9, "G"), (1e6, "M")):
        if size >= limit:
            return f"{value / limit:.3g}{letter}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Axis:
    """From values to y."""

    def __init__(self, values, may_be_log):
        low, high = min(values), max(values)
        self.log = may_be_log and low > 0 and high / low > LOG_FROM
        if self.log:
            self.ticks = log_ticks(low, high)
            self.low, self.high = math.log10(self.ticks[0]), math.log10(self.ticks[-1])
        else:
            self.low, self.high = min(0, low), max(high, 0) * 1.05 or 1
            self.ticks = ticks(self.low, self.high)

    def y(self, value):
        at = math.log10(value) if self.log else value
        share = (at - self.low) / ((self.high - self.low) or 1)
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def svg(plot):
    """The plot as an <svg> element with its own legend. The time axis is 0 to plot.end."""
    lines = [Line(line.name, thin(line.points)) for line in plot.lines if len(line.points) >= 2]
    axis = Axis([value for line in lines for _, value in line.points], plot.may_be_log)
    span = plot.end or 1

    def x(t):
        return LEFT + min(max(t / span, 0), 1) * (WIDTH - LEFT - RIGHT)

    unit = escape(plot.unit, quote=True)
    scale = f'data-end="{span}" data-low="{axis.low}" data-high="{axis.high}" data-log="{int(axis.log)}" data-unit="{unit}"'
    parts = [f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(plot.title, quote=True)}" {scale}>']
    parts += [band(name, x(begin), x(end), i) for i, (name, begin, end) in enumerate(plot.phases)]
    parts += [y_tick(axis.y(value), value) for value in axis.ticks]
    parts += [x_tick(x(t), t) for t in ticks(0, span, 8)]
    parts += [mark(x(t), text) for t, text in plot.events]
    for i, line in enumerate(lines):
        points = " ".join(f"{x(t):.1f},{axis.y(value):.1f}" for t, value in line.points)
        parts.append(f'<polyline class="line c{i % COLOURS}" data-name="{escape(line.name, quote=True)}" points="{points}"/>')
    return "\n".join([*parts, "</svg>"])


def band(name, begin, end, index):
    shade = f'<rect class="band b{index % 2}" x="{begin:.1f}" y="{TOP}" width="{max(end - begin, 0):.1f}" height="{HEIGHT - TOP - BOTTOM}"/>'
    if end - begin < 7 * len(name):
        return shade
    return f'{shade}<text class="phase" x="{(begin + end) / 2:.1f}" y="{TOP - 6}">{escape(name)}</text>'


def y_tick(y, value):
    return f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/><text class="y" x="{LEFT - 6}" y="{y + 4:.1f}">{number(value)}</text>'


def x_tick(x, t):
    return f'<text class="x" x="{x:.1f}" y="{HEIGHT - 8}">{number(t)} s</text>'


def mark(x, text):
    return f'<line class="event" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"><title>{escape(text)}</title></line>'


def legend(plot):
    names = [line.name for line in plot.lines if len(line.points) >= 2]
    return "".join(f'<span class="key"><i class="c{i % COLOURS}"></i>{escape(name)}</span>' for i, name in enumerate(names))
