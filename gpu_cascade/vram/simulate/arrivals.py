"""Who asks when, drawn from the phases of a load. The same seed, the same requests."""

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from random import Random

from .load import Load, Lognormal, Phase, Requests


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The requests of `duration_s` seconds by columns, in order of arrival: a million of them take 25 MB.

    `at` in seconds from 0; `tokens` of the draft, and of the larger model's answer if there is one; `tops`:
    the place among the tiers of the engine that it escalates to, 0 where its draft is kept.
    """

    duration_s: float
    at: "array[float]" = field(default_factory=lambda: array("d"))
    prompts: "array[int]" = field(default_factory=lambda: array("l"))
    tokens: "array[int]" = field(default_factory=lambda: array("l"))
    tops: bytearray = field(default_factory=bytearray)

    def add(self, at: float, prompt: int, tokens: int, top: int) -> None:
        """One more, not before the last."""
        self.at.append(at)
        self.prompts.append(prompt)
        self.tokens.append(tokens)
        self.tops.append(top)

    def __len__(self) -> int:
        return len(self.at)


def drawn(load: Load, requests: Requests, duration_s: float, seed: int) -> Arrivals:
    """Arrivals for `duration_s`; the phases repeat."""
    random = Random(seed)  # noqa: S311 - no secret: the same seed must draw the same
    found, begins_s = Arrivals(duration_s), 0.0
    for phase in cycle(load.phases):
        if begins_s >= duration_s:
            break
        top = load.tiers.index(phase.top) if phase.top else len(load.tiers) - 1
        for at in _moments(phase, random):
            escalated = random.random() < phase.esc
            prompt, tokens = _count(requests.prompt_tokens, random), _count(requests.draft_tokens, random)
            if begins_s + at < duration_s:
                found.add(begins_s + at, prompt, tokens, top if escalated else 0)
        begins_s += phase.s
    return found


def _moments(phase: Phase, random: Random) -> Iterator[float]:
    """Seconds into the phase: a Poisson process, thinned where the rate swings.

    Each of its moments brings a geometric number of requests, one at least.
    """
    at, peak = 0.0, phase.rate * (1 + phase.swing) / phase.batch
    while (at := at + random.expovariate(peak)) < phase.s:
        rate = 1 + phase.swing * math.sin(math.tau * at / phase.s)
        if phase.swing and random.random() * (1 + phase.swing) > rate:
            continue
        yield at
        while phase.batch > 1 and random.random() >= 1 / phase.batch:
            yield at


def _count(tokens: Lognormal, random: Random) -> int:
    """At least one token."""
    return max(1, round(random.lognormvariate(tokens.mu, tokens.sigma)))
