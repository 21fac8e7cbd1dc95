"""From engines, rooms and a mode to who is where and who is awake when: the first way that fits. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..scheduler.words import Layout, State
from .layouts import Scene, pools, rests, scenes
from .place import STEPS, Placement, Tenant, place
from .rooms import Room
from .share import Claim, fill
from .want import Mode, Want


@dataclass(frozen=True, slots=True)
class Question:
    """All that a plan depends on. `host_ram_bytes` is for the weights of sleepers; None: nobody can sleep."""

    wants: tuple[Want, ...]
    rooms: tuple[Room, ...]
    mode: Mode
    host_ram_bytes: int | None


GROWS = 1.25  # so much must another split give to somebody, else it is not worth two boots


@dataclass(frozen=True, slots=True)
class Arrangement:
    """An answer. Where it does not fit: the placement that misses least, the least KV caches, no `layouts`.

    `splits` are the same layouts with KV caches as for a load that reaches every tier alike. (One where fewer
    climb than was thought would give a drafting tier a fifth more: not worth it.) `tightest` is who is awake
    where most is missing, although that does not fit.
    """

    placement: Placement
    kv_bytes: Mapping[str, int]
    layouts: tuple[Layout, ...]
    splits: tuple[Layout, ...] = ()
    tightest: Layout | None = None

    @property
    def mode(self) -> Mode:
        """What it comes to: nobody has to rest, somebody sleeps, or those that rest are stopped."""
        resting = {rest for layout in self.layouts for rest in layout.rest.values()}
        if not resting:
            return Mode.STATIC
        return Mode.RESTART if resting == {State.ABSENT} else Mode.SLEEP


def arrange(question: Question, steps: int = STEPS) -> Arrangement | None:
    """The first way that fits, else the last that was tried. None where there are too few GPUs of a kind.

    1. all stay; 2. drafting tiers stay, the others take turns; 3. all take turns. In `auto`, sleeping comes
    before restarting in each of 2 and 3; `sleep` and `restart` never try the other, `static` stops at 1.
    Before sleeping: giving back the KV cache alone (half a second in place of ten), where all weights fit and
    whoever is awake still has all the KV cache that is of use.
    """
    found: Arrangement | None = None
    ways = list(_ways(question))
    for number, (rest, staying) in enumerate(ways, start=1):
        if number < len(ways) and _hopeless(question, staying):
            continue
        tenants = [_tenant(want, rest, want.name in staying) for want in question.wants]
        placed = place(tenants, question.rooms, steps)
        if placed is None:
            return None
        if placed.fits:
            return _arranged(question, tenants, placed, rest)
        found = _missed(question, tenants, placed, rest)
    return found


def hopeless(question: Question) -> bool:
    """Whether a sum already says that nothing fits: one engine alone, or those that always stay together."""
    if not all(_fits_alone(want, question.rooms) for want in question.wants):
        return True
    return all(_hopeless(question, staying) for _, staying in _ways(question))


def _fits_alone(want: Want, rooms: Sequence[Room]) -> bool:
    """Whether one kind of device has room for each of its ranks, with nobody else there."""
    need, ranks = want.base_bytes + want.floor_bytes, want.tensor_parallel
    roomy = Counter(
        room.name for room in rooms if room.free_bytes >= need and (ranks == 1 or not room.sliced)
    )
    return max(roomy.values(), default=0) >= ranks


def _ways(question: Question) -> Iterator[tuple[State, frozenset[str]]]:
    """Who rests how while awake are others, and who always stays; each once."""
    everybody = frozenset(want.name for want in question.wants)
    drafting = frozenset(want.name for want in question.wants if want.drafts)
    yield State.ABSENT, everybody
    if question.mode is Mode.STATIC:
        return
    asleep = [State.KV_RELEASED, State.ASLEEP]
    kinds = {Mode.SLEEP: asleep, Mode.RESTART: [State.ABSENT]}.get(question.mode, [*asleep, State.ABSENT])
    for staying in dict.fromkeys((drafting, frozenset[str]())):
        for rest in kinds:
            if staying != everybody and (rest is State.ABSENT or question.host_ram_bytes is not None):
                yield rest, staying


def _hopeless(question: Question, staying: Collection[str]) -> bool:
    """Whether those that always stay need more than all devices together have; saves a search in vain."""
    need = sum(
        want.tensor_parallel * (want.base_bytes + want.floor_bytes)
        for want in question.wants
        if want.name in staying
    )
    return need > sum(room.free_bytes for room in question.rooms)


def _tenant(want: Want, rest: State, stays: bool) -> Tenant:
    full = max(want.floor_bytes, want.full_bytes)
    floor = full if rest is State.KV_RELEASED else want.floor_bytes
    claim = Claim(floor, full, want.demand_bytes, max(1, want.footprint.kv.page_bytes))
    kept = {State.ASLEEP: want.footprint.asleep, State.KV_RELEASED: want.base_bytes}.get(rest, 0)
    return Tenant(want.tensor_parallel, want.base_bytes, kept, claim, stays)


def _arranged(question: Question, tenants: list[Tenant], placed: Placement, rest: State) -> Arrangement:
    """Layouts and KV bytes of a placement that fits."""
    names = [want.name for want in question.wants]
    awake = scenes(tenants, placed.places, question.rooms)
    how = _rests(question, awake, rest)
    kept = [
        replace(tenant, rest=0) if how.get(name) is State.ABSENT else tenant
        for name, tenant in zip(names, tenants, strict=True)
    ]
    shared = pools(awake, names, kept, placed.places, question.rooms)

    def layouts(sizes: Mapping[str, int]) -> tuple[Layout, ...]:
        return tuple(_layout({names[index] for index in scene}, sizes, how) for scene in awake)

    claims = {name: tenant.claim for name, tenant in zip(names, tenants, strict=True)}
    sizes = fill(claims, shared)
    alike = {
        want.name: replace(claims[want.name], demand=claims[want.name].demand / want.weight)
        for want in question.wants
    }
    others = fill(alike, shared)
    may = question.mode in (Mode.AUTO, Mode.RESTART)
    worth = may and any(others[name] >= GROWS * sizes[name] for name in names)
    return Arrangement(placed, sizes, layouts(sizes), layouts(others) if worth else ())


def _missed(question: Question, tenants: list[Tenant], placed: Placement, rest: State) -> Arrangement:
    """Everybody has the least KV cache. Of those in turns the largest on each short device is awake."""
    awake = {want.name for want, tenant in zip(question.wants, tenants, strict=True) if tenant.stays}
    for device in (device for device, missing in enumerate(placed.missing) if missing):
        here = [index for index, on in enumerate(placed.places) if device in on and not tenants[index].stays]
        largest = max(here, key=lambda index: tenants[index].turn_bytes, default=None)
        awake |= set() if largest is None else {question.wants[largest].name}
    floors = {want.name: want.floor_bytes for want in question.wants}
    tightest = _layout(awake, floors, dict.fromkeys(floors, rest))
    return Arrangement(placed, floors, (), tightest=tightest)


def _rests(question: Question, awake: Sequence[Scene], rest: State) -> dict[str, State]:
    """How those rest that are not awake in every scene."""
    always = frozenset.intersection(*awake)
    resting = [want for index, want in enumerate(question.wants) if index not in always]
    if rest is not State.ASLEEP or question.host_ram_bytes is None:
        return {want.name: rest for want in resting}
    return rests(((want.name, want.footprint.asleep_host) for want in resting), question.host_ram_bytes)


def _layout(awake: Collection[str], sizes: Mapping[str, int], how: Mapping[str, State]) -> Layout:
    return Layout(
        {name: size for name, size in sizes.items() if name in awake},
        {name: rest for name, rest in how.items() if name not in awake},
    )
