"""Plans as a whole."""

from random import Random

import pytest

import gpu_cascade.vram.plan.plan as plan_module
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.plan.books import booked
from gpu_cascade.vram.plan.plan import Missing
from gpu_cascade.vram.plan.rooms import named_rooms
from gpu_cascade.vram.plan.want import ESCALATED, Mode
from gpu_cascade.vram.scheduler.words import Layout, State

from .made import broken, plan, random_question, room, want

SMALL = want("small", 2.9, 28672, min_tokens=32768, max_num_seqs=64, drafts=True)
LARGE = want("large", 61, 262144, min_tokens=16384, weight=ESCALATED)
HUGE = want("huge", 68, 327680, min_tokens=16384, weight=ESCALATED**2)


def test_a_pair_that_fits_stays():
    """1.5B and 32B shapes on one H200: one layout with both, all of the GPU used."""
    found = plan([SMALL, LARGE], named_rooms("1xH200"), Mode.AUTO, None)

    assert found.fits
    assert Mode.STATIC == found.mode
    assert [["small", "large"]] == [list(layout.awake) for layout in found.layouts]
    taken = sum(engine.resident_bytes for engine in found.engines)
    assert 0 <= found.rooms[0].free_bytes - taken < 0.01 * GIB


def test_three_that_do_not_fit_take_turns_beside_the_drafting_tier():
    """The small one is awake in each layout, with the same KV cache; the large ones sleep by turns."""
    found = plan([SMALL, LARGE, HUGE], named_rooms("1xH200"), Mode.AUTO, 300 * GIB)

    assert Mode.SLEEP == found.mode
    assert [{"small", "large"}, {"small", "huge"}] == [set(layout.awake) for layout in found.layouts]
    assert [{"huge": State.ASLEEP}, {"large": State.ASLEEP}] == [layout.rest for layout in found.layouts]
    assert 1 == len({layout.awake["small"] for layout in found.layouts})


def test_host_ram_that_holds_one_of_two_has_the_other_restart():
    """In the midst of a change both would be asleep: 61 and 68 GiB are more than 128."""
    found = plan([SMALL, LARGE, HUGE], named_rooms("1xH200"), Mode.AUTO, 128 * GIB)

    assert [{"huge": State.ABSENT}, {"large": State.ASLEEP}] == [layout.rest for layout in found.layouts]
    # What was stopped leaves nothing, and the others have that too.
    assert all(booked(found, 0, layout).free < 0.01 * GIB for layout in found.layouts)


@pytest.mark.parametrize(
    ("mode", "host_ram_bytes"), [(Mode.AUTO, None), (Mode.AUTO, 0), (Mode.RESTART, 300 * GIB)]
)
def test_without_sleep_turns_are_taken_by_restarting(mode, host_ram_bytes):
    """It is not possible, there is no host RAM, or restarting was asked for: nothing of the others stays."""
    found = plan([SMALL, LARGE, HUGE], named_rooms("1xH200"), mode, host_ram_bytes)

    assert Mode.RESTART == found.mode
    assert {State.ABSENT} == {rest for layout in found.layouts for rest in layout.rest.values()}


def test_the_drafting_tier_takes_turns_only_where_it_must():
    """It fits beside neither: then it too rests."""
    found = plan([want("small", 30, drafts=True), want("large", 60)], [room(80)], Mode.AUTO, 500 * GIB)

    assert [{"small"}, {"large"}] == [set(layout.awake) for layout in found.layouts]


def test_static_does_not_take_turns():
    """What is missing is told, and which mode would do."""
    found = plan([SMALL, LARGE, HUGE], named_rooms("1xH200"), Mode.STATIC, 300 * GIB)

    assert not found.fits
    assert () == found.layouts
    assert "vram.mode: sleep (from static)" in [cure.what for cure in found.cures]


def test_what_is_missing_is_exact():
    """30 GiB of weights, 2 of overhead and a KV cache of 1 GiB and a block, on 24 GiB."""
    found = plan([want("large", 30, 131072)], [room(24)], Mode.AUTO, None)

    assert (Missing(0, 9 * GIB + 16 * 131072),) == found.missing
    assert "9.00 GiB on GPU 0 (24GiB)" in found.why
    assert found.why.endswith("take a smaller model, or more memory")


def test_with_what_was_missing_it_fits():
    """One byte less does not do."""
    missing = 9 * GIB + 16 * 131072

    assert plan([want("large", 30, 131072)], [room(24 + missing / GIB)], Mode.AUTO, None).fits
    assert not plan([want("large", 30, 131072)], [room(24 + (missing - 1) / GIB)], Mode.AUTO, None).fits


def test_too_few_gpus_are_said_so():
    """Not as bytes: no number of them would do."""
    found = plan([want("large", 30, tensor_parallel=4)], [room(80)] * 2, Mode.AUTO, None)

    assert not found.fits
    assert "large wants 4 GPUs of one kind" in found.why
    assert "lower engines.large.tensor_parallel" in found.why


def test_no_gpu_at_all_is_said_so():
    """Nothing to lower."""
    assert "large wants a GPU and there is none" == plan([want("large", 30)], [], Mode.AUTO, None).why


def test_nothing_to_place_fits_everywhere():
    """All engines are elsewhere."""
    found = plan([], [room(80)], Mode.AUTO, None)

    assert found.fits
    assert (Layout({}, {}),) == found.layouts


def test_an_engine_takes_no_more_at_once_than_its_cache_holds():
    """128 were asked for, and 80 GiB hold 31 usual requests more than its weights; never less than one."""
    found = plan([want("large", 70, 262144, max_num_seqs=128)], [room(80)], Mode.AUTO, None)

    [engine] = found.engines
    assert engine.holds_usual == engine.max_num_seqs == 31
    assert 3 == engine.holds_longest


def test_vllm_is_told_the_share_that_is_taken():
    """Rounded up to two digits: it refuses to boot where less is free, so never above what is left for it."""
    found = plan([SMALL, LARGE], named_rooms("1xH200"), Mode.AUTO, None)

    for engine in found.engines:
        share = engine.resident_bytes / found.rooms[0].total_bytes
        assert share <= engine.utilization < share + 0.01
    assert 1 >= sum(engine.utilization for engine in found.engines)


@pytest.mark.parametrize("thousand", range(10))
def test_no_plan_ever_promises_more_than_there_is(thousand, monkeypatch):
    """On 10,000 machines nobody designed: whatever is said to fit does, in every layout, on every device."""
    monkeypatch.setattr(plan_module, "cures", lambda question, found: ())
    fitting = 0
    for seed in range(1000 * thousand, 1000 * (thousand + 1)):
        wants, rooms, mode, host_ram_bytes = random_question(Random(seed))
        found = plan(wants, rooms, mode, host_ram_bytes)
        assert [] == (broken(found, wants, host_ram_bytes) if found.fits else []), f"seed {seed}"
        assert found.fits or sum(one.bytes for one in found.missing) or "of one kind" in found.why
        fitting += found.fits
    assert 500 < fitting < 950


def test_layouts_are_what_a_scheduler_switches_between():
    """Plain data."""
    found = plan([SMALL], [room(80)], Mode.AUTO, None)

    assert (Layout({"small": found.engines[0].kv_bytes}, {}),) == found.layouts
