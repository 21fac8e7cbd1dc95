"""Whether predicted probabilities are true: Spiegelhalter's z over what happened. Pure."""

import math

import msgspec


class Reliability(msgspec.Struct, frozen=True):
    """Predictions p against outcomes y, 0 or 1: `excess` = sum w (y - p)(1 - 2p), `variance` its own."""

    n: int = 0
    excess: float = 0.0
    variance: float = 0.0

    @property
    def z(self) -> float | None:
        """Spiegelhalter's z: how far the Brier score is from what the predictions themselves expect.

        sum w (y - p)(1 - 2p) / sqrt(sum w^2 (1 - 2p)^2 p (1 - p)), about N(0, 1) where each P(y = 1) is p.
        Spiegelhalter 1986, "Probabilistic prediction in patient management and clinical trials", Statistics
        in Medicine 5. Positive where confident predictions (p > 1/2) come true too seldom. Weights that are
        all alike cancel, so under one share for all nothing is weighted.

        A reading, not an alarm: it is a test for one look at many outcomes, and the predictions come from a
        calibrator that was itself estimated, so that it leaves N(0, 1) some day without any drift. None where
        every prediction was 0, 1/2 or 1: then there is nothing to measure by.
        """
        return self.excess / math.sqrt(self.variance) if self.variance > 0 else None


def seen(so_far: Reliability, p: float, y: bool, weight: float = 1.0) -> Reliability:
    """With one more outcome. `weight` may depend on the request, but not on how it came out."""
    slope = weight * (1 - 2 * p)
    return Reliability(
        so_far.n + 1, so_far.excess + slope * (y - p), so_far.variance + slope**2 * p * (1 - p)
    )
