"""What the NVIDIA driver says, and what is said where it says little: against a stand-in for its library.

The stand-in (nvml_stub.c) is loaded in processes of their own, so that no engine ever meets it.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpu_cascade.vram.gpu.reading import GIB, Device, Process

STUB = Path(__file__).with_name("nvml_stub.c")
NOT_SUPPORTED, NO_PERMISSION, NO_DRIVER, NO_FUNCTION, LOST, RESET, MISMATCH = 3, 4, 9, 13, 15, 16, 18
# A process that sees the stand-in: each line gives it an environment and an expression.
ASKED = """
import dataclasses, json, os, sys
from gpu_cascade.errors import GpuError
from gpu_cascade.vram.gpu.nvml import NvmlProbe, list_gpus

def readings(trouble):
    "How many devices a probe finds: twice, None in trouble, and then again."
    probe, found = NvmlProbe(None), []
    for os.environ["STUB_FAIL"] in ("", "", trouble, ""):
        try:
            found.append(len(probe.devices()))
        except GpuError:
            found.append(None)
    probe.close()
    probe.close()
    return found

clean = dict(os.environ)
for line in sys.stdin:
    changes, expression = json.loads(line)
    os.environ.clear()
    os.environ.update(clean | changes)
    try:
        answer = eval(expression)
    except GpuError as error:
        answer = error.message
    print(json.dumps(answer, default=dataclasses.asdict), flush=True)
"""


@contextmanager
def asked(library):
    """A process that answers; it finds the library in that folder."""
    env = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    env |= {"LD_LIBRARY_PATH": str(library), "PYTHONPATH": str(STUB.parents[3])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", ASKED], env=env, **pipes) as process:

        def ask(expression="list_gpus()", **environment):
            print(json.dumps([environment, expression]), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A process with the stand-in for NVIDIA's library."""
    folder = tmp_path_factory.mktemp("nvml")
    flags = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["cc", *flags, "-o", folder / "libnvidia-ml.so.1", STUB], check=True)
    with asked(folder) as ask:
        yield ask


@pytest.fixture
def log(tmp_path):
    """What the library did."""
    return tmp_path / "log"


@pytest.fixture
def ask(stand_in, log):
    """Ask under such an environment."""

    def asking(expression="list_gpus()", **environment):
        return stand_in(expression, STUB_LOG=str(log), **environment)

    return asking


def devices(answer):
    """The devices that were printed."""

    def running(one):
        return None if one["processes"] is None else tuple(Process(**process) for process in one["processes"])

    return [Device(**(one | {"processes": running(one)})) for one in answer]


