"""The figures of a report, each with its legend and its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..calibrate.select import LEARNED, P_TRUE
from .figures import Line, Look, costs, shares
from .rankings import SHARES
from .results import Analysis, Pair, Ranking
from .sheet import ROUTER
from .words import label, number, seconds, share

CHOSEN, BEST, OTHERS = Look(1, 2.6), Look(2), Look(7, 0.8)
NAMED = {P_TRUE: Look(3, 1.6, (6, 2)), LEARNED: Look(4, 1.6, (2, 1)), ROUTER: Look(5, 1.6, (6, 2, 1, 2))}
RANDOM, ORACLE = Look(8, 1.2, (4, 3)), Look(6, 1.2, (1, 2))
ENVELOPE, DIAGONAL = Look(1, 1, (1, 1)), Look(8, 1)
CHOW = (Look(2), Look(6, 1.6, (8, 2)))  # sum and average, where they are cascades


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure with what explains it: the legend's lines, and a table of what is drawn."""

    name: str
    caption: str
    svg: Markup
    legend: tuple[tuple[str, Look], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def deferral(analysis: Analysis, pair: Pair, name: str) -> Drawing:
    """Quality against the share deferred, for every score that says something, random and oracle."""
    heard = [one for one in pair.rankings if one.silent < 1]
    looks = _looks(heard, analysis.signal)
    lines = [Line(label(one.name), SHARES.tolist(), one.curve, looks[one.name]) for one in heard]
    lines.sort(key=lambda line: line.look.width)  # the thin ones below
    random = [pair.draft_quality + (pair.last_quality - pair.draft_quality) * at for at in SHARES.tolist()]
    lines += [
        Line(label("random"), SHARES.tolist(), random, RANDOM),
        Line(label("oracle"), SHARES.tolist(), pair.oracle_curve, ORACLE),
    ]
    return Drawing(
        name,
        f"Quality against the share of {pair.draft}'s drafts deferred to {pair.last}, the least sure first.",
        shares(name, f"Deferral curves, {pair.draft} to {pair.last}", lines, "deferred", "quality"),
        _legend(lines),
        ("score", *(f"{100 * at:.0f} %" for at in SHARES[::2].tolist())),
        tuple((line.label, *(share(y) for y in line.ys[::2])) for line in lines),
    )


def _looks(rankings: Sequence[Ranking], signal: str) -> dict[str, Look]:
    """The chosen signal, the best of the other signals and what has a name of its own stand out."""
    looks = {one.name: NAMED.get(one.name, OTHERS) for one in rankings}
    best = next((name for name, look in looks.items() if look is OTHERS and name != signal), signal)
    return {**looks, best: BEST, signal: CHOSEN}


def _legend(lines: Sequence[Line]) -> tuple[tuple[str, Look], ...]:
    """One entry per line; the thin ones share one."""
    shown = [(line.label, line.look) for line in lines if line.look is not OTHERS]
    return (*shown, *([("other signals", OTHERS)] if len(shown) < len(lines) else []))


def cost_quality(analysis: Analysis, name: str) -> Drawing | None:
    """Quality against engine-seconds; None where no cost is defined."""
    if not analysis.cost_curves[0].points:
        return None
    chow = iter(CHOW)
    lines = []
    for curve in analysis.cost_curves:
        look = CHOSEN if curve.name == analysis.signal else NAMED.get(curve.name) or next(chow)
        lines.append(_line(label(curve.name), curve.points, look))
    lines.append(_line(f"envelope of {label(analysis.signal)}", analysis.cost_curves[0].envelope, ENVELOPE))
    markers = iter("os^Dv*P")
    for policy in analysis.policies:
        if policy.name in {f"always_{tier}" for tier in analysis.tiers} | {"oracle"}:
            at = [(policy.engine_s.value or 0.0, policy.quality.value or 0.0)]
            lines.append(_line(label(policy.name), at, Look(6, 0, (), next(markers, "x"))))
    return Drawing(
        name,
        "Quality against engine-seconds per question, along each score's threshold. The envelope is what "
        "mixing two of its thresholds and tiers alone at random can reach.",
        costs(name, "Cost and quality", lines, "engine-seconds per question", "quality"),
        _legend(lines),
        ("curve", "engine-seconds", "quality"),
        tuple(
            (line.label, seconds(x), share(y))
            for line in lines
            for x, y in zip(line.xs, line.ys, strict=True)
        ),
    )


def _line(text: str, points: Sequence[tuple[float, float]], look: Look) -> Line:
    return Line(text, [x for x, _ in points], [y for _, y in points], look)


def reliability(analysis: Analysis, pair: Pair, name: str) -> Drawing | None:
    """What came against what was said; None where no score makes a probability."""
    said = [one for one in pair.probabilities if one.bins]
    if not said:
        return None
    lines = [Line("what a true probability would draw", [0, 1], [0, 1], DIAGONAL)]
    for one in said:
        look = CHOSEN if one.name == analysis.signal else NAMED[one.name]
        lines.append(
            Line(
                f"{label(one.name)}, {one.map or 'as it is'}",
                [part.said for part in one.bins],
                [part.came for part in one.bins],
                look._replace(marker="s" if one.map else "o", width=1.2),
            )
        )
    return Drawing(
        name,
        f"How often {pair.draft} was right, and how likely that was said to be, in ten bins of equal count.",
        shares(name, f"Reliability, {pair.draft}", lines, "said to be right", "right"),
        _legend(lines),
        ("probability", "rows", "said", "came"),
        tuple(
            (line.label, f"{part.rows:.0f}", number(part.said), number(part.came))
            for line, one in zip(lines[1:], said, strict=True)
            for part in one.bins
        ),
    )
