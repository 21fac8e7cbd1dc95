"""How seldom the drift alarm is false and how soon it comes, over simulated cascades.

    .venv/bin/python scripts/long/monitor.py        (three minutes on a free core)

Losses are 0 or 1: the large model agrees with a kept answer or not. Every table has its own fixed seed.
"""

import math
from collections.abc import Callable

import numpy as np

from gpu_cascade.monitor.bound import tolerated
from gpu_cascade.monitor.drift import ODDS, Drift, bet, reserve
from gpu_cascade.monitor.mean import Mean, added

BOUND, ALARM = 0.05, 0.001
FOREVER = 10_000  # comparisons: at a share of 2 %, half a million kept answers
Stakes = tuple[np.ndarray, ...]
Bets = Callable[[Stakes, int, np.ndarray, np.ndarray | float], tuple[Stakes, np.ndarray]]


def ours(stakes, n, excess, bound):
    """The test of the package: a reserve joins the bets little by little."""
    stakes = bet(stakes, n, excess, bound)
    return stakes, reserve(n + 1) + sum(stakes)


def from_the_start(stakes, _, excess, bound):
    """The same bets, all of the money on them from the first comparison."""
    stakes = grown(stakes, excess, bound)
    return stakes, 2 * sum(stakes)


def e_cusum(stakes, _, excess, bound):
    """The same bets, each begun again whenever it would stand lower than that: an e-detector."""
    stakes = grown(tuple(np.maximum(stake, 1 / len(ODDS)) for stake in stakes), excess, bound)
    return stakes, sum(stakes)


def grown(stakes, excess, bound):
    """Each bet after one more loss."""
    slopes = [(odds - 1) / (1 + (odds - 1) * bound) for odds in ODDS]
    return tuple(stake * (1 + slope * excess) for stake, slope in zip(stakes, slopes, strict=True))


def alarms(bets: Bets, seed: int, count: int, phases, bound=BOUND, alarm=ALARM):
    """When each of `count` streams alarmed, 0 where never. `phases`: (comparisons, at which rate)."""
    rng = np.random.default_rng(seed)
    stakes = tuple(np.full(count, stake) for stake in Drift(BOUND, ALARM).stakes)
    at, n = np.zeros(count, int), 0
    for length, rate in phases:
        for _ in range(length):
            stakes, evidence = bets(stakes, n, (rng.random(count) < rate) - bound, bound)
            stakes = tuple(np.minimum(stake, 1e9) for stake in stakes)  # long past the alarm
            n += 1
            at[(at == 0) & (evidence >= 1 / alarm)] = n
            if at.all():
                return at
    return at


def false_alarms() -> None:
    """Streams at the bound itself: the worst case that is no drift."""
    print(f"\nFalse alarms, % of 20,000 streams that ever alarm in {FOREVER:,} comparisons at the bound")
    print(f"{'bound':>8}{'alarm':>8}{'ours':>8}{'e-CUSUM':>10}")
    for bound in (0.01, 0.05, 0.2):
        for alarm in (0.01, 0.001):
            found = [
                100 * (alarms(bets, 11, 20_000, [(FOREVER, bound)], bound, alarm) > 0).mean()
                for bets in (ours, e_cusum)
            ]
            print(f"{bound:8}{alarm:8}{found[0]:8.2f}{found[1]:10.2f}", flush=True)


def delays() -> None:
    """After a past without drift the rate jumps."""
    print("\nComparisons from a jump of the rate to the alarm: mean / 90th percentile of 1,000 streams")
    print(f"({BOUND} tolerated, alarm {ALARM})")
    print(f"{'good past':>16}{'then at':>9}{'ours':>18}{'no reserve':>18}{'e-CUSUM':>18}")
    for past in ((0, 0.0), (1000, 0.04), (10_000, 0.04), (10_000, 0.05)):
        for rate in (0.0625, 0.075, 0.10, 0.20):
            cells = [after_jump(bets, past, rate) for bets in (ours, from_the_start, e_cusum)]
            good = f"{past[0]:,} at {past[1]}" if past[0] else "none"
            print(f"{good:>16}{rate:9}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


def after_jump(bets: Bets, past, rate) -> str:
    """Mean and 90th percentile of the delay; streams that alarmed before the jump are left out."""
    at = alarms(bets, 12, 1000, [past, (30_000, rate)])
    late = np.where(at == 0, np.inf, at - past[0])
    late = late[late > 0]
    mean = f"{late.mean():.0f}" if np.isfinite(late).all() else f"{100 * np.isinf(late).mean():.0f} % never"
    end = np.quantile(late, 0.9, method="lower")
    return f"{mean} / {end:.0f}" if math.isfinite(end) else mean


def calibrated() -> None:
    """The bound comes from a calibration with a true rate of 5 %: as seen there, or as `tolerated` has it."""
    print("\nBound from n kept rows, true rate 0.05, 5,000 calibrations: median bound, % of false alarms")
    print(f"within {FOREVER:,} comparisons, median delay after a doubling to 0.10")
    print(f"{'rows':>6}{'as seen':>24}{'tolerated':>24}")
    for rows in (100, 300, 1000, 3000):
        seen = np.random.default_rng(13).binomial(rows, 0.05, 5000) / rows
        upper = np.array([tolerated(rate, rows) for rate in np.unique(seen)])
        bounds = seen, upper[np.searchsorted(np.unique(seen), seen)]
        print(f"{rows:6}" + "".join(f"{against(bound):>24}" for bound in bounds), flush=True)


def against(bound: np.ndarray) -> str:
    """The median bound, false alarms, and the delay against these bounds."""
    false = 100 * (alarms(ours, 14, len(bound), [(FOREVER, 0.05)], bound) > 0).mean()
    at = alarms(ours, 15, len(bound), [(FOREVER, 0.10)], bound)
    delay = np.median(np.where(at == 0, np.inf, at))
    return f"{np.median(bound):.3f} {false:5.1f} % {delay:6.0f}"


def coverage() -> None:
    """The interval of the mean, looked at after every comparison."""
    print("\nThe 95 % interval of the rate: % of 1,000 streams in which it ever misses, its mean width")
    for rate in (0.02, 0.05, 0.3):
        missed, widths = 0, []
        for stream in (np.random.default_rng(16).random((1000, 1000)) < rate).astype(float):
            mean, wrong = Mean(), False
            for loss in stream.tolist():
                mean = added(mean, loss)
                low, high = mean.interval
                wrong |= not low <= rate <= high
            missed += wrong
            widths.append(high - low)
        print(f"{rate:8}{missed / 10:8.1f} %{np.mean(widths):8.3f}", flush=True)


if __name__ == "__main__":
    false_alarms()
    delays()
    calibrated()
    coverage()
