"""Whether an engine has enough KV cache: what it says of itself, and who waits for it."""

import math

HIGH = 0.9  # of its KV cache: vLLM preempts from here on
CALM_S = 60.0  # without a sign of shortness: it is over
FADE_S = 900.0  # in which the memory of a peak falls to a third


class Pressure:
    """Fed every few seconds with what the engine reports."""

    def __init__(self) -> None:
        self.usage: float | None = None  # share of its KV cache that is in use; None: never told
        self.preemptions = 0  # since it booted
        self._since: float | None = None  # when it became short
        self._last = -math.inf  # when it was last seen to be short
        self._peak, self._peak_at = 0.0, 0.0

    def seen(self, usage: float, preemptions: int, waiting: int, now: float) -> None:
        """So much of its KV cache is in use; so many requests it ever preempted; so many wait for a place."""
        self._peak, self._peak_at = max(usage, self.peak(now)), now
        short = usage >= HIGH or preemptions > self.preemptions or waiting > 0
        self.usage, self.preemptions = usage, preemptions
        if short:
            self._since = now if self._since is None else self._since
            self._last = now
        elif now - self._last >= CALM_S:
            self._since = None

    def forget(self) -> None:
        """It was booted anew: its counts begin again, and nothing is known of this KV cache."""
        self.usage, self.preemptions, self._since = None, 0, None
        self._last, self._peak = -math.inf, 0.0

    def short_s(self, now: float) -> float:
        """For how long it has been short of KV cache; 0 where it is not."""
        return 0.0 if self._since is None else now - self._since

    def peak(self, now: float) -> float:
        """The most of its KV cache that was in use lately, as a share; older peaks fade."""
        return self._peak * math.exp((self._peak_at - now) / FADE_S)
