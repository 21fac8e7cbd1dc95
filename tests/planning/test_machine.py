"""What there is to plan for: this machine, or GPUs by name."""

import os

import pytest

from gpu_cascade import running
from gpu_cascade.errors import ConfigError
from gpu_cascade.planning.machine import here, named
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.gpu.reading import Process

from .made import gpu


def test_this_machines_gpus_less_what_others_hold(config, this):
    """What is there is planned for, as it is now."""
    this(gpu(free_gib=50), gpu(index=1))

    found = here(config())

    assert [48.4, 78.4] == [pytest.approx(room.free_bytes / GIB) for room in found.rooms]
    assert 64 * GIB == here(config(), "64GiB").host_ram_bytes


@pytest.mark.parametrize(("vram", "free_gib"), [("", 68.4), ("budget_gib: 30", 30)])
def test_what_our_own_serve_holds_counts_as_free(config, this, vram, free_gib):
    """A plan made while engines run is for after them, within the budget."""
    this(gpu(free_gib=20, processes=(Process(os.getpid(), 50 * GIB), Process(1, 10 * GIB))))
    made = config(vram=vram)

    with running.hold(made.state_dir):
        [room] = here(made).rooms

    assert free_gib == pytest.approx(room.free_bytes / GIB)


def test_a_driver_that_hides_processes_is_believed(config, this):
    """Where nobody says what ours hold, what is free is what is free."""
    this(gpu(free_gib=50, processes=None))
    made = config()

    with running.hold(made.state_dir):
        [room] = here(made).rooms

    assert 48.4 == pytest.approx(room.free_bytes / GIB)


def test_a_budget_holds_for_named_gpus_too(config):
    """What engines may take of each."""
    assert [30 * GIB] == [room.free_bytes for room in named(config(vram="budget_gib: 30"), "1xH100").rooms]


def test_a_shared_kv_cache_has_no_split_to_plan(config):
    """`kvcached` decides while engines run."""
    with pytest.raises(ConfigError, match="no split to plan"):
        named(config(vram="mode: kvcached"), "1xH100")
