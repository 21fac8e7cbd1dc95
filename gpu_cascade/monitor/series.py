"""What Prometheus reads of the monitors, asked of them whenever somebody asks us."""

from collections.abc import Callable, Collection, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .shadow import Shadow

Read = Callable[[Shadow], float | None]

COUNTERS: Mapping[str, tuple[str, Read]] = {
    "shadow_dropped": ("Kept answers that gave way where too many waited.", lambda shadow: shadow.dropped),
    "shadow_failed": ("Kept answers that could not be asked again.", lambda shadow: shadow.failed),
}
GAUGES: Mapping[str, tuple[str, Read]] = {
    "shadow_waiting": ("Kept answers that wait to be asked again.", lambda shadow: shadow.waiting),
    "drift_disagreement": (
        "Share of kept answers that the large model lately disagreed with.",
        lambda shadow: shadow.watch.disagreement.lately,
    ),
    "drift_tolerated": (
        "The share that calibration vouches for.",
        lambda shadow: shadow.watch.drift.bound,
    ),
    "drift_evidence": (
        "Evidence, to 1, that it is exceeded; the alarm comes at 1 / monitor.alarm.",
        lambda shadow: shadow.watch.drift.evidence,
    ),
    "drift_alarmed": ("1 from the alarm on.", lambda shadow: shadow.watch.alarmed),
    "reliability_z": (
        "Spiegelhalter's z of the predicted agreement.",
        lambda shadow: shadow.watch.reliability.z,
    ),
}


class ShadowCollector(Collector):
    """One value for every watched cascade; a number that cannot be said is left out."""

    def __init__(self, shadows: Collection[Shadow]) -> None:
        self._shadows = shadows

    def collect(self) -> Iterator[Metric]:
        """Every family, one after the other."""
        for name, (help_, read) in COUNTERS.items():
            yield self._filled(CounterMetricFamily(f"gpu_cascade_{name}", help_, labels=["model"]), read)
        for name, (help_, read) in GAUGES.items():
            yield self._filled(GaugeMetricFamily(f"gpu_cascade_{name}", help_, labels=["model"]), read)

    def _filled(self, family: CounterMetricFamily | GaugeMetricFamily, read: Read) -> Metric:
        for shadow in self._shadows:
            value = read(shadow)
            if value is not None:
                family.add_metric([shadow.cascade], value)
        return family
