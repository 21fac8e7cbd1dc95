"""What the scheduler is doing, as plain data: for `GET /v1/cascade/state`, `gpu-cascade top` and metrics."""

from collections.abc import Sequence
from typing import Any

from ..gpu.reading import Device
from .shell import Scheduler


def memory(scheduler: Scheduler, devices: Sequence[Device]) -> dict[str, Any]:
    """Devices as measured and as booked, in bytes; who is awake with which KV cache; the last moves."""
    mover = scheduler.core.mover
    return {
        "layout": dict(mover.layout.awake),
        "layouts": [dict(layout.awake) for layout in mover.layouts],
        "waiting": scheduler.waiting,
        "devices": [_device(scheduler, device) for device in devices],
        "moves": [
            {"engine": m.engine, "kind": m.kind, "why": m.why, "took_s": round(m.took_s, 3), "wrong": m.wrong}
            for m in reversed(scheduler.moves)
        ],
    }


def engine(scheduler: Scheduler, name: str, now: float) -> dict[str, Any]:
    """Where one engine stands, what is done to it, and who wants it."""
    one = scheduler.core.engines[name]
    desk, oldest = one.desk, one.desk.oldest()
    return {
        "state": one.state,
        "moving": one.moving,
        "detail": one.why,
        "since_s": round(now - one.since, 1),
        "kv_bytes": one.kv_bytes,
        "running": desk.taken,
        "places": desk.places,
        "waiting": desk.waiting,
        "oldest_s": None if oldest is None else round(now - oldest, 3),
        "requests_per_s": round(desk.rate(now), 3),
        "kv_usage": one.pressure.usage,
        "preemptions": one.pressure.preemptions,
    }


def _device(scheduler: Scheduler, device: Device) -> dict[str, Any]:
    ledger = scheduler.core.mover.ledger
    held = {name: ledger.held(name).get(device.uuid, 0) for name in scheduler.core.engines}
    return {
        "uuid": device.uuid,
        "name": device.name,
        "total_bytes": device.total_bytes,
        "free_bytes": device.free_bytes,
        "capacity_bytes": ledger.capacity.get(device.uuid),
        "held_bytes": {name: size for name, size in held.items() if size},
        "utilisation": device.utilisation,
        "power_w": device.power_w,
        "temperature_c": device.temperature_c,
    }
