"""A plan as plain data, for `plan --json`. Numbers for people and programs: GiB, rounded to three digits."""

from typing import Any

from ..footprint import GIB
from ..scheduler.words import Layout
from .books import free_bytes
from .plan import Placed, Plan


def to_json(plan: Plan) -> dict[str, Any]:
    """Devices with the engines on them, then engines and layouts; what is missing and what helps."""
    missing = {one.device: one.bytes for one in plan.missing}
    return {
        "fits": plan.fits,
        "mode": plan.mode,
        "why": plan.why,
        "gpus": [_gpu(plan, device, missing.get(device, 0)) for device in range(len(plan.rooms))],
        "engines": {engine.name: _engine(engine) for engine in plan.engines},
        "layouts": [_layout(layout) for layout in plan.layouts],
        "splits": [_layout(layout) for layout in plan.splits],
        "missing_gib": _gib(sum(missing.values())),
        "cures": [
            {
                "what": cure.what,
                "saves_gib": _gib(cure.saves_bytes),
                "enough": cure.enough,
                "recalibrate": cure.recalibrate,
            }
            for cure in plan.cures
        ],
    }


def args(engine: Placed) -> list[str]:
    """What vLLM is told of the plan."""
    words = ["--kv-cache-memory-bytes", str(engine.kv_bytes)]
    words += ["--gpu-memory-utilization", f"{engine.utilization:.2f}"]
    words += ["--max-num-seqs", str(engine.max_num_seqs)]
    ranks = len(engine.devices)
    return words + (["--tensor-parallel-size", str(ranks)] if ranks > 1 else [])


def _gpu(plan: Plan, device: int, missing_bytes: int) -> dict[str, Any]:
    room = plan.rooms[device]
    return {
        "index": room.index,
        "name": room.name,
        "uuid": room.uuid or None,
        "total_gib": _gib(room.total_bytes),
        "reserve_gib": _gib(room.reserve_bytes),
        "free_gib": _gib(free_bytes(plan, device)),
        "missing_gib": _gib(missing_bytes),
        "engines": [_share(engine) for engine in plan.engines if device in engine.devices],
    }


def _share(engine: Placed) -> dict[str, Any]:
    """What an engine takes of one of its devices."""
    return {
        "name": engine.name,
        "weights_gib": _gib(engine.weights_bytes),
        "kv_gib": _gib(engine.kv_bytes),
        "overhead_gib": _gib(engine.overhead_bytes),
        "kv_tokens": engine.kv_tokens,
        "max_num_seqs": engine.max_num_seqs,
        "args": args(engine),
    }


def _engine(engine: Placed) -> dict[str, Any]:
    lengths = {engine.max_model_len: engine.holds_longest, engine.usual_tokens: engine.holds_usual}
    return {
        "devices": list(engine.devices),
        "kv_bytes": engine.kv_bytes,
        "asleep_gib": _gib(engine.asleep_bytes),
        "asleep_host_gib": _gib(engine.asleep_host_bytes),
        "holds": [{"requests": count, "tokens": tokens} for tokens, count in lengths.items()],
        "estimated": list(engine.estimated),
        "learned": engine.learned,
    }


def _layout(layout: Layout) -> dict[str, Any]:
    return {
        "awake": {name: _gib(size) for name, size in layout.awake.items()},
        "rest": {name: str(how) for name, how in layout.rest.items()},
    }


def _gib(size: int) -> float:
    return round(size / GIB, 3)