def test_every_gpu_with_all_that_it_tells(ask, log):
    """Names, bytes, watts, joules, shares of one; the driver is let go again."""
    answer = ask(STUB_PROCESSES=f"70:{GIB} 80:-")

    told = {
        "utilisation": 0.37,
        "power_w": 312.5,
        "energy_j": 5000000.5,
        "temperature_c": 61,
        "ecc_errors": 2,
    }
    running = (Process(70, GIB), Process(80, None))
    first = Device("GPU-0000", 0, "Card 0", 80 * GIB, 80 * GIB - GIB // 2, running, **told)
    second = Device("GPU-1000", 1, "Card 1", 80 * GIB, 79 * GIB, (), **told)
    assert [first, second] == devices(answer)
    assert ["init", "shutdown"] == log.read_text().split()


def test_what_a_gpu_does_not_tell_is_unknown(ask):
    """Not supported, not permitted, or newer than the driver: None, and the rest is there."""
    silent = f"""
        nvmlDeviceGetUtilizationRates={NOT_SUPPORTED} nvmlDeviceGetPowerUsage={NOT_SUPPORTED}
        nvmlDeviceGetTotalEnergyConsumption={NO_FUNCTION} nvmlDeviceGetTotalEccErrors={NO_PERMISSION}
        nvmlDeviceGetTemperatureV={NO_FUNCTION} nvmlDeviceGetTemperature={NOT_SUPPORTED}
        nvmlDeviceGetComputeRunningProcesses_v3={NO_FUNCTION}
    """
    answer = ask(STUB_FAIL=" ".join(silent.split()))

    first, _ = devices(answer)
    assert Device("GPU-0000", 0, "Card 0", 80 * GIB, 80 * GIB - GIB // 2) == first


def test_an_older_driver_has_the_older_call(ask):
    """The temperature comes from whichever call is there."""
    answer = ask(STUB_FAIL=f"nvmlDeviceGetTemperatureV={NO_FUNCTION}")

    assert [60.0, 60.0] == [device.temperature_c for device in devices(answer)]


def test_a_process_that_computes_and_draws_counts_once(ask):
    """It stands in both of NVML's lists with all that it holds."""
    answer = ask(STUB_PROCESSES="70:500", STUB_DRAWS="70:500 60:20")

    assert (Process(60, 20), Process(70, 500)) == devices(answer)[0].processes


def test_a_gpu_in_mig_mode_is_its_instances(ask):
    """Each is a device with its own uuid and bytes and names its GPU, which is no device itself."""
    answer = ask(STUB_MIG="on")

    seen = [
        (one.index, one.uuid, one.parent, one.name, one.total_bytes, one.utilisation)
        for one in devices(answer)
    ]
    assert [
        (0, "MIG-0000", "GPU-0000", "Card 0 MIG 3g.40gb", 40 * GIB, None),
        (0, "MIG-2000", "GPU-0000", "Card 0 MIG 3g.40gb", 40 * GIB, None),
        (1, "GPU-1000", None, "Card 1", 80 * GIB, 0.37),
    ] == seen


def test_mig_mode_without_an_instance_is_a_sentence(ask):
    """Whoever could use the GPU is told how to slice it, and how not to; others are not bothered."""
    message = ask(STUB_MIG="empty")
    others = ask(STUB_MIG="empty", CUDA_VISIBLE_DEVICES="1")

    assert "GPU 0 (GPU-0000) is in MIG mode and has no instance" in message
    assert "-mig 0" in message
    assert ["GPU-1000"] == [one.uuid for one in devices(others)]


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        ("nvmlDeviceGetMemoryInfo", LOST, "GPU 1 (GPU-1000) answers 'GPU is lost': reboot the machine"),
        ("nvmlDeviceGetPowerUsage", LOST, "GPU 1 (GPU-1000) answers 'GPU is lost': reboot the machine"),
        ("nvmlDeviceGetHandleByIndex_v2", LOST, "GPU 1 (UUID unknown) answers 'GPU is lost': reboot"),
        ("nvmlDeviceGetMemoryInfo", RESET, "`nvidia-smi --gpu-reset -i 1`"),
        ("nvmlDeviceGetMemoryInfo", NOT_SUPPORTED, "GPU 1 (GPU-1000) answers 'Not Supported': a GPU without"),
        ("nvmlDeviceGetMemoryInfo", 77, "answers 'a fault of a new kind': see whether nvidia-smi works"),
    ],
)
def test_a_gpu_that_fails_is_named_with_a_cure(ask, log, call, code, words):
    """Also where the figure that was asked for could have been done without. NVML is let go."""
    message = ask(STUB_FAIL=f"{call}={code}@1")

    assert words in message
    assert ["init", "shutdown"] == log.read_text().split()


def test_a_lost_gpu_that_is_left_out_disturbs_nobody(ask):
    """CUDA_VISIBLE_DEVICES without it is the way on until the next boot."""
    answer = ask(STUB_FAIL=f"nvmlDeviceGetHandleByIndex_v2={LOST}@0", CUDA_VISIBLE_DEVICES="GPU-1")

    assert ["GPU-1000"] == [one.uuid for one in devices(answer)]


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        ("nvmlInitWithFlags", MISMATCH, "the driver was updated while in use: reboot"),
        ("nvmlInitWithFlags", NO_PERMISSION, "access to /dev/nvidia"),
        ("nvmlDeviceGetCount_v2", 999, "the NVIDIA driver answers 'Unknown Error': see whether nvidia-smi"),
    ],
)
def test_a_driver_that_fails_is_a_sentence(ask, call, code, words):
    """What it said, and what to do."""
    message = ask(STUB_FAIL=f"{call}={code}")

    assert words in message


def test_no_driver_is_no_error(ask, tmp_path):
    """Neither without the library nor without the kernel's half: there is nothing to ask."""
    (tmp_path / "libnvidia-ml.so.1").touch()  # hides a real one: the loader gives up at it
    without = f"nvmlInitWithFlags={NO_DRIVER}"

    with asked(tmp_path) as bare:
        assert bare() is None
    assert ask(STUB_FAIL=without) is None
    assert [] == ask("NvmlProbe(None).devices()", STUB_FAIL=without)


def test_a_probe_opens_once_and_anew_after_an_error(ask, log):
    """Readings share one opening; an error closes it, and the next reading may find the driver well again."""
    assert [2, 2, None, 2] == ask(f"readings('nvmlDeviceGetMemoryInfo={LOST}')")
    assert ["init", "shutdown"] * 2 == log.read_text().split()


@pytest.mark.parametrize(
    ("value", "uuids"), [("", []), ("1,0", ["GPU-1000", "GPU-0000"]), ("GPU-1,7", ["GPU-1000"])]
)
def test_cuda_visible_devices_holds(ask, value, uuids):
    """Only what it names, in its order."""
    answer = ask(CUDA_VISIBLE_DEVICES=value)

    assert uuids == [one.uuid for one in devices(answer)]
