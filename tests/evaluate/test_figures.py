"""Curves as elements of a page."""

import re

from gpu_cascade.evaluate.figures import Line, Look, costs, shares


def drawn(figure=costs, name="cost", title="Cost", scale=1.0):
    line = Line("only", [0.0, scale], [0.2, 0.8], Look(3, 1.6, (4, 2), "o"))
    return str(figure(name, title, [line], "engine-seconds", "quality"))


def test_small_numbers_keep_their_digits():
    """Coordinates are rounded, what a reader reads is not: milliseconds stay milliseconds."""
    text = drawn(scale=0.004)

    assert {"0.0005", "0.0025"} <= set(re.findall(r">([\d.]+)</text>", text))
    assert not re.search(r'x="\d+\.\d{3}', text)


def test_a_title_is_text():
    """It may hold the name of an engine."""
    assert "&lt;b&gt; to $x</title>" in drawn(title="<b> to $x")


def test_two_figures_share_no_id():
    """Both may stand on one page."""
    one, other = (set(re.findall(r'id="([^"]+)"', drawn(shares, name))) for name in ("first", "second"))

    assert one
    assert not one & other


def test_the_same_lines_draw_the_same_figure():
    """Nothing of the clock or of chance is in it."""
    assert drawn() == drawn()
