"""A plan: who goes where, with how much KV cache, or what is missing and what helps. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..footprint import GIB
from ..footprint.footprint import utilization
from ..gpu.reading import HOST
from ..scheduler.words import Layout
from .arrange import Arrangement, Question, arrange
from .cures import Cure, cures
from .rooms import Room
from .want import Mode, Want


@dataclass(frozen=True, slots=True)
class Placed:
    """An engine in the plan. Bytes are those on each of its `devices` (places in the list of rooms).

    `estimated`: what is less sure than usual, as sentences. `learned`: its bytes were measured.
    """

    name: str
    devices: tuple[int, ...]
    weights_bytes: int
    overhead_bytes: int
    kv_bytes: int
    kv_tokens: int
    max_num_seqs: int
    max_model_len: int
    usual_tokens: int
    holds_longest: int  # requests of `max_model_len` tokens at once
    holds_usual: int  # requests of `usual_tokens` at once
    asleep_bytes: int
    asleep_host_bytes: int
    utilization: float  # the share of its smallest device that it takes, as vLLM is told
    estimated: tuple[str, ...]
    learned: bool

    @property
    def resident_bytes(self) -> int:
        """What it takes of each of its devices while it is awake."""
        return self.weights_bytes + self.overhead_bytes + self.kv_bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """Bytes that a device (its place in the list of rooms) has too few."""

    device: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found.

    Where it does not fit, `engines` stand where least is missing, there are no `layouts`, and `why` says so;
    `tightest` has those awake for whom bytes are missing. `splits` are the layouts with other KV caches.
    """

    fits: bool
    mode: Mode
    rooms: tuple[Room, ...]
    engines: tuple[Placed, ...]
    layouts: tuple[Layout, ...]
    missing: tuple[Missing, ...]
    cures: tuple[Cure, ...]
    why: str
    tightest: Layout | None = None
    splits: tuple[Layout, ...] = ()


def plan(wants: Sequence[Want], rooms: Sequence[Room], mode: Mode, host_ram_bytes: int | None) -> Plan:
    """Place `wants` on `rooms`. `host_ram_bytes` is for the weights of sleepers; None: nobody can sleep here.

    The objective, in this order: everybody resident; else drafting tiers resident; the fewest pairs of
    engines that cannot be awake together; then the most requests in flight, spread as `want.weight` says, for
    which every tier has room.
    """
    question = Question(tuple(wants), tuple(rooms), mode, host_ram_bytes)
    found = arrange(question)
    if found is not None and found.placement.fits:
        engines, layouts, splits = _placed(question, found), found.layouts, found.splits
        return Plan(True, found.mode, question.rooms, engines, layouts, (), (), "", splits=splits)
    missing = tuple(
        Missing(device, size) for device, size in enumerate(found.placement.missing if found else ()) if size
    )
    engines = _placed(question, found) if found else ()
    helps = cures(question, found)
    why, tightest = _why(question, found, helps), found.tightest if found else None
    return Plan(False, mode, question.rooms, engines, (), missing, helps, why, tightest)


def _placed(question: Question, found: Arrangement) -> tuple[Placed, ...]:
    places = zip(question.wants, found.placement.places, strict=True)
    return tuple(_engine(want, on, found.kv_bytes[want.name], question.rooms) for want, on in places)


def _engine(want: Want, devices: tuple[int, ...], kv_bytes: int, rooms: Sequence[Room]) -> Placed:
    footprint, kv = want.footprint, want.footprint.kv
    holds = kv.concurrent(kv_bytes, want.usual_tokens)
    smallest = min(rooms[device].total_bytes for device in devices)
    return Placed(
        name=want.name,
        devices=devices,
        weights_bytes=footprint.weights,
        overhead_bytes=footprint.overhead,
        kv_bytes=kv_bytes,
        kv_tokens=kv.tokens(kv_bytes),
        max_num_seqs=max(1, min(want.max_num_seqs, holds)),
        max_model_len=want.max_model_len,
        usual_tokens=want.usual_tokens,
        holds_longest=kv.concurrent(kv_bytes, want.max_model_len),
        holds_usual=holds,
        asleep_bytes=footprint.asleep,
        asleep_host_bytes=footprint.asleep_host,
        utilization=utilization(footprint.resident(kv_bytes), smallest),
        estimated=(*footprint.estimated, *([f"KV cache: {kv.estimated}"] if kv.estimated else [])),
        learned=footprint.learned,
    )


def _why(question: Question, found: Arrangement | None, helps: Sequence[Cure]) -> str:
    """What is missing, as a sentence; what helps is said by the cures, or that nothing here does."""
    if found is None:
        return _too_few(question)
    short = [
        f"{size / GIB:.2f} GiB on {question.rooms[device].label}"
        for device, size in enumerate(found.placement.missing)
        if size
    ]
    sentence = f"it does not fit: {' and '.join(short)} are missing"
    return (
        sentence
        if helps
        else f"{sentence}; no change of models.yaml helps: take a smaller model, or more memory"
    )


def _too_few(question: Question) -> str:
    widest = max(question.wants, key=lambda want: want.tensor_parallel)
    if widest.tensor_parallel == 1:
        return f"{widest.name} wants a GPU and there is none"
    wanted = f"{widest.name} wants {widest.tensor_parallel}"
    if any(room.uuid == HOST for room in question.rooms):
        return (
            f"{wanted} devices and the processor is one, all of whose cores work for one rank; "
            f"set engines.{widest.name}.tensor_parallel: 1"
        )
    return (
        f"{wanted} GPUs of one kind and there are too few of them; "
        f"lower engines.{widest.name}.tensor_parallel"
    )
