"""Who is awake together on the file's GPU, with how much KV cache: as the planner has it, or every way."""

from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise

from ...config.fields import unknown
from ...errors import ConfigError
from ..footprint.footprint import Footprint
from ..footprint.kv import Group, KvShape
from ..plan.arrange import Question, arrange
from ..plan.rooms import Room
from ..plan.want import Mode, Want, tier_weights
from ..scheduler.words import HOST, Layout
from .load import GIB, bytes_of
from .machine import GPU, Machine

LEAST_TOKENS = 32768  # of each KV cache: of a million requests of the file's loads none is longer
BLOCK_TOKENS = 16


def planned(machine: Machine, mode: Mode) -> tuple[Layout, ...]:
    """The planner's layouts on one GPU. Raises `ConfigError` where it finds none."""
    capacity = machine.capacity
    weights = tier_weights([machine.tiers])
    question = Question(
        tuple(_want(machine, name, weights[name]) for name in machine.tiers),
        (Room(machine.loads.gpu.name, capacity[GPU], 0),),
        mode,
        capacity[HOST],
    )
    found = arrange(question)
    if found is None or not found.layouts:
        raise ConfigError(
            f"one of {', '.join(machine.tiers)} does not fit into {capacity[GPU] / GIB:g} GiB with "
            f"{LEAST_TOKENS} tokens of KV cache; name a larger GPU in the file of loads"
        )
    return found.layouts


def alone(machine: Machine) -> Layout:
    """Each engine on a GPU of its own, all that is left there its KV cache."""
    profiles = machine.profiles
    return Layout(
        {name: machine.capacity[machine.gpu_of(name)] - profiles[name].base_bytes for name in profiles}, {}
    )


def given(machine: Machine, sizes_gib: Mapping[str, float]) -> Layout:
    """Those that are named are awake, with so many GiB of KV cache each; the others are not there."""
    for name in sizes_gib:
        if name not in machine.tiers:
            raise ConfigError(f"--split {name} {unknown(name, machine.tiers)}")
    return Layout({name: bytes_of(gib) for name, gib in sizes_gib.items()}, {})


def splits(machine: Machine, parts: int) -> list[Layout]:
    """Every way to divide one GPU: who is resident, and how many of `parts` of the rest are whose KV."""
    found = []
    for layout in planned(machine, Mode.RESTART):
        left = machine.capacity[GPU] - sum(machine.profiles[name].base_bytes for name in layout.awake)
        found += [
            Layout(
                {name: left * share // parts for name, share in zip(layout.awake, shares, strict=True)}, {}
            )
            for shares in _compositions(parts, len(layout.awake))
        ]
    return found


def _compositions(total: int, count: int) -> Iterator[tuple[int, ...]]:
    """Every way to write `total` as a sum of `count` numbers of at least 1, order counted."""
    for cuts in combinations(range(1, total), count - 1):
        yield tuple(high - low for low, high in pairwise((0, *cuts, total)))


def _want(machine: Machine, name: str, weight: float) -> Want:
    """What the planner is told of an engine."""
    spec, profile = machine.loads.engines[name], machine.profiles[name]
    block = Group(round(BLOCK_TOKENS * spec.kv_token_bytes), BLOCK_TOKENS)
    footprint = Footprint(
        bytes_of(spec.weights_gib),
        profile.base_bytes - bytes_of(spec.weights_gib),
        KvShape((block,), LEAST_TOKENS, 0),
        profile.asleep_bytes,
        profile.asleep_host_bytes,
    )
    drafts = name == machine.tiers[0]
    return Want(name, footprint, LEAST_TOKENS, LEAST_TOKENS, spec.max_num_seqs, weight=weight, drafts=drafts)
