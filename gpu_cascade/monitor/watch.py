"""All that is known of how a cascade's kept answers compare with the large model's. Pure."""

from typing import Annotated, Any

import msgspec

from ..errors import ConfigError
from .drift import Drift, told
from .mean import Mean, added
from .reliability import Reliability, seen


class Watch(msgspec.Struct, frozen=True):
    """Plain numbers, so that they outlive a restart (`msgspec.json.encode` and `resumed`).

    `drift.bound` is the disagreement rate among kept answers that calibration vouches for: the upper end of
    its interval (`bound.tolerated`). Against the rate that it happened to see in 300 kept rows, 28 % of sound
    cascades alarm within 10,000 comparisons, against the tolerated one 1 % (scripts/long/monitor.py).
    `comparator` names what says whether two answers agree, `share` is the part that is asked again.
    """

    comparator: str
    share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    drift: Drift
    disagreement: Mean = Mean()
    reliability: Reliability = Reliability()

    @property
    def alarmed(self) -> bool:
        """Whether live disagreement was ever found to exceed the bound."""
        return self.drift.alarmed


def compared(watch: Watch, agreed: bool, probability: float, predicted: float | None) -> Watch:
    """With one more answer that was asked again, chosen with `probability`; `predicted` that of agreeing.

    Answers count by inverse probability, so that a share that was changed in `models.yaml` meanwhile does not
    bend the mean. Rarer ones than `share` count once: a weight above 1 could lose more than was staked.
    """
    weight = min(1.0, watch.share / probability)
    reliability = watch.reliability
    if predicted is not None:
        reliability = seen(reliability, predicted, agreed, weight)
    return msgspec.structs.replace(
        watch,
        drift=told(watch.drift, float(not agreed), weight),
        disagreement=added(watch.disagreement, float(not agreed), weight),
        reliability=reliability,
    )


def resumed(stored: bytes | None, fresh: Watch) -> Watch:
    """The stored watch where it watches the same; `fresh` where there is none or another bound was set.

    Raises `ConfigError` where it cannot be read: to begin again would silence an alarm.
    """
    if stored is None:
        return fresh
    try:
        before = msgspec.json.decode(stored, type=Watch)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the stored state of the monitor cannot be read ({error}); delete it to begin watching anew"
        ) from None
    if _watched(before) != _watched(fresh):
        return fresh
    drift = msgspec.structs.replace(before.drift, alarm=fresh.drift.alarm)
    return msgspec.structs.replace(before, drift=drift)


def _watched(watch: Watch) -> tuple[object, ...]:
    """What may not change in the middle of a test."""
    return watch.comparator, watch.drift.bound, len(watch.drift.stakes)


def summary(watch: Watch) -> dict[str, Any]:
    """The numbers of a watch for `GET /v1/cascade/state`."""
    mean, drift = watch.disagreement, watch.drift
    return {
        "comparator": watch.comparator,
        "compared": mean.n,
        "disagreement": mean.value,
        "interval": mean.interval,
        "lately": mean.lately,
        "tolerated": drift.bound,
        "evidence": drift.evidence,
        "alarm_from": 1 / drift.alarm,
        "alarmed": drift.alarmed,
        "z": watch.reliability.z,
    }


def sentence(watch: Watch, cascade: str, reaction: str) -> str:
    """The alarm in words."""
    drift, lately = watch.drift, watch.disagreement.lately or 0.0
    return (
        f"cascade {cascade}: the large model lately disagrees with about {_percent(lately)} of the kept "
        f"answers ({watch.comparator}), {_percent(drift.bound)} are tolerated; after {drift.n} comparisons "
        f"the evidence is {drift.evidence:.0f} to 1, and {1 / drift.alarm:.0f} to 1 is an alarm. {reaction} "
        f"Look for what changed (questions, engines, prompts), then calibrate anew"
    )


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"
