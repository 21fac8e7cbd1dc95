"""What the scheduler knows, as Prometheus series."""

import math
import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .shell import Scheduler
from .standing import Standing
from .words import State

Read = Callable[[Standing, float], float]
GAUGES: Mapping[str, tuple[str, Read]] = {
    "engine_kv_bytes": ("KV cache on each device, as booted.", lambda one, _: one.kv_bytes),
    "engine_places": ("Requests that may run at once.", lambda one, _: one.desk.places),
    "engine_running": ("Requests that run.", lambda one, _: one.desk.taken),
    "engine_waiting": ("Requests that wait for a place.", lambda one, _: one.desk.waiting),
    "engine_requests_per_second": ("Requests lately.", lambda one, now: one.desk.rate(now)),
    "engine_kv_usage": (
        "Share of the KV cache in use, as last told.",
        lambda one, _: math.nan if one.pressure.usage is None else one.pressure.usage,
    ),
    "engine_preemptions": ("Requests preempted since its boot.", lambda one, _: one.pressure.preemptions),
    "engine_since_seconds": ("Time in its state.", lambda one, now: now - one.since),
}


class SchedulerCollector(Collector):
    """Reads the scheduler whenever somebody asks; devices are as booked."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def collect(self) -> Iterator[Metric]:
        """Every family, one after the other."""
        engines, now = self._scheduler.core.engines, time.monotonic()
        for name, (help_, read) in GAUGES.items():
            family = GaugeMetricFamily(f"gpu_cascade_{name}", help_, labels=["engine"])
            for one in engines.values():
                family.add_metric([one.name], read(one, now))
            yield family
        yield self._stands(engines)
        yield from self._memory(engines)

    def _stands(self, engines: Mapping[str, Standing]) -> Metric:
        family = GaugeMetricFamily(
            "gpu_cascade_engine_stands", "1 for where the engine stands.", labels=["engine", "state"]
        )
        for one in engines.values():
            for state in State:
                family.add_metric([one.name, state.value], one.state is state)
        return family

    def _memory(self, engines: Mapping[str, Standing]) -> Iterator[Metric]:
        ledger = self._scheduler.core.mover.ledger
        held = GaugeMetricFamily("gpu_cascade_held_bytes", "Booked.", labels=["engine", "device"])
        for name in engines:
            for device, size in ledger.held(name).items():
                held.add_metric([name, device], size)
        yield held
        room = GaugeMetricFamily("gpu_cascade_capacity_bytes", "What may be booked.", labels=["device"])
        for device, size in ledger.capacity.items():
            room.add_metric([device], size)
        yield room
