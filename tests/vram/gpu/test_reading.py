"""Whose the bytes on a device are."""

from dataclasses import replace

import pytest

from gpu_cascade.vram.gpu.reading import (
    GIB,
    HOST,
    NOTICEABLE_BYTES,
    Device,
    Process,
    held_bytes,
    hidden,
    taken_bytes,
)

OURS = {70, 71}
IDLE = Device("GPU-0", 0, "Card", 80 * GIB, 79 * GIB, (Process(9, GIB // 2),))


def after(gib, *processes):
    """`IDLE` with so many GiB taken, and these processes beside the one that was there."""
    return replace(IDLE, free_bytes=IDLE.free_bytes - gib * GIB, processes=(*IDLE.processes, *processes))


def test_bytes_of_a_set_of_processes():
    """Others do not count, what is not listed holds nothing, and one unknown makes the sum unknown."""
    assert 3 * GIB == held_bytes(after(3, Process(70, GIB), Process(71, 2 * GIB)), OURS)
    assert 0 == held_bytes(IDLE, OURS)
    assert held_bytes(after(3, Process(70, GIB), Process(71, None)), OURS) is None
    assert GIB == held_bytes(after(3, Process(70, GIB), Process(8, None)), OURS)
    assert held_bytes(replace(IDLE, processes=None), OURS) is None


def test_listed_processes_are_believed():
    """What ours took is theirs, though another process moved at the same time; an end gives it back."""
    up = after(10, Process(70, 4 * GIB))

    assert (None, 4 * GIB) == (hidden(IDLE, up, OURS), taken_bytes(IDLE, up, OURS))
    assert (None, -4 * GIB) == (hidden(up, IDLE, OURS), taken_bytes(up, IDLE, OURS))


@pytest.mark.parametrize(
    "up",
    [
        after(4),
        after(4, Process(31337, 4 * GIB)),
        after(4, Process(70, None)),
        replace(after(4), processes=None),
    ],
    ids=["none listed", "the host's pids", "bytes withheld", "no list"],
)
def test_a_container_that_hides_them(up):
    """A sentence with the cure; the change of the whole device is taken for theirs, in both directions."""
    assert "--pid=host" in hidden(IDLE, up, OURS)
    assert 4 * GIB == taken_bytes(IDLE, up, OURS)
    assert -4 * GIB == taken_bytes(up, IDLE, OURS)


def test_the_sentence_has_numbers():
    """Which device, how much, how many of ours."""
    sentence = hidden(IDLE, after(4), OURS)

    assert sentence.startswith("GPU 0 (Card) changed by 4.0 GiB and lists none of our 2 processes: ")


def test_noise_is_no_sign_of_hidden_processes():
    """A change that no engine makes alone accuses nobody, and is not ours."""
    stir = replace(IDLE, free_bytes=IDLE.free_bytes - NOTICEABLE_BYTES + 1)

    assert (None, 0) == (hidden(IDLE, stir, OURS), taken_bytes(IDLE, stir, OURS))


def test_labels():
    """A GPU by nvidia-smi's number, a MIG instance by its UUID too, a budget of RAM by its name."""
    slice_ = Device("MIG-1", 2, "Card MIG 3g", GIB, GIB, parent="GPU-2")

    assert "GPU 0 (Card)" == IDLE.label
    assert "GPU 2 (Card MIG 3g, MIG-1)" == slice_.label
    assert "host memory" == Device(HOST, 0, "host memory", GIB, GIB).label


def test_used_is_all_that_is_not_free():
    """The driver's own share too, which no process holds."""
    assert GIB == IDLE.used_bytes
