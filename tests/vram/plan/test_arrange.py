"""Which way is taken."""

from dataclasses import replace

import pytest

from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.plan.arrange import GROWS, Question, arrange
from gpu_cascade.vram.plan.want import Mode
from gpu_cascade.vram.scheduler.words import State

from .made import room, want


def arranged(wants, gib, mode=Mode.AUTO, host_gib=500):
    return arrange(Question(tuple(wants), (room(gib),), mode, None if host_gib is None else host_gib * GIB))


SMALL = want("small", 3, drafts=True, asleep_gib=2)
LARGE = want("large", 50, asleep_gib=10)
OTHER = want("other", 51, asleep_gib=10)


@pytest.mark.parametrize(
    ("gib", "mode", "awake"),
    [
        (120, Mode.STATIC, {"small"}),  # all of them
        (72, Mode.SLEEP, {"small"}),  # the residue of one, beside the small one and the other
        (62, Mode.RESTART, {"small"}),  # no residue fits: a restart keeps the small one where sleep would not
        (54, Mode.RESTART, set()),  # the small one takes turns too
    ],
)
def test_auto_keeps_the_drafting_tier_as_long_as_it_can(gib, mode, awake):
    """All stay; else drafting tiers stay, by sleeping before restarting; else nobody does."""
    found = arranged([SMALL, LARGE, OTHER], gib)

    assert mode is found.mode
    assert awake <= set.intersection(*(set(layout.awake) for layout in found.layouts))


@pytest.mark.parametrize("mode", [Mode.SLEEP, Mode.RESTART])
def test_a_way_that_was_asked_for_is_the_only_one(mode):
    """`sleep` does not restart where residues are in the way; `restart` never sleeps."""
    found = arranged([SMALL, LARGE, OTHER], 62, mode)

    assert (mode is Mode.RESTART) == found.placement.fits


def test_the_kv_cache_alone_goes_where_nobody_has_less_for_it():
    """Where all weights fit, but not with every KV cache, and whoever is awake has all that is of use."""
    busy = [want(name, 20, min_tokens=65536, max_num_seqs=8, max_model_len=8192) for name in "ab"]

    quick, deep = arranged(busy, 50), arranged(busy, 47)

    assert (Mode.SLEEP, {State.KV_RELEASED}) == (quick.mode, resting(quick))
    assert {"a": 1, "b": 1} == {name: size // busy[0].full_bytes for name, size in quick.kv_bytes.items()}
    assert {State.ASLEEP} == resting(deep)


def test_kv_caches_can_be_shared_out_otherwise():
    """For a load where every request reaches the large one; not where nothing may move, nor for little."""
    wants = [want("small", 3, max_num_seqs=256), want("large", 50, weight=0.3, max_num_seqs=256)]

    found = arranged(wants, 80)

    [layout], [split] = found.layouts, found.splits
    assert split.awake["large"] > GROWS * layout.awake["large"]
    assert split.awake["small"] == pytest.approx(split.awake["large"], rel=0.01)
    assert () == arranged(wants, 80, Mode.STATIC).splits
    assert () == arranged([replace(one, weight=1.0) for one in wants], 80).splits


def resting(found):
    return {rest for layout in found.layouts for rest in layout.rest.values()}


def test_a_mode_of_turns_keeps_all_where_all_fit():
    """Nobody rests for the sake of it."""
    assert Mode.STATIC is arranged([SMALL, LARGE], 80, Mode.RESTART).mode


def test_what_misses_least_is_told_of_the_most_that_was_tried():
    """Alone, the larger of the two lacks 2 GiB; the others do not count against it."""
    found = arranged([SMALL, LARGE, OTHER], 52)

    assert not found.placement.fits
    assert {"other"} == set(found.tightest.awake)
    assert () == found.layouts
