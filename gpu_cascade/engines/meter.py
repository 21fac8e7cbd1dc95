"""Who used how much of an engine's time: its busy seconds, shared by tokens processed. Pure."""

from collections.abc import Hashable
from dataclasses import dataclass

FADE = 0.98  # what each ended request leaves of the past: means follow the last 50


@dataclass(slots=True, eq=False)
class _Run:
    """A request on the engine. `pool_s`: busy seconds between its begin and the next one, not yet shared."""

    begun: float
    seen: int = 0  # tokens reported by `progress`
    pool_s: float = 0.0


@dataclass(slots=True)
class _Mean:
    """An amount per weight over the requests that ended lately."""

    amount: float = 0.0
    weight: float = 0.0

    def add(self, amount: float, weight: float) -> None:
        self.amount = FADE * self.amount + amount
        self.weight = FADE * self.weight + weight

    def get(self) -> float:
        return _rate(self.amount, self.weight)


class BusyMeter:
    """Shares the time in which at least one request runs; the shares of ended requests add up to it.

    A request's tokens are known when it ends, and its share is final then. So each request takes, of every
    stretch of time it was part of, its own rate (tokens per second) over the sum of that and of the rates
    expected of those still running: by their progress, or the engine's mean. The last of a stretch takes
    what is left. Stretches are cut only at begins: the time before and after an end has the same takers
    left, so there are never more pools than running requests.

    `now` is any clock that does not go back, in seconds. Keys are the caller's own.
    """

    def __init__(self) -> None:
        self._runs: dict[Hashable, _Run] = {}  # in the order of their begin
        self._newest = _Run(0.0)  # the last of them: time passes into its pool
        self._at = 0.0
        self._mean_rate = _Mean()  # tokens per second of a request's life
        self._mean_unseen = _Mean()  # tokens that `progress` did not report: the prompt
        self._beside = 0
        self.busy_s = 0.0
        self.shared_s = 0.0

    @property
    def running(self) -> int:
        """Requests on the engine now."""
        return len(self._runs)

    def begin(self, key: Hashable, now: float) -> None:
        """A request starts on the engine."""
        assert key not in self._runs, f"{key!r} runs already"
        self._pass(now)
        self._newest = self._runs[key] = _Run(self._at)

    def progress(self, key: Hashable, tokens: int) -> None:
        """Tokens of the request seen since its begin, in all. What is never seen is expected as its mean."""
        self._runs[key].seen = tokens

    def end(self, key: Hashable, tokens: int, now: float) -> float:
        """The request is over, whole or aborted, after `tokens` in all; its share in engine-seconds."""
        self._pass(now)
        run = self._runs[key]
        life_s = self._at - run.begun
        share_s = self._take(run, _rate(tokens, life_s))
        del self._runs[key]
        self._mean_rate.add(tokens, life_s)
        if run.seen:
            self._mean_unseen.add(max(0, tokens - run.seen), 1)
        self.shared_s += share_s
        return share_s

    def beside(self, others: int, now: float) -> None:
        """So many requests run there for other processes from now on: all count alike, theirs is not ours."""
        self._pass(now)
        self._beside = others

    def _pass(self, now: float) -> None:
        """Time passes; it is busy time where somebody runs."""
        if self._runs and now > self._at:
            ours_s = (now - self._at) * len(self._runs) / (len(self._runs) + self._beside)
            self.busy_s += ours_s
            self._newest.pool_s += ours_s
        self._at = max(self._at, now)

    def _take(self, run: _Run, rate: float) -> float:
        """The run's part of every pool since its begin; what it leaves of its own goes to the one before.

        The takers of a pool are those that began by then. A run with none beside it takes all; where nobody
        has a rate (nothing processed, nothing known) all take alike.
        """
        runs = list(self._runs.values())
        mean, unseen = self._mean_rate.get() or rate, self._mean_unseen.get()
        first, total, share_s = runs.index(run), 0.0, 0.0
        for place, each in enumerate(runs):
            total += rate if each is run else self._expected(each, mean, unseen)
            if place >= first:
                part_s = each.pool_s * (rate / total if total > 0 else 1 / (place + 1))
                each.pool_s -= part_s
                share_s += part_s
        if first > 0:
            runs[first - 1].pool_s += run.pool_s
            self._newest = runs[-2] if run is self._newest else self._newest
        return share_s

    def _expected(self, run: _Run, mean: float, unseen: float) -> float:
        return _rate(run.seen + unseen, self._at - run.begun) if run.seen else mean


def _rate(tokens: float, life_s: float) -> float:
    """Tokens per second; 0 for a life too short to have one."""
    return tokens / life_s if life_s > 1e-9 else 0.0
