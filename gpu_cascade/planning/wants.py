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
from ..launch import started
from ..staging.machine import Machine
from ..staging.wants import computed, kinds, model_folder, taken, want
from ..vram.footprint.arguments import is_on
from ..vram.footprint.footprint import Footprint
from ..vram.footprint.hf_config import quantised, read
from ..vram.plan.rooms import Room
from ..vram.plan.want import Change, Variant, Want
from .known import known_config

RANKS = (1, 2, 4, 8)  # numbers of GPUs that are proposed for one engine


def wants(config: Config, on: Machine, *, varied: bool = False) -> list[Want]:
    """The engines that are started here, in the file's order: what `serve` would ask for.

    `varied`: with what could be made of them, for cures. Raises `ModelError` for a model that is neither here
    nor known; it says how to fetch it.
    """
    return [_want(config, name, on, varied=varied) for name in started(config)]


def _want(config: Config, name: str, on: Machine, *, varied: bool) -> Want:
    engine = config.engines[name]
    with _folder(config, name) as (folder, is_here):
        found = _here(config, name, on) if is_here else _known(config, name, on, folder)
        variants = _variants(found, engine, on, folder) if varied and not on.build.cpu else ()
        return replace(found, variants=tuple(variants))


@contextmanager
def _folder(config: Config, name: str) -> Iterator[tuple[Path, bool]]:
    """The model's folder, and whether it is here; else, of a known shape, one with a config.json alone."""
    try:
        found = model_folder(config, name)
    except ModelError:
        known = known_config(config.engines[name].model or "")
        if known is None:
            raise
        with tempfile.TemporaryDirectory(prefix="gpu-cascade-") as made:
            (Path(made) / "config.json").write_text(json.dumps(known), encoding="utf-8")
            yield Path(made), False
    else:
        yield found, True


def _here(config: Config, name: str, on: Machine) -> Want:
    """As `serve` asks for it, with what was measured of it before."""
    return want(config, name, taken(config, name, on), on)


def _known(config: Config, name: str, on: Machine, folder: Path) -> Want:
    """As `serve` would ask for it."""
    engine = config.engines[name]
    return want(config, name, computed(engine, folder, on, _hardest(engine, folder, on)), on)


def _hardest(engine: EngineConfig, folder: Path, on: Machine) -> Room:
    """A device of the kind where the engine takes most."""
    return max(kinds(on.rooms), key=lambda room: computed(engine, folder, on, room).resident(0))


def _variants(found: Want, engine: EngineConfig, on: Machine, folder: Path) -> Iterator[Variant]:
    """What could be made of it on GPUs, as far as the model allows."""
    room = _hardest(engine, folder, on)
    now = computed(engine, folder, on, room)
    for change, what, update in _changes(engine, on, is_quantised=bool(quantised(read(folder)))):
        made = engine.model_copy(update=update)
        try:
            then = computed(made, folder, on, room)
        except ConfigError:  # its heads cannot be divided among so many
            continue
        yield Variant(change, what, _moved(found.footprint, now, then), made.tensor_parallel)


def _moved(taken: Footprint, now: Footprint, then: Footprint) -> Footprint:
    """What it takes, which may have been measured, with the difference that a change makes as computed."""
    return replace(
        taken,
        weights=max(0, taken.weights + then.weights - now.weights),
        overhead=max(0, taken.overhead + then.overhead - now.overhead),
        kv=then.kv if then.kv != now.kv else taken.kv,
        asleep=max(0, taken.asleep + then.asleep - now.asleep),
        asleep_host=max(0, taken.asleep_host + then.asleep_host - now.asleep_host),
    )


def _changes(
    engine: EngineConfig, on: Machine, *, is_quantised: bool
) -> Iterator[tuple[Change, str, dict[str, Any]]]:
    """A change, how one writes it in the engine's section, and the keys that it sets."""
    if not is_on(engine, "enforce-eager"):
        yield Change.EAGER, "args: {enforce-eager: true}", _with_arg(engine, "enforce-eager", True)
    kinds = Counter(room.name for room in on.rooms if not room.sliced)
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
