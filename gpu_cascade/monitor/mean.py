"""A running weighted mean with an interval that holds at every look. Pure."""

import math

import msgspec

FADE = 0.99  # what each loss leaves of the past in the recent mean: it follows the last 100
LARGEST = 0.5  # bet; the paper's c
LOG = math.log(2 / 0.05)  # the interval holds with 95 % confidence


class Mean(msgspec.Struct, frozen=True):
    """Losses in [0, 1] added up: plain numbers, so that they outlive a restart.

    `weighted` and `weight` make the mean, `recent` and `recent_weight` that of lately, `total` and `squares`
    the next bet, `bets`, `won` and `spread` the interval.
    """

    n: int = 0
    weighted: float = 0.0
    weight: float = 0.0
    recent: float = 0.0
    recent_weight: float = 0.0
    total: float = 0.5
    squares: float = 0.25
    bets: float = 0.0
    won: float = 0.0
    spread: float = 0.0

    @property
    def value(self) -> float | None:
        """The weighted mean; None without a loss."""
        return self.weighted / self.weight if self.n else None

    @property
    def lately(self) -> float | None:
        """The mean of about the last 100; None without a loss."""
        return self.recent / self.recent_weight if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean lies if it never changed, with 95 % confidence at all times together; within [0, 1].

        sum(lambda x) / sum(lambda) +- (log(2 / .05) + sum(v psi(lambda))) / sum(lambda), with
        v_i = 4 (x_i - mean_(i-1))^2 and psi(lambda) = (-log(1 - lambda) - lambda) / 4: the predictable
        plug-in empirical-Bernstein confidence sequence of Waudby-Smith & Ramdas 2024, "Estimating means of
        bounded random variables by betting", theorem 2. It is narrow where losses vary little.
        """
        if not self.n:
            return 0.0, 1.0
        centre, radius = self.won / self.bets, (LOG + self.spread) / self.bets
        return max(0.0, centre - radius), min(1.0, centre + radius)


def added(mean: Mean, loss: float, weight: float = 1.0) -> Mean:
    """The mean after one more loss in [0, 1], with a weight in (0, 1] known before the loss was."""
    n, before = mean.n + 1, mean.total / (mean.n + 1)
    total = mean.total + loss
    bet = weight * min(LARGEST, math.sqrt(2 * LOG / (mean.squares * math.log(1 + n))))
    return Mean(
        n=n,
        weighted=mean.weighted + weight * loss,
        weight=mean.weight + weight,
        recent=FADE * mean.recent + weight * loss,
        recent_weight=FADE * mean.recent_weight + weight,
        total=total,
        squares=mean.squares + (loss - total / (n + 1)) ** 2,
        bets=mean.bets + bet,
        won=mean.won + bet * loss,
        spread=mean.spread + (loss - before) ** 2 * (-math.log1p(-bet) - bet),
    )
