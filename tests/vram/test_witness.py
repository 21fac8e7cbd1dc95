"""Memory is back when it is seen to be back."""

import pytest

from gpu_cascade.errors import EngineError, GpuError
from gpu_cascade.vram import witness as module
from gpu_cascade.vram.gpu.reading import GIB, Device, Process
from gpu_cascade.vram.gpu.scripted import ScriptedProbe
from gpu_cascade.vram.witness import Witness

OURS, OTHER, FOREIGN = 11, 22, 99


class Clock:
    """Goes on a second with every look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.fixture
def probe():
    made = ScriptedProbe(Device("gpu0", 0, "H200", 100 * GIB, 100 * GIB, ()))
    made.hold("gpu0", OURS, 60 * GIB)
    return made


@pytest.fixture
def witness(probe, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0)
    return Witness(probe, lambda: {"large": [OURS], "small": [OTHER]}, Clock())


async def test_what_came_back_is_seen(witness, probe):
    """And what stays is told: a residue is what it is, not what was thought."""
    before = await witness.look("large")
    probe.hold("gpu0", OURS, 3 * GIB)

    assert 3 * GIB == await witness.back("large", before, {"gpu0": 58 * GIB})


async def test_memory_that_comes_late_is_waited_for(probe, monkeypatch):
    """A driver frees what a killed process held some time after its end."""
    looks = []

    class Late(ScriptedProbe):
        def devices(self):
            looks.append(1)
            if len(looks) == 4:
                probe.hold("gpu0", OURS, 0)
            return probe.devices()

    monkeypatch.setattr(module, "LOOK_S", 0)
    witness = Witness(Late(), lambda: {"large": [OURS]}, Clock())
    before = await witness.look("large")

    assert 0 == await witness.back("large", before, {"gpu0": 60 * GIB})
    assert 4 == len(looks)


async def test_a_lie_is_told_with_numbers(witness):
    """Nothing came back, whatever was answered."""
    before = await witness.look("large")

    with pytest.raises(EngineError, match=r"after 10 s 0\.0 of 58\.0 GiB are back on GPU 0 \(H200\)"):
        await witness.back("large", before, {"gpu0": 58 * GIB})


async def test_hidden_processes_are_judged_by_the_device(witness, probe):
    """In a container the driver names pids that are not ours: the change of the whole device counts."""
    probe.change("gpu0", processes=(Process(4711, 60 * GIB),))
    before = await witness.look("large")
    probe.change("gpu0", processes=(Process(4711, 2 * GIB),), free_bytes=98 * GIB)

    assert await witness.back("large", before, {"gpu0": 58 * GIB}) is None
    with pytest.raises(EngineError):
        await witness.back("large", await witness.look("large"), {"gpu0": 2 * GIB})


async def test_room_is_waited_for_and_strangers_are_named(witness, probe):
    """Our own engines are in our books; what else is there has to go."""
    await witness.room("large", {"gpu0": 40 * GIB})
    probe.hold("gpu0", FOREIGN, 20 * GIB)
    probe.hold("gpu0", OTHER, 10 * GIB)

    with pytest.raises(GpuError, match=r"has 10\.0 GiB free, 40\.0 are needed; end .* \(processes 99\)"):
        await witness.room("large", {"gpu0": 40 * GIB})


async def test_a_device_that_is_gone_is_said(witness):
    """A GPU that fell off the bus is no device with no memory."""
    with pytest.raises(GpuError, match="device gpu7 is gone"):
        await witness.room("large", {"gpu7": 1})
