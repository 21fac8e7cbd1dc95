"""Engines and machines made for these tests, and a check of a plan that shares no code with the planner."""

from dataclasses import replace
from random import Random

from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.footprint import Footprint
from gpu_cascade.vram.footprint.kv import Group, KvShape
from gpu_cascade.vram.plan.plan import Plan, plan
from gpu_cascade.vram.plan.rooms import Room
from gpu_cascade.vram.plan.want import Change, Mode, Variant, Want
from gpu_cascade.vram.scheduler.words import State


def kv(page_bytes, max_model_len, *more):
    """A KV cache of blocks of 16 tokens, as of full attention; `more` groups beside it."""
    return KvShape((Group(page_bytes, 16), *more), max_model_len, in_flight_tokens=2048)


def footprint(weights_gib, token_bytes=65536, overhead_gib=2.0, ranks=1, asleep_gib=0.5, max_model_len=8192):
    """On each of `ranks` devices; weights and KV cache for all of them together."""
    return Footprint(
        int(weights_gib * GIB / ranks),
        int(overhead_gib * GIB),
        kv(16 * token_bytes // ranks, max_model_len),
        int(asleep_gib * GIB),
        int(weights_gib * GIB),
    )


def want(name, weights_gib, token_bytes=65536, **others):
    """An engine; what is not said is small."""
    ranks = others.get("tensor_parallel", 1)
    has = {key: others.pop(key) for key in ("overhead_gib", "asleep_gib") if key in others}
    others = {"min_tokens": 8192, "max_model_len": 8192, "max_num_seqs": 32} | others
    made = footprint(weights_gib, token_bytes, ranks=ranks, max_model_len=others["max_model_len"], **has)
    return Want(name, made, **others)


def varied(made):
    """The engine with all it could be made into."""
    has = made.footprint
    smaller = {
        Change.EAGER: ("args: {enforce-eager: true}", {"overhead": has.overhead // 2}),
        Change.KV_FP8: ("args: {kv-cache-dtype: fp8}", {"kv": _halved(has.kv)}),
        Change.WEIGHTS_FP8: ("quantization: fp8", {"weights": has.weights // 2}),
        Change.WEIGHTS_4BIT: ("quantization: awq", {"weights": has.weights // 3}),
    }
    variants = [
        Variant(change, what, replace(has, **parts), made.tensor_parallel)
        for change, (what, parts) in smaller.items()
    ]
    halves = replace(has, weights=has.weights // 2, kv=_halved(has.kv))
    wider = Variant(Change.TENSOR_PARALLEL, "tensor_parallel: 2", halves, 2)
    return replace(made, variants=(*variants, *([wider] if made.tensor_parallel == 1 else [])))


def _halved(made):
    return replace(made, groups=tuple(replace(one, page_bytes=one.page_bytes // 2) for one in made.groups))


def room(gib, name="", reserve_gib=0.0, **others):
    """A GPU."""
    return Room(name or f"{gib}GiB", int(gib * GIB), int(reserve_gib * GIB), **others)


def random_question(random: Random, gpus=4, engines=4):
    """Engines and a machine that nobody matched: some fit, some do in turns, some do not."""
    kinds = [room(random.choice([24, 48, 80, 80, 141]), reserve_gib=random.uniform(0, 4)) for _ in range(2)]
    rooms = [random.choice(kinds) for _ in range(random.randint(1, gpus))]
    wants = []
    for index in range(random.randint(1, engines)):
        ranks = random.choice([ranks for ranks in (1, 1, 1, 2, 4) if ranks <= len(rooms)])
        longest = random.choice([1024, 4096, 32768])
        made = want(
            f"engine{index}",
            random.choice([0.5, 3, 8, 15, 30, 60]) * random.uniform(0.9, 1.1),
            random.choice([16384, 28672, 57344, 131072, 262144]),
            tensor_parallel=ranks,
            asleep_gib=random.uniform(0, 3),
            min_tokens=random.choice([1, 4096, 16384, 60_000]),
            max_model_len=longest,
            max_num_seqs=random.choice([1, 8, 64]),
            weight=random.uniform(0.05, 1),
            drafts=random.random() < 0.3,
        )
        if (
            random.random() < 0.3
        ):  # as of a model that slides a window in some layers and keeps a state in others
            page_bytes = made.footprint.kv.page_bytes
            mixed = kv(
                page_bytes, longest, Group(page_bytes, 16, window=1024), Group(page_bytes, 16, states=2)
            )
            made = replace(made, footprint=replace(made.footprint, kv=mixed))
        wants.append(varied(made) if random.random() < 0.2 else made)
    return wants, rooms, random.choice(list(Mode)), random.choice([None, 20 * GIB, 500 * GIB])


def broken(made: Plan, wants, host_ram_bytes):
    """What is wrong with a plan that says it fits; empty where nothing is."""
    asked = {one.name: one for one in wants}
    layouts = (*made.layouts, *made.splits)
    found = [wrong for layout in layouts for wrong in _wrong_layout(layout, asked, made)]
    found += [f"{layout} has too little" for layout in made.splits if _starved(layout, asked)]
    found += [wrong for one in made.engines for wrong in _wrong_engine(one, asked[one.name], made)]
    asleep = {name for layout in made.layouts for name, rest in layout.rest.items() if rest is State.ASLEEP}
    if sum(asked[name].footprint.asleep_host for name in asleep) > (host_ram_bytes or 0):
        found.append("more asleep than host RAM holds")
    return found


def _wrong_layout(layout, asked, made):
    if set(layout.awake) | set(layout.rest) != set(asked) or set(layout.awake) & set(layout.rest):
        yield f"{layout} does not say of each engine where it is"
    taken = [0] * len(made.rooms)
    for engine in made.engines:
        for device in engine.devices:
            taken[device] += _taken(asked[engine.name].footprint, layout, engine.name)
    for device, has in enumerate(made.rooms):
        if taken[device] > has.total_bytes - has.reserve_bytes:
            yield f"GPU {device} holds {taken[device]} of {has.total_bytes - has.reserve_bytes}"


def _starved(layout, asked):
    return any(size < asked[name].floor_bytes for name, size in layout.awake.items())


def _taken(footprint, layout, name):
    if name in layout.awake:
        return footprint.weights + footprint.overhead + layout.awake[name]
    kept = {State.ASLEEP: footprint.asleep, State.KV_RELEASED: footprint.weights + footprint.overhead}
    return kept.get(layout.rest[name], 0)


def _wrong_engine(one, asked, made):
    least = asked.footprint.kv.bytes_for(asked.min_tokens, asked.max_model_len)
    sizes = {layout.awake.get(one.name, one.kv_bytes) for layout in made.layouts}
    checks = {
        "is never awake": any(one.name in layout.awake for layout in made.layouts),
        "has several sizes": sizes == {one.kv_bytes},
        "has less KV cache than it must": one.kv_bytes >= least,
        "has part of a block": one.kv_bytes % asked.footprint.kv.page_bytes == 0,
        "is on a device twice": len(set(one.devices)) == len(one.devices) == asked.tensor_parallel,
        "is on GPUs of two kinds": len({made.rooms[device].name for device in one.devices}) == 1,
        "has more at once than was asked": 1 <= one.max_num_seqs <= asked.max_num_seqs,
    }
    return [f"{one.name} {what}" for what, right in checks.items() if not right]


__all__ = ["broken", "footprint", "plan", "random_question", "room", "varied", "want"]
