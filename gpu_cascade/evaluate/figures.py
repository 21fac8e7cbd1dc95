"""Curves as inline SVG: text stays text, colours come from the page and follow light and dark."""

import io
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

SIZE = (4.8, 3.3)  # inches; 9 points of text are readable at the width of a phone
RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gpu-cascade",
    "text.parse_math": False,
    "font.size": 9,
    "axes.edgecolor": "#a00000",
    "axes.labelcolor": "#a00000",
    "xtick.color": "#a00000",
    "ytick.color": "#a00000",
    "axes.grid": True,
    "grid.color": "#a00009",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
INSIDE = r"(?=[^<>]*>)"  # a tag: what stands between tags is read
TIDY = (
    (r'<g id="[^"]*"', "<g"),
    (r"font-family: [^;]+; ", ""),
    (r"#a0000(\d)", r"var(--c\1)"),
    (r"xlink:href", "href"),
    (r"(\d\.\d\d)\d+" + INSIDE, r"\1"),
)


class Look(NamedTuple):
    """How a line is drawn: `colour` is the n of the page's --c<n>, `dashes` lengths of line and gap."""

    colour: int
    width: float = 1.6
    dashes: tuple[float, ...] = ()
    marker: str = ""


class Line(NamedTuple):
    """A line of a figure, or points where its look has no width. The label stands in the page's legend."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    look: Look


def shares(name: str, title: str, lines: Sequence[Line], x: str, y: str) -> Markup:
    """Shares against shares, both as percent: a deferral curve, a reliability picture."""
    figure, axes = _axes(lines, x, y)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return _svg(name, title, figure)


def costs(name: str, title: str, lines: Sequence[Line], x: str, y: str) -> Markup:
    """Shares, as percent, against engine-seconds from 0."""
    figure, axes = _axes(lines, x, y)
    axes.set_xlim(left=0)
    return _svg(name, title, figure)


def _axes(lines: Sequence[Line], x: str, y: str) -> tuple[Figure, Axes]:
    with mpl.rc_context(RC):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot(xlabel=x, ylabel=y)
        for line in lines:
            look = line.look
            axes.plot(
                line.xs,
                line.ys,
                color=f"#a0000{look.colour}",
                linewidth=look.width,
                linestyle=(0, look.dashes) if look.dashes else "-" if look.width else "",
                marker=look.marker,
                markersize=5,
            )
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure, axes


def _svg(name: str, title: str, figure: Figure) -> Markup:
    """The figure as an element of a page: ids of its own, no metadata, the page's font and colours."""
    with mpl.rc_context(RC):
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    drawn = written.getvalue()
    box = re.search(r'viewBox="([^"]+)"', drawn)
    # Before the first group: namespaces, metadata, a rule for every element of the page.
    body = drawn[drawn.index("<g id=") :]
    for pattern, instead in TIDY:
        body = re.sub(pattern, instead, body)
    body = re.sub(r'(?<= id=")|(?<=#)(?=[mp][0-9a-f]{10})', f"{name}-", body)
    assert box is not None
    return Markup(  # noqa: S704 - ours and matplotlib's; the only text from data is the title, escaped
        f'<svg class="figure" viewBox="{box[1]}" role="img" aria-labelledby="{name}-title">'
        f'<title id="{name}-title">{escape(title)}</title>{body}'
    )
