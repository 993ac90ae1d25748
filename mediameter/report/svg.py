"""Four kinds of picture, each a function from plain series to one SVG: no library, no script, no outside resource.

Colours are classes of the page's style sheet, so that a picture follows the light or dark theme.
Open days are hatched (bars) or dashed and hollow (lines); days without data stay empty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mediameter.report.markup import Markup, element, join

WIDTH, HEIGHT = 960, 290
LEFT, RIGHT, TOP, BOTTOM = 76, 46, 26, 34
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
MARKED_DAYS = 62  # beyond so many, single points are too close to be marked
MOST_LABELS = 14
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Series:
    """One colour: a name for the legend, a class of the style sheet, a value for each day that has one."""

    name: str
    colour: str
    values: Mapping[date, float]


@dataclass(frozen=True, slots=True)
class Spine:
    """The days along the x axis, and those that are not complete."""

    days: Sequence[date]
    open_days: frozenset[date]

    @property
    def step(self) -> float:
        return PLOT_WIDTH / max(len(self.days), 1)

    def centre(self, place: int) -> float:
        return LEFT + (place + 0.5) * self.step

    def name(self, day: date) -> str:
        return f"{day} (open)" if day in self.open_days else f"{day}"


@dataclass(frozen=True, slots=True)
class Caption:
    """What a picture is called, and what it says to those who do not see it. ``slug`` makes its ids."""

    slug: str
    title: str
    description: str
    unit: str


Tell = Callable[[float], str]


def stacked_bars(
    caption: Caption, series: Sequence[Series], spine: Spine, tell: Tell, *, per: float = 1, ceiling: float = 0
) -> Markup:
    """A bar a day, the series one upon the other. The axis counts in units of ``per``; 0 finds its top itself."""
    highest = max((sum(one.values.get(day, 0) for one in series) for day in spine.days), default=0)
    scale = ticks((ceiling or highest) / per)
    height_of = PLOT_HEIGHT / (scale[-1] * per)
    bars = [_bar(place, day, series, spine, height_of, tell) for place, day in enumerate(spine.days)]
    grid = [(TOP + PLOT_HEIGHT - value * per * height_of, _tick(value, scale)) for value in scale]
    return _picture(caption, _y_axis(grid, caption.unit), *bars, *_x_axis(spine))


def _bar(place: int, day: date, series: Sequence[Series], spine: Spine, height_of: float, tell: Tell) -> Markup:
    shown = [(one, one.values[day]) for one in series if one.values.get(day)]
    width = min(max(spine.step * (0.72 if spine.step > 4 else 1), 0.8), 64)
    x, y = spine.centre(place) - width / 2, float(TOP + PLOT_HEIGHT)
    parts = [_title(spine.name(day), *(f"{one.name}: {tell(value)}" for one, value in reversed(shown)))]
    for one, value in shown:
        height = value * height_of
        y -= height
        colour = f"{one.colour} edged" if spine.step > 8 and height > 4 else one.colour
        parts.append(element("rect", class_=colour, x=x, y=y, width=width, height=height))
    if shown and day in spine.open_days:
        parts.append(element("rect", class_="hatch", x=x, y=y, width=width, height=TOP + PLOT_HEIGHT - y))
    return element("g", *parts) if shown else Markup("")


def lines(caption: Caption, series: Sequence[Series], spine: Spine, tell: Tell) -> Markup:
    """A line a series on a logarithmic axis, its name at its right end; the lines break where a day has no value."""
    values = [value for one in series for value in one.values.values()]
    scale = log_ticks(min(values, default=1), max(values, default=1))
    span = math.log(scale[-1] / scale[0])

    def y(value: float) -> float:
        return TOP + PLOT_HEIGHT * (1 - math.log(max(value, scale[0]) / scale[0]) / span)

    drawn = [part for one in series for part in _line(one, spine, y)]
    hovers = [_hover(place, day, series, spine, tell) for place, day in enumerate(spine.days)]
    grid = [(y(value), f"{value:,}") for value in scale]
    return _picture(
        caption, _y_axis(grid, caption.unit), *drawn, *_end_labels(series, spine, y), *hovers, *_x_axis(spine)
    )


def _line(one: Series, spine: Spine, y: Callable[[float], float]) -> Iterator[Markup]:
    """Solid between complete days, dashed to and from open ones; a point where a day stands alone."""
    points = {place: y(one.values[day]) for place, day in enumerate(spine.days) if day in one.values}
    for place, at in points.items():
        is_open = spine.days[place] in spine.open_days
        if place + 1 in points:
            dashed = is_open or spine.days[place + 1] in spine.open_days
            ends = {"x1": spine.centre(place), "y1": at, "x2": spine.centre(place + 1), "y2": points[place + 1]}
            yield element("line", class_=f"line {one.colour}{' dashed' if dashed else ''}", **ends)
        stands_alone = place - 1 not in points and place + 1 not in points
        if len(spine.days) <= MARKED_DAYS or is_open or stands_alone:
            hollow = " hollow" if is_open else ""
            yield element("circle", class_=f"point {one.colour}{hollow}", cx=spine.centre(place), cy=at, r=3.2)


def _end_labels(series: Sequence[Series], spine: Spine, y: Callable[[float], float]) -> Iterator[Markup]:
    """From the top down, each at least a line's height below the one before."""
    ends = [(y(one.values[max(one.values)]), one) for one in series if one.values]
    lowest = -math.inf
    for wanted, one in sorted(ends, key=lambda end: end[0]):
        lowest = max(wanted, lowest + 14)
        yield element("text", one.name, class_=f"end {one.colour}", x=LEFT + PLOT_WIDTH + 6, y=lowest + 4)


