"""GPUs by name."""

import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.gpu.reading import HOST, Device
from gpu_cascade.vram.plan.rooms import KNOWN_MIB, Room, named_rooms, reserve, room_of


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1xH200", ["H200"]),
        ("8xH100", ["H100"] * 8),
        ("h100", ["H100"]),
        ("1xH200+2xL4", ["H200", "L4", "L4"]),
        ("2 x NVIDIA GeForce RTX 4090", ["RTX4090"] * 2),
        ("A100 80GB", ["A100-80GB"]),
        ("A100", ["A100-40GB"]),
        ("2x24GiB", ["24GiB"] * 2),
        ("3×L40S", ["L40S"] * 3),
    ],
)
def test_gpus_are_named_as_people_write_them(text, names):
    """Counts may be left out; capitals, blanks and the maker do not matter."""
    assert names == [room.name for room in named_rooms(text)]


def test_a_size_is_what_it_says():
    """GiB are binary, GB decimal."""
    assert [24 * GIB, 24 * 10**9] == [room.total_bytes for room in named_rooms("24GiB+24GB")]


def test_a_known_gpu_has_what_its_driver_reports():
    """nvidia-smi shows 143771 MiB for an H200."""
    assert 143771 * 2**20 == named_rooms("H200")[0].total_bytes


@pytest.mark.parametrize("text", ["1xH300", "", "x", "0xH100", "2x", "-1xH100", "H100+", "24", "2xfoo"])
def test_what_is_not_known_is_refused_with_what_is(text):
    """A sentence that lists the GPUs, or says how to write them."""
    with pytest.raises(ConfigError, match=r"RTX4090|2xH100"):
        named_rooms(text)


def test_a_slip_is_met_with_what_was_meant():
    """The nearest name."""
    with pytest.raises(ConfigError, match="did you mean RTX4090"):
        named_rooms("2xRTX4900")


@pytest.mark.parametrize(("text", "maker"), [("MI300X", "AMD"), ("8xAMD MI300X", "AMD"), ("Gaudi3", "Intel")])
def test_others_than_nvidias_are_refused_by_name(text, maker):
    """Nothing here runs on them."""
    with pytest.raises(ConfigError, match=rf"{maker}.*NVIDIA"):
        named_rooms(text)


def test_a_machine_has_an_end():
    """More than 64 GPUs are a slip of the finger."""
    with pytest.raises(ConfigError, match="65 GPUs; at most 64"):
        named_rooms("65xL4")


def test_a_gpu_of_which_nothing_is_left_is_refused():
    """A GiB stays free everywhere."""
    with pytest.raises(ConfigError, match="no room"):
        named_rooms("1GiB")


def test_every_known_gpu_keeps_more_than_its_driver_takes():
    """At least 1 GiB, and 2 % of large ones: CUDA's total lies 0.3 to 0.6 GiB below NVML's."""
    assert GIB == reserve(24 * GIB)
    assert 2.8 * GIB == pytest.approx(reserve(140 * GIB))
    assert all(reserve(mib * 2**20) >= GIB for mib in KNOWN_MIB.values())


def test_what_others_hold_is_not_for_us():
    """A GPU of 80 GiB of which somebody uses 30: less what stays free everywhere."""
    room = room_of(Device("GPU-1", 3, "NVIDIA H100 80GB HBM3", 80 * GIB, 50 * GIB))

    assert 48.4 * GIB == pytest.approx(room.free_bytes)
    assert "GPU 3 (NVIDIA H100 80GB HBM3)" == room.label
    assert not room.sliced


def test_a_mig_instance_is_known_by_the_gpu_it_is_a_slice_of():
    """It stays alone; RAM in place of a GPU has no number."""
    assert room_of(Device("MIG-1", 0, "MIG 3g.40gb", 40 * GIB, 40 * GIB, parent="GPU-1")).sliced
    assert "host memory" == room_of(Device(HOST, 0, "host memory", 16 * GIB, 16 * GIB)).label


def test_named_gpus_are_numbered():
    """As nvidia-smi would."""
    assert [0, 1, 2] == [room.index for room in named_rooms("1xH200+2xL4")]


def test_a_room_that_others_have_filled_has_nothing_to_give():
    """Never less than nothing."""
    assert 0 == Room("full", GIB, 2 * GIB).free_bytes
