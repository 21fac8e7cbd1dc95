"""Devices that a test sets."""

import pytest

from gpu_cascade.errors import GpuError
from gpu_cascade.vram.gpu.reading import GIB, Device, Process
from gpu_cascade.vram.gpu.scripted import ScriptedProbe


def test_devices_are_what_was_set():
    """A change shows in the next reading, and only in the device that it names."""
    probe = ScriptedProbe(Device("a", 0, "A", GIB, GIB), Device("b", 1, "B", GIB, GIB))

    probe.change("b", temperature_c=90.0)

    assert [None, 90.0] == [device.temperature_c for device in probe.devices()]


def test_processes_take_and_give_back():
    """Free follows what they hold; 0 ends one."""
    probe = ScriptedProbe(Device("a", 0, "A", 10 * GIB, 9 * GIB))

    probe.hold("a", 7, 4 * GIB)
    probe.hold("a", 8, GIB)
    probe.hold("a", 7, 2 * GIB)
    (device,) = probe.devices()
    assert (6 * GIB, {Process(7, 2 * GIB), Process(8, GIB)}) == (device.free_bytes, set(device.processes))

    probe.hold("a", 7, 0)
    probe.hold("a", 8, 0)
    (device,) = probe.devices()
    assert (9 * GIB, ()) == (device.free_bytes, device.processes)


def test_a_driver_that_does_not_answer():
    """The error is raised until it is taken away."""
    probe = ScriptedProbe()
    probe.error = GpuError("lost")

    with pytest.raises(GpuError, match="lost"):
        probe.devices()
    probe.error = None
    assert [] == probe.devices()