def _hover(place: int, day: date, series: Sequence[Series], spine: Spine, tell: Tell) -> Markup:
    told = [f"{one.name}: {tell(one.values[day])}" for one in series if day in one.values]
    title = _title(spine.name(day), *(told or ["no data"]))
    x = spine.centre(place) - spine.step / 2
    return element("rect", title, class_="hover", x=x, y=TOP, width=spine.step, height=PLOT_HEIGHT)


@dataclass(frozen=True, slots=True)
class Mark:
    """One cell of a strip: a colour, how high it stands (0 to 1), and what it says."""

    colour: str
    height: float
    says: str


def strips(caption: Caption, rows: Mapping[str, Mapping[date, Mark]], spine: Spine) -> Markup:
    """A strip a row, a cell a day. The cell's height says the same as its colour."""
    tall, top = 30, 8
    bottom = top + len(rows) * tall
    left = 190
    step = (WIDTH - left - RIGHT) / max(len(spine.days), 1)
    parts: list[Markup] = []
    for line, (name, marks) in enumerate(rows.items()):
        base = top + (line + 1) * tall - 5
        parts.append(element("text", name, class_="tick right", x=left - 10, y=base - 6))
        parts.append(element("line", class_="grid", x1=left, x2=WIDTH - RIGHT, y1=base, y2=base))
        for place, day in enumerate(spine.days):
            if day in marks:
                parts.append(_cell(marks[day], spine.name(day), left + place * step, step, base, tall - 8))
    labels = [
        element("text", label, class_="tick middle", x=left + (place + 0.5) * step, y=bottom + 16)
        for place, label in day_labels(spine.days)
    ]
    return _picture(caption, *parts, *labels, height=bottom + 24)


def _cell(mark: Mark, day: str, x: float, step: float, base: float, tall: float) -> Markup:
    width = min(max(step * (0.78 if step > 4 else 1), 0.8), 40)
    height = tall * mark.height
    return element(
        "rect",
        _title(day, mark.says),
        class_=mark.colour,
        x=x + (step - width) / 2,
        y=base - height,
        width=width,
        height=height,
    )


