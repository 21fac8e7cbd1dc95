"""Who is awake together on the modelled GPU, and how long what takes."""

import msgspec
import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.vram.plan.want import Mode
from gpu_cascade.vram.scheduler.words import HOST, Kind, State
from gpu_cascade.vram.simulate.layouts import alone, given, planned, splits
from gpu_cascade.vram.simulate.machine import GPU, Machine

from .toy import example

LOADS = example()
PAIR = Machine(LOADS, ("small", "large"))
THREE = Machine(LOADS, ("small", "large", "huge"))


def taken(machine, layout):
    """Bytes of the GPU in that layout."""
    total = 0
    for name, profile in machine.profiles.items():
        state = State.READY if name in layout.awake else layout.rest.get(name, State.ABSENT)
        total += profile.takes(state, layout.awake.get(name, 0)).get(GPU, 0)
    return total


def test_what_fits_together_stays_together():
    """One layout, and all that is left becomes KV cache, to 1 MiB."""
    (layout,) = planned(PAIR, Mode.AUTO)

    assert {"small", "large"} == layout.awake.keys()
    assert 0 <= PAIR.capacity[GPU] - taken(PAIR, layout) < 2**20


def test_two_that_do_not_fit_take_turns():
    """The drafting tier stays. Host RAM holds one of the large ones: the other is stopped."""
    first, second = planned(THREE, Mode.AUTO)

    assert [{"small", "large"}, {"small", "huge"}] == [set(first.awake), set(second.awake)]
    assert {"huge": State.ABSENT} == first.rest
    assert {"large": State.ASLEEP} == second.rest
    assert all(taken(THREE, layout) <= THREE.capacity[GPU] for layout in (first, second))


def test_where_host_ram_lasts_both_sleep():
    """129 GiB hold the weights of both."""
    gpu = msgspec.structs.replace(LOADS.gpu, host_ram_gib=129)
    layouts = planned(Machine(msgspec.structs.replace(LOADS, gpu=gpu), THREE.tiers), Mode.SLEEP)

    assert [{"huge": State.ASLEEP}, {"large": State.ASLEEP}] == [layout.rest for layout in layouts]


def test_restarting_leaves_nobody_asleep():
    """Those that rest are stopped."""
    assert {State.ABSENT} == {
        state for layout in planned(THREE, Mode.RESTART) for state in layout.rest.values()
    }


def test_alone_each_has_a_gpu():
    """Nobody has to rest, and nobody shares memory."""
    machine = Machine(LOADS, THREE.tiers, alone=True)

    assert ["gpu0", "gpu1", "gpu2", HOST] == list(machine.capacity)
    for name, kv_bytes in alone(machine).awake.items():
        free = machine.capacity[machine.gpu_of(name)]
        assert {machine.gpu_of(name): free} == machine.profiles[name].takes(State.READY, kv_bytes)


def test_splits_are_every_way_to_share():
    """Seven ways to give two engines eighths, for each pair that fits; none over-commits."""
    found = splits(THREE, 8)

    assert 14 == len(found)
    assert len(found) == len({tuple(layout.awake.items()) for layout in found})
    for layout in found:
        assert 0 <= THREE.capacity[GPU] - taken(THREE, layout) < 2


def test_a_gpu_too_small_is_said():
    """Who does not fit, and into how much."""
    small = msgspec.structs.replace(LOADS.gpu, vram_gib=70)

    with pytest.raises(ConfigError, match="one of small, large, huge does not fit into 67 GiB"):
        planned(Machine(msgspec.structs.replace(LOADS, gpu=small), THREE.tiers), Mode.AUTO)


def test_a_split_may_be_given():
    """GiB by engine; a name that is no tier is refused."""
    assert {"small": 2**31, "large": 2**34} == given(PAIR, {"small": 2, "large": 16}).awake
    with pytest.raises(ConfigError, match="huge is not known here"):
        given(PAIR, {"huge": 2})


@pytest.mark.parametrize(
    ("kind", "state", "seconds"),
    [
        (Kind.SLEEP, State.DRAINING, 0.3 + 61 * 0.65),
        (Kind.WAKE, State.ASLEEP, 0.3 + 61 * 0.14),
        (Kind.WAKE, State.KV_RELEASED, 0.3),
        (Kind.RELEASE, State.DRAINING, 0.2),
        (Kind.BOOT, State.BOOTING, 45 + 61 * 0.4),
        (Kind.STOP, State.ASLEEP, 3.0),
    ],
)
def test_moves_last_as_the_file_says(kind, state, seconds):
    """Fixed seconds, and some for each GiB of weights."""
    assert seconds == pytest.approx(PAIR.lasts("large", kind, state))


def test_the_core_is_told_the_same():
    """What the policy reckons with is what a move takes."""
    profile = PAIR.profiles["large"]

    assert profile.sleep_s == PAIR.lasts("large", Kind.SLEEP, State.DRAINING)
    assert profile.boot_s == PAIR.lasts("large", Kind.BOOT, State.BOOTING)
    assert profile.wake_s == PAIR.lasts("large", Kind.WAKE, State.ASLEEP)
