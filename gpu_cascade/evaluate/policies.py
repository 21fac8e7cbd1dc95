"""What every way to answer would have given and cost, with intervals."""

from collections.abc import Sequence

import numpy as np

from ..calibrate.arrays import Floats
from ..calibrate.family import Outcomes
from ..calibrate.select import LEARNED, P_TRUE
from . import baselines
from .baselines import Halves, Outcome
from .curves import Stairs, cheapest, envelope, levels, routed, sequential, walk
from .intervals import Counts, Measure, Statistic, estimate
from .results import CostCurve, Matched, Policy
from .sheet import ROUTER, Places, Sheet

POINTS = 21  # of a cost curve that are reported


def cascades(sheet: Sheet, signal: str) -> tuple[str, ...]:
    """The scores that are tried as a cascade, the chosen one first."""
    names = (signal, "chow_sum", "chow_average", P_TRUE, LEARNED)
    return tuple(dict.fromkeys(name for name in names if name in sheet.sure))


def curves(sheet: Sheet, signal: str) -> tuple[str, ...]:
    """The cascades, and the router where there is one: what has a curve of cost and quality."""
    return cascades(sheet, signal) + ((ROUTER,) if sheet.router is not None else ())


def outcomes(
    sheet: Sheet, signal: str, parts: Halves, target_loss: float, served: Outcomes | None
) -> tuple[Outcome, ...]:
    """Every policy of the table; the last tier's own stands where `always` puts it, at K - 1."""
    found = [baselines.always(sheet, tier) for tier in range(len(sheet.tiers))]
    found += [baselines.random(sheet, parts, target_loss), baselines.oracle(sheet)]
    if sheet.router is not None:
        found.append(baselines.router(sheet, sheet.router, parts, target_loss))
    found += [_cascade(sheet, name, parts, target_loss) for name in cascades(sheet, signal)]
    found.append(baselines.ucci(sheet, parts, target_loss))
    if served is not None:
        found.append(baselines.served(sheet, served))
    return tuple(found)


def _cascade(sheet: Sheet, name: str, parts: Halves, target_loss: float) -> Outcome:
    def sure(fit: Places) -> Floats:
        return levels(sheet.sure[name], fit)

    return baselines.naive(sheet, name, sure, parts, target_loss, asked_s=_asked(sheet, name))


def _asked(sheet: Sheet, name: str) -> Floats | None:
    return sheet.asked_s if name == P_TRUE else None


def measured(found: Sequence[Outcome], last: int) -> Measure[tuple[Policy, ...]]:
    """The policies with their intervals; the one at `last` is always the last tier."""
    exact = np.concatenate([outcome.rows for outcome in found], axis=1).T
    light = exact.astype(np.float32)  # resamples in single precision: three times as fast

    def numbers(table: Counts, counts: Counts) -> Floats:
        """(policies, 5, B): quality, lost, escalation, engine-seconds, saved."""
        means = (table @ counts / counts.sum(axis=0)).reshape(-1, 3, counts.shape[1])
        escalation, quality, seconds = means.transpose(1, 0, 2)
        lost, saved = quality[last] - quality, 1 - seconds / seconds[last]
        return np.stack([quality, lost, escalation, seconds, saved], axis=1)

    def conclude(samples: Floats) -> tuple[Policy, ...]:
        once = numbers(exact, np.ones((exact.shape[1], 1)))[:, :, 0]
        return tuple(map(_policy, found, once, samples))

    return Measure(lambda counts: numbers(light, counts), conclude)


def _policy(outcome: Outcome, values: Floats, samples: Floats) -> Policy:
    quality, lost, escalation, engine_s, saved = map(estimate, values.tolist(), samples)
    return Policy(outcome.name, quality, lost, escalation, engine_s, saved, outcome.thresholds)


def stairs(sheet: Sheet, name: str) -> Stairs:
    """The cascade on a score, or the router, as its threshold rises."""
    if name == ROUTER:
        assert sheet.router is not None
        return routed(sheet, sheet.router)
    return sequential(sheet, levels(sheet.sure[name], np.arange(len(sheet.score))), _asked(sheet, name))


def matched(sheet: Sheet, name: str, target_loss: float) -> Measure[Matched]:
    """Where the curve reaches the last tier's quality less the loss, found anew in each resample."""
    steps = stairs(sheet, name)

    def conclude(samples: Floats) -> Matched:
        once = _matching(sheet, steps, target_loss)(np.ones((len(sheet.score), 1)))[:, 0]
        return Matched(name, *map(estimate, once.tolist(), samples))

    return Measure(_matching(sheet, steps.light(), target_loss), conclude)


def _matching(sheet: Sheet, steps: Stairs, target_loss: float) -> Statistic:
    """Escalation, engine-seconds and share saved at the cheapest step that reaches the target, (3, B)."""
    last = np.stack([sheet.score[:, -1], sheet.seconds[:, -1]]).astype(steps.masses.dtype)

    def match(counts: Counts) -> Floats:
        path = walk(steps, counts)
        quality, seconds = last @ counts / counts.sum(axis=0)
        step = cheapest(path, steps.first, quality - target_loss)
        reached, _, spent = np.take_along_axis(path, step[None, None], axis=1)[:, 0]
        return np.stack([reached, spent, 1 - spent / seconds])

    return match


def cost_curve(sheet: Sheet, name: str) -> CostCurve:
    """Along a cascade's thresholds; () for both without engine-seconds."""
    steps = stairs(sheet, name)
    _, quality, cost = walk(steps, np.ones((len(sheet.score), 1)))[:, steps.first :, 0]
    shown = np.unique(np.linspace(0, len(cost) - 1, POINTS).astype(int))
    points = tuple((float(cost[at]), float(quality[at])) for at in shown if np.isfinite(cost[at]))
    alone = sheet.seconds.mean(axis=0), sheet.score.mean(axis=0)
    hull = envelope(np.append(cost, alone[0]), np.append(quality, alone[1]))
    return CostCurve(name, points, tuple(hull))
