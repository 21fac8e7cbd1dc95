"""Many streams of losses at once, through the very bets that a live test makes."""

import numpy as np

from gpu_cascade.monitor.drift import Drift, bet, reserve


def alarms(losses, bound, alarm, weights=None):
    """At which loss (from 1) each stream alarmed, 0 where it never did; `losses` and `weights` are (T, N)."""
    stakes = tuple(np.full(losses.shape[1], stake) for stake in Drift(bound, alarm).stakes)
    at = np.zeros(losses.shape[1], int)
    for n, loss in enumerate(losses):
        excess = loss - bound if weights is None else weights[n] * (loss - bound)
        stakes = bet(stakes, n, excess, bound)
        evidence = reserve(n + 1) + sum(stakes)
        at[(at == 0) & (evidence >= 1 / alarm)] = n + 1
        if at.all():
            break
    return at


def coins(rng, rate, length, count):
    """Losses of 0 and 1, (length, count)."""
    return (rng.random((length, count)) < rate).astype(float)
