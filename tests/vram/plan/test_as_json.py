"""A plan as a program reads it."""

import json

from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.plan.as_json import args, to_json
from gpu_cascade.vram.plan.rooms import named_rooms
from gpu_cascade.vram.plan.want import ESCALATED, Mode

from .made import plan, room, varied, want

SMALL = want("small", 2.9, 28672, min_tokens=32768, max_num_seqs=64, drafts=True)
LARGE = want("large", 61, 262144, min_tokens=16384, weight=ESCALATED)


def test_programs_get_the_shape_that_others_build_on():
    """Every key that was promised, and what adds up."""
    found = plan([SMALL, LARGE], named_rooms("1xH200"), Mode.AUTO, None)

    data = json.loads(json.dumps(to_json(found)))

    assert (True, "static", 0) == (data["fits"], data["mode"], data["missing_gib"])
    [gpu] = data["gpus"]
    assert {"name", "total_gib", "reserve_gib", "free_gib", "engines"} <= set(gpu)
    keys = ("weights_gib", "kv_gib", "overhead_gib")
    taken = sum(engine[key] for engine in gpu["engines"] for key in keys)
    assert abs(gpu["total_gib"] - gpu["reserve_gib"] - gpu["free_gib"] - taken) < 0.01
    large = gpu["engines"][1]
    assert ["--kv-cache-memory-bytes", str(found.engines[1].kv_bytes)] == large["args"][:2]
    assert {"requests": 27, "tokens": 8192} == data["engines"]["large"]["holds"][0]
    assert [{"awake": {"small": 14.0, "large": large["kv_gib"]}, "rest": {}}] == [
        {**layout, "awake": {name: round(size, 3) for name, size in layout["awake"].items()}}
        for layout in data["layouts"]
    ]


def test_programs_are_told_what_helps():
    """What is missing and what each cure saves."""
    data = to_json(plan([varied(LARGE)], named_rooms("1xL40S"), Mode.AUTO, None))

    assert not data["fits"]
    assert data["missing_gib"] == data["gpus"][0]["missing_gib"] > 0
    assert {"what", "saves_gib", "enough", "recalibrate"} == set(data["cures"][0])


def test_turns_are_told():
    """Who is awake with how much, and how the others rest."""
    found = plan([want("a", 60), want("b", 50)], [room(80)], Mode.AUTO, 500 * GIB)

    layouts = json.loads(json.dumps(to_json(found)))["layouts"]

    assert [{"b": "asleep"}, {"a": "asleep"}] == [layout["rest"] for layout in layouts]


def test_vllm_is_told_of_ranks():
    """Only where there are several."""
    pair, alone = plan(
        [want("pair", 60, tensor_parallel=2), want("alone", 5)], [room(80)] * 2, Mode.AUTO, 0
    ).engines

    assert ["--tensor-parallel-size", "2"] == args(pair)[-2:]
    assert "--tensor-parallel-size" not in args(alone)
