"""What the planner is asked: what each engine takes, by its files, corrected by what was measured."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .. import launch
from ..config import Config, EngineConfig
from ..vram.footprint.footprint import Footprint, footprint
from ..vram.footprint.learned import Key, Learned, key_of
from ..vram.footprint.readings import corrected
from ..vram.plan.rooms import Room
from ..vram.plan.want import Want, tier_weights
from .machine import Machine


def wants(config: Config, on: Machine) -> list[Want]:
    """What each engine that is started here takes, and how much of the traffic reaches it."""
    return [want(config, name, taken(config, name, on), on) for name in launch.started(config)]


def want(config: Config, name: str, found: Footprint, on: Machine) -> Want:
    """What the planner is asked for an engine that takes `found`."""
    engine, tiers = config.engines[name], [cascade.tiers for cascade in config.cascades.values()]
    length = engine.max_model_len or found.kv.max_model_len
    return Want(
        name=name,
        footprint=replace(found, asleep_host=0) if config.vram.sleep_level == 2 else found,
        min_tokens=engine.kv.min_tokens,
        max_model_len=length,
        max_num_seqs=engine.max_num_seqs,
        tensor_parallel=engine.tensor_parallel,
        weight=tier_weights(tiers).get(name, 1.0),
        drafts=any(name == names[0] for names in tiers),
        fills=not on.build.cpu,
    )


def taken(config: Config, name: str, on: Machine) -> Footprint:
    """An engine's footprint: computed from its files, corrected by what was measured on that kind of device.

    It is not placed yet: of several kinds the one counts where it takes most.
    """
    engine, folder, known = config.engines[name], model_folder(config, name), learned(config)
    found = (
        corrected(computed(engine, folder, on, room), known.recall(key(config, name, on, room)))
        for room in kinds(on.rooms)
    )
    return max(found, key=lambda one: one.resident(0))


def kinds(rooms: Sequence[Room]) -> list[Room]:
    """One device of each kind: an engine takes the same of all that are alike."""
    return list({(room.name, room.total_bytes): room for room in rooms}.values())


def computed(engine: EngineConfig, folder: Path, on: Machine, room: Room) -> Footprint:
    """An engine's footprint on that device: large GPUs make large steps."""
    return footprint(
        engine,
        folder,
        cpu=on.build.cpu,
        block_tokens=on.build.block_tokens,
        device_bytes=room.total_bytes,
        device_name=room.name,
    )


def model_folder(config: Config, name: str) -> Path:
    """Where an engine's model lies; raises `ModelError` where it is not here."""
    model = config.engines[name].model
    assert model is not None
    return launch.find_model(config, model)


def learned(config: Config) -> Learned:
    """What engines were seen to take."""
    return Learned(config.state_dir / "footprints.db")


def key(config: Config, name: str, on: Machine, room: Room) -> Key:
    """What readings of an engine on that device belong to."""
    return key_of(config.engines[name], model_folder(config, name), room.name, on.build.version)
