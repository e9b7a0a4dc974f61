"""Plots as SVG, made here and read without JavaScript: lines over the weeks, and bars for each profile.

The two policies differ by colour, by dash or hatching, and by a label of their own; each plot says in words what it
shows, and the page has its numbers in a table below. When to modify: with a new kind of plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 130, 14, 34
COLOURS = ("#0b4f8a", "#a13d00")
DASHES = ("none", "7 4")
ROW = 46
BAR = 15
NAMES = 300

NBSP = "\u00a0"


def lines(title: str, series: Sequence[tuple[str, Sequence[float]]], *, percent: bool = False) -> str:
    """One line for each named series, from week 1; the axis begins at 0."""
    top = _round_up(max(max(values, default=0) for _, values in series), percent=percent)
    weeks = max(len(values) for _, values in series)
    parts = [*_grid(top, percent=percent), *_weeks(weeks)]
    ends = _apart([_y(values[-1], top) for _, values in series])
    for number, ((name, values), end) in enumerate(zip(series, ends, strict=True)):
        points = " ".join(f"{_x(week, weeks):.1f},{_y(value, top):.1f}" for week, value in enumerate(values))
        style = f'fill="none" stroke="{COLOURS[number]}" stroke-width="2.5" stroke-dasharray="{DASHES[number]}"'
        parts.append(f'<polyline points="{points}" {style}/>')
        parts.append(_text(WIDTH - RIGHT + 6, end + 4, name, colour=COLOURS[number]))
    return _svg(title, HEIGHT, parts)


def bars(title: str, rows: Sequence[tuple[str, Sequence[float | None]]], names: Sequence[str]) -> str:
    """Two shares, from 0 to 1, for each row; the second is hatched."""
    parts = [_hatching()]
    left, wide = NAMES, WIDTH - NAMES - 60
    for number, (name, shares) in enumerate(rows):
        y = TOP + 22 + number * ROW
        parts.append(_text(left - 8, y + BAR + 3, name, anchor="end"))
        for which, share in enumerate(shares):
            fill = COLOURS[0] if which == 0 else "url(#hachures)"
            y_bar = y + which * (BAR + 2)
            length = wide * (share or 0)
            parts.append(
                f'<rect x="{left}" y="{y_bar}" width="{length:.1f}" height="{BAR}" fill="{fill}" '
                f'stroke="{COLOURS[which]}"/>'
            )
            parts.append(_text(left + length + 6, y_bar + 12, said(share)))
    legend = " ; ".join(f"{name} : {form}" for name, form in zip(names, ("plein", "hachuré"), strict=True))
    parts.append(_text(left, TOP + 8, legend.replace(" :", f"{NBSP}:").replace(" ;", f"{NBSP};")))
    return _svg(title, TOP + 30 + len(rows) * ROW, parts)


def said(share: float | None) -> str:
    """A share as French readers write it."""
    return "–" if share is None else f"{100 * share:.0f}{NBSP}%"


def number(value: float | None) -> str:
    """A number with a decimal comma, without zeros that say nothing."""
    return "–" if value is None else f"{value:g}".replace(".", ",")


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    label = escape(title)
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">'
    )
    return "\n".join([head, f"<title>{label}</title>", *parts, "</svg>"])


def _hatching() -> str:
    lines = f'<path d="M0 6L6 0" stroke="{COLOURS[1]}" stroke-width="2"/>'
    return f'<defs><pattern id="hachures" width="6" height="6" patternUnits="userSpaceOnUse">{lines}</pattern></defs>'


def _grid(top: float, *, percent: bool) -> list[str]:
    found = []
    for step in range(5):
        value = top * step / 4
        y = _y(value, top)
        label = said(value) if percent else f"{value:.0f}"
        found.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#c9ced6"/>')
        found.append(_text(LEFT - 8, y + 4, label, anchor="end"))
    return found


def _weeks(weeks: int) -> list[str]:
    shown = range(0, weeks, max(1, weeks // 6))
    ticks = [_text(_x(week, weeks), HEIGHT - 16, str(week + 1), anchor="middle") for week in shown]
    return [*ticks, _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 2, "semaine", anchor="middle")]


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#1c2530") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="13">{escape(text)}</text>'


def _x(week: int, weeks: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * week / max(weeks - 1, 1)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _apart(ends: list[float]) -> list[float]:
    """Labels of lines that end close to each other, moved so that both can be read."""
    if len(ends) > 1 and abs(ends[0] - ends[1]) < BAR:
        middle = (ends[0] + ends[1]) / 2
        shift = BAR / 2 if ends[0] >= ends[1] else -BAR / 2
        return [middle + shift, middle - shift]
    return ends


def _round_up(value: float, *, percent: bool) -> float:
    if percent:
        return 1.0
    step: int = 10 ** max(0, len(str(int(value))) - 1)
    return max(4.0, step * (1 + int(value / step)))
