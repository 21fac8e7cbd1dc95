"""What helps where it does not fit."""

from dataclasses import replace

import pytest

from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.plan.arrange import Question, arrange
from gpu_cascade.vram.plan.cures import cures
from gpu_cascade.vram.plan.want import Mode

from .made import room, varied, want


def asked(wants, gib, mode=Mode.STATIC, host_gib=500, gpus=1):
    """What helps `wants` on such a machine."""
    question = Question(tuple(wants), (room(gib),) * gpus, mode, host_gib * GIB)
    found = arrange(question)
    assert found is None or not found.placement.fits
    return cures(question, found)


# 30 GiB of weights, 2 of overhead, 4 of KV cache for 32 Ki tokens.
LARGE = want("large", 30, 131072, min_tokens=32768, max_model_len=8192)


def test_fewer_tokens_at_once_come_first():
    """As many as still fit: 3 of the 4 GiB are 24 Ki tokens, less the block that is kept back."""
    first = asked([LARGE], 35)[0]

    assert "engines.large.kv.min_tokens: 24320 (from 32768)" == first.what
    assert first.enough
    assert not first.recalibrate
    assert 1.03 == pytest.approx(first.saves_bytes / GIB, abs=0.01)


def test_what_it_says_is_enough_and_one_step_more_is_not():
    """The proposed number makes it fit; 256 tokens more do not."""
    tokens = 24320
    for extra, fits in ((0, True), (256, False)):
        changed = replace(LARGE, min_tokens=tokens + extra)
        found = arrange(Question((changed,), (room(35),), Mode.STATIC, None))
        assert fits == found.placement.fits


def test_the_least_harm_comes_first():
    """Three at most: what leaves answers as they are before what asks for a new calibration."""
    whats = [cure.what for cure in asked([varied(LARGE)], 35.5)]

    assert ["kv", "args", "max_model_len"] == [what.split(".")[2].split(":")[0] for what in whats]


def test_a_shorter_context_takes_the_tokens_at_once_along():
    """A cache for more than the longest request would not be smaller."""
    made = replace(LARGE, min_tokens=32768, max_model_len=32768)

    [cure] = asked([made], 35)

    assert "engines.large.max_model_len: 24320 (from 32768), kv.min_tokens: 24320 (from 32768)" == cure.what
    assert cure.recalibrate


def test_a_shorter_context_alone_where_the_cache_is_small_already():
    """Nothing is said of tokens at once that stay as they are."""
    made = replace(LARGE, min_tokens=16, max_model_len=32768)

    assert "engines.large.max_model_len: 24320 (from 32768)" == asked([made], 35)[0].what


def test_more_gpus_for_one_engine():
    """Where it fits on no GPU alone, two may hold it."""
    whats = [cure.what for cure in asked([varied(LARGE)], 24, gpus=2)]

    assert "engines.large.tensor_parallel: 2" == whats[0]


def test_taking_turns_where_all_were_to_stay():
    """The mode that works here, and what it makes room for."""
    [cure] = [cure for cure in asked([LARGE, replace(LARGE, name="other")], 60) if "vram" in cure.what]

    assert "vram.mode: sleep (from static)" == cure.what
    assert 12 == pytest.approx(cure.saves_bytes / GIB, abs=0.1)


def test_restarting_where_sleepers_leave_too_much():
    """Residues of 10 GiB are in the way, and stopped engines leave none."""
    wants = [want("a", 30, asleep_gib=10), want("b", 30, asleep_gib=10)]

    assert "vram.mode: restart (from sleep)" == asked(wants, 40, Mode.SLEEP)[0].what


def test_only_who_is_in_the_way_is_asked():
    """An engine on a GPU with room is left alone."""
    wants = [varied(want("fine", 30)), varied(LARGE)]
    question = Question(tuple(wants), (room(60, "big"), room(33, "small")), Mode.AUTO, None)
    wants_found = arrange(question)
    assert wants_found.placement.fits or all("fine" not in one.what for one in cures(question, wants_found))


def test_together_where_none_alone_suffices():
    """Changes in order of harm, none that is not needed; each says that it is not enough."""
    found = asked([varied(LARGE)], 13)

    whats = [cure.what.split(".", 2)[2] for cure in found]
    assert ["kv.min_tokens: 8192 (from 32768)", "args: {enforce-eager: true}", "quantization: awq"] == whats
    assert not any(cure.enough for cure in found)


def test_changes_together_do_not_undo_each_other():
    """Weights in 4 bits leave the cache in fp8, which they need here to fit."""
    made = varied(want("large", 30, 8 * 2**20, min_tokens=1024, max_model_len=1024, overhead_gib=1))

    whats = [cure.what for cure in asked([made], 14.8)]

    assert any("fp8" in what for what in whats)
    assert any("awq" in what for what in whats)


def test_nothing_where_nothing_helps():
    """A GPU that is far too small."""
    assert () == asked([varied(LARGE)], 8)


def test_too_few_gpus_are_cured_by_a_variant_that_needs_fewer():
    """The engine wants two of a kind and there is one."""
    pair = replace(varied(LARGE), tensor_parallel=2)

    assert all(cure.enough for cure in asked([pair], 80))