def rows_of_bars(caption: Caption, rows: Sequence[tuple[str, float, str]], tell: Tell) -> Markup:
    """A horizontal bar a row: name, value, colour; the figure stands behind the bar."""
    tall, top, left = 30, 8, 230
    longest = max((value for _, value, _ in rows), default=0) or 1
    parts: list[Markup] = []
    for line, (name, value, colour) in enumerate(rows):
        y = top + line * tall
        width = max((WIDTH - left - 130) * value / longest, 1)
        parts += (
            element("text", name, class_="tick right", x=left - 10, y=y + 18),
            element("rect", element("title", f"{name}: {tell(value)}"), class_=colour, x=left, y=y + 4, width=width,
                    height=tall - 10),
            element("text", tell(value), class_="figure", x=left + width + 8, y=y + 18),
        )  # fmt: skip
    return _picture(caption, *parts, height=top + len(rows) * tall + 6)


# --- axes ------------------------------------------------------------------------------------------
def ticks(highest: float, wanted: int = 5) -> list[float]:
    """From 0 to the first tick not below ``highest``, in steps of 1, 2 or 5 times a power of ten."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    return [step * n for n in range(math.ceil(highest / step * (1 - 1e-9)) + 1)]


def log_ticks(lowest: float, highest: float) -> list[int]:
    """1, 2, 5, 10, … around the values; only powers of ten where the values span many. Below 1 is drawn at 1."""
    edges = [factor * 10**power for power in range(19) for factor in (1, 2, 5)]
    begin = max((edge for edge in edges if edge <= lowest), default=1)
    end = next((edge for edge in edges if edge >= highest and edge > begin), edges[-1])
    within = [edge for edge in edges if begin <= edge <= end]
    if len(within) <= 8:
        return within
    return [edge for edge in within if edge in (begin, end) or str(edge).startswith("1")]


def _tick(value: float, scale: Sequence[float]) -> str:
    places = max(0, -math.floor(math.log10(scale[1]) + 1e-9))
    return f"{value:,.{places}f}"


def _y_axis(grid: Sequence[tuple[float, str]], unit: str) -> Markup:
    parts = [element("text", unit, class_="unit", x=LEFT - 10, y=TOP - 12)]
    for y, label in grid:
        parts.append(element("line", class_="grid", x1=LEFT, x2=LEFT + PLOT_WIDTH, y1=y, y2=y))
        parts.append(element("text", label, class_="tick right", x=LEFT - 10, y=y + 4))
    return join(parts)


def _x_axis(spine: Spine) -> Iterator[Markup]:
    base = TOP + PLOT_HEIGHT
    yield element("line", class_="axis", x1=LEFT, x2=LEFT + PLOT_WIDTH, y1=base, y2=base)
    for place, label in day_labels(spine.days):
        yield element("text", label, class_="tick middle", x=spine.centre(place), y=base + 20)


def day_labels(days: Sequence[date]) -> list[tuple[int, str]]:
    """Places and names of the days that get a label: each day, each Monday, or the first of a month."""
    if len(days) <= MOST_LABELS:
        return [(place, f"{day.day} {_MONTHS[day.month - 1]}") for place, day in enumerate(days)]
    mondays = [(place, f"{day.day} {_MONTHS[day.month - 1]}") for place, day in enumerate(days) if day.weekday() == 0]
    if len(mondays) <= MOST_LABELS:
        return mondays
    begins = [(place, day) for place, day in enumerate(days) if day.day == 1]
    kept = begins[:: math.ceil(len(begins) / MOST_LABELS)]
    years = {day.year: day for _, day in reversed(kept)}  # the year is told once, with its first label
    return [(place, _month(day, is_first=years[day.year] == day)) for place, day in kept]


def _month(day: date, is_first: bool) -> str:
    return f"{_MONTHS[day.month - 1]} {day.year}" if is_first else _MONTHS[day.month - 1]


def _title(*told: str) -> Markup:
    """What a browser shows on pointing: a line each."""
    return element("title", told[0], *(part for line in told[1:] for part in (Markup("\n"), line)))


def _picture(caption: Caption, *parts: Markup, height: float = HEIGHT) -> Markup:
    ids = f"{caption.slug}-title", f"{caption.slug}-desc"
    return element(
        "svg",
        element("title", caption.title, id=ids[0]),
        element("desc", caption.description, id=ids[1]),
        *parts,
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_labelledby=" ".join(ids),
    )
