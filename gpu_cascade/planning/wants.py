"""From models.yaml to what the planner is asked: what each engine takes here, and could take instead."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import Config, EngineConfig
from ..errors import ConfigError, ModelError
from ..launch import find_model, started
from ..vram.footprint.arguments import is_on
from ..vram.footprint.footprint import Footprint, footprint
from ..vram.footprint.hf_config import quantised, read
from ..vram.plan.want import ESCALATED, Change, Variant, Want, tier_weights
from .known import known_config
from .machine import Machine

RANKS = (1, 2, 4, 8)  # numbers of GPUs that are proposed for one engine


def wants(config: Config, machine: Machine, *, varied: bool = False) -> list[Want]:
    """The engines that are started here, as models.yaml has them, in its order.

    `varied`: with what could be made of them, for cures. Raises `ModelError` for a model that is neither here
    nor known; it says how to fetch it.
    """
    tiers = [cascade.tiers for cascade in config.cascades.values()]
    weights, first = tier_weights(tiers), {names[0] for names in tiers}
    return [
        replace(
            _want(config, name, machine, varied=varied),
            weight=weights.get(name, ESCALATED),
            drafts=name in first,
        )
        for name in started(config)
    ]


def _want(config: Config, name: str, machine: Machine, *, varied: bool) -> Want:
    engine = config.engines[name]
    if machine.cpu:  # all ranks lie in the same memory
        engine = engine.model_copy(update={"tensor_parallel": 1})
    with _folder(config, engine) as folder:
        found = _footprint(config, engine, folder, machine)
        variants = tuple(_variants(config, engine, folder, machine)) if varied and not machine.cpu else ()
    return Want(
        name=name,
        footprint=found,
        min_tokens=engine.kv.min_tokens,
        max_model_len=found.kv.max_model_len,
        max_num_seqs=engine.max_num_seqs,
        tensor_parallel=engine.tensor_parallel,
        variants=variants,
    )


@contextmanager
def _folder(config: Config, engine: EngineConfig) -> Iterator[Path]:
    """The model's folder; one with a config.json alone where only the model's shape is known."""
    assert engine.model is not None
    try:
        found = find_model(config, engine.model)
    except ModelError:
        known = known_config(engine.model)
        if known is None:
            raise
        with tempfile.TemporaryDirectory(prefix="gpu-cascade-") as made:
            (Path(made) / "config.json").write_text(json.dumps(known), encoding="utf-8")
            yield Path(made)
    else:
        yield found


def _footprint(config: Config, engine: EngineConfig, folder: Path, machine: Machine) -> Footprint:
    """On the kind of device where it takes most: a large GPU makes larger steps, which need more room."""
    found = [
        footprint(
            engine,
            folder,
            cpu=machine.cpu,
            block_tokens=machine.block_tokens,
            device_bytes=total_bytes,
            device_name=name,
        )
        for name, total_bytes in dict.fromkeys((room.name, room.total_bytes) for room in machine.rooms)
    ]
    largest = max(found, key=lambda one: one.resident(0))
    return replace(largest, asleep_host=0) if config.vram.sleep_level == 2 else largest


def _variants(config: Config, engine: EngineConfig, folder: Path, machine: Machine) -> Iterator[Variant]:
    """What could be made of it on GPUs, as far as the model allows."""
    for change, what, update in _changes(engine, machine, is_quantised=bool(quantised(read(folder)))):
        made = engine.model_copy(update=update)
        try:
            found = _footprint(config, made, folder, machine)
        except ConfigError:  # its heads cannot be divided among so many
            continue
        yield Variant(change, what, found, made.tensor_parallel)


def _changes(
    engine: EngineConfig, machine: Machine, *, is_quantised: bool
) -> Iterator[tuple[Change, str, dict[str, Any]]]:
    """A change, how one writes it in the engine's section, and the keys that it sets."""
    if not is_on(engine, "enforce-eager"):
        yield Change.EAGER, "args: {enforce-eager: true}", _with_arg(engine, "enforce-eager", True)
    kinds = Counter(room.name for room in machine.rooms if not room.sliced)
    for ranks in RANKS:
        if ranks != engine.tensor_parallel and ranks <= max(kinds.values(), default=1):
            yield Change.TENSOR_PARALLEL, f"tensor_parallel: {ranks}", {"tensor_parallel": ranks}
    if engine.args.get("kv-cache-dtype") in {None, "auto"}:
        yield Change.KV_FP8, "args: {kv-cache-dtype: fp8}", _with_arg(engine, "kv-cache-dtype", "fp8")
    if engine.quantization is None and not is_quantised:
        yield Change.WEIGHTS_FP8, "quantization: fp8", {"quantization": "fp8"}
        what = "quantization: bitsandbytes (or its model in AWQ)"
        yield Change.WEIGHTS_4BIT, what, {"quantization": "bitsandbytes"}


def _with_arg(engine: EngineConfig, flag: str, value: str | bool) -> dict[str, Any]:
    return {"args": {**engine.args, flag: value}}
