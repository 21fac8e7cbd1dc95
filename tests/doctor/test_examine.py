"""What the doctor says of a machine and a configuration."""

import errno
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_cascade.doctor import State, examine, exit_code
from gpu_cascade.doctor.probes import Memory
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError, GpuError, ModelError
from gpu_cascade.vram.gpu.reading import GIB

from .machines import H200, NOTHING, ON_CPU, PAIR, cpu_machine, gpu_machine, one, raising

REMOTE = """\
engines:
  small: {url: 'http://one.example/v1', name: s}
  large: {url: 'http://two.example/v1', name: l}
cascades: {c: {tiers: [small, large], threshold: -0.9}}
"""


def test_a_machine_that_is_well(pair):
    """With a GPU and all pieces in place nothing is to be done."""
    findings = examine(pair, gpu_machine())

    assert [(f.check, f.detail, f.cure) for f in findings if f.state is not State.OK] == []
    assert [f.check for f in findings] == [
        "python",
        "torch",
        "vllm",
        "gpu 0",
        "memory",
        "disk (models)",
        "disk (state)",
        "sockets",
        "port",
        "config",
        "model small",
        "model large",
    ]
    assert exit_code(findings) == 0


def test_no_driver_is_a_warning(pair):
    """CPU engines work: the exit code stays 0."""
    findings = examine(pair, cpu_machine())

    assert [f.check for f in findings if f.state is not State.OK] == ["gpu"]
    assert one(findings, "gpu").detail == "no NVIDIA driver: CPU engines"
    assert exit_code(findings) == 0


# What is spoilt, the finding about it, and a part of its detail and of its cure.
SPOILT = {
    "old python": (cpu_machine(python=(3, 10, 4)), "python", State.FAIL, "3.10.4 is too old", "Python 3.11"),
    "new python": (cpu_machine(python=(3, 14, 0)), "python", State.WARN, "newer than what is tested", "3.13"),
    "no torch": (cpu_machine(version=NOTHING.get), "torch", State.FAIL, "not installed", "gpu-cascade[cpu]"),
    "torchvision": (
        cpu_machine(version=(ON_CPU | {"torchvision": "0.28.0", "torchaudio": "2.11.0"}).get),
        "torch",
        State.FAIL,
        "torchvision torchaudio of another build",
        "pip uninstall torchvision torchaudio",
    ),
    "no vllm": (
        cpu_machine(vllm=raising(ConfigError("vLLM is not installed here"))),
        "vllm",
        State.FAIL,
        "vLLM is not installed here",
        "scripts/setup",
    ),
    "both": (
        cpu_machine(version=(ON_CPU | {"vllm": "0.33.0"}).get),
        "vllm",
        State.WARN,
        "overwrite each other",
        "pip uninstall",
    ),
    "new vllm": (
        cpu_machine(vllm=lambda: Build("0.99.1", cpu=True)),
        "vllm",
        State.WARN,
        "0.99.1, built for the CPU, newer than what is tested",
        "use 0.33",
    ),
    "vllm without its GPU": (
        gpu_machine(gpus=lambda: None),
        "vllm",
        State.FAIL,
        "no GPU is found",
        "DEVICE=cpu",
    ),
    "a GPU left unused": (
        cpu_machine(gpus=lambda: [H200]),
        "vllm",
        State.WARN,
        "1 GPU stay unused",
        "DEVICE=cuda",
    ),
    "a sick driver": (
        gpu_machine(gpus=raising(GpuError("mismatch"))),
        "gpu",
        State.FAIL,
        "mismatch",
        "driver",
    ),
    "an empty machine": (cpu_machine(gpus=list), "gpu", State.WARN, "a driver, but no GPU", "a GPU"),
    "a full GPU": (
        gpu_machine(gpus=lambda: [replace(H200, free_bytes=3 * GIB)]),
        "gpu 0",
        State.WARN,
        "NVIDIA H200: 3.0 of 140.4 GiB free",
        "nvidia-smi",
    ),
    "little memory": (
        cpu_machine(memory=lambda: Memory(8.0, 4.0)),
        "memory",
        State.WARN,
        "4.0 of 8.0 GiB",
        "smaller",
    ),
    "no memory": (
        cpu_machine(memory=lambda: Memory(8.0, 1.0)),
        "memory",
        State.FAIL,
        "1.0 of 8.0 GiB",
        "close",
    ),
    "little disk": (
        cpu_machine(free_gib=lambda _: 5.0),
        "disk (models)",
        State.WARN,
        "5.0 GiB free at /cache",
        "disk",
    ),
    "no disk": (
        cpu_machine(free_gib=lambda _: 0.05),
        "disk (state)",
        State.FAIL,
        "0.1 GiB free at",
        "free some",
    ),
    "not ours": (
        cpu_machine(free_gib=raising(PermissionError(errno.EACCES, "Permission denied"))),
        "disk (state)",
        State.FAIL,
        "Permission denied",
        "writable",
    ),
    "no sockets": (
        cpu_machine(bind_unix=raising(PermissionError(errno.EACCES, "Permission denied"))),
        "sockets",
        State.FAIL,
        "Permission denied",
        "TMPDIR",
    ),
    "no folder for them": (
        cpu_machine(socket_folder=raising(FileNotFoundError(errno.ENOENT, "No such file", "/gone"))),
        "sockets",
        State.FAIL,
        "/gone: No such file",
        "TMPDIR",
    ),
    "a long path": (
        cpu_machine(socket_folder=lambda: nullcontext(Path("/" + "t" * 96))),
        "sockets",
        State.FAIL,
        "has 108 bytes, 107 are allowed",
        "TMPDIR",
    ),
    "a port taken": (
        cpu_machine(bind_tcp=raising(OSError(errno.EADDRINUSE, "Address already in use"))),
        "port",
        State.FAIL,
        "127.0.0.1:8000: Address already in use",
        "gateway.port",
    ),
    "no model": (
        cpu_machine(find_model=raising(ModelError("org/small is not on this machine"))),
        "model small",
        State.FAIL,
        "org/small is not on this machine",
        "pull it, or correct engines.small.model",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_each_trouble_has_its_line_and_its_cure(pair, case):
    """One thing that is wrong is told at its place, and a failure makes the exit code 1."""
    probes, check, state, detail, cure = SPOILT[case]
    findings = examine(pair, probes)
    found = one(findings, check)

    assert found.state is state
    assert detail in found.detail
    assert cure in found.cure
    assert (state is State.FAIL) <= exit_code(findings)


def test_paths_that_just_fit(pair):
    """107 bytes are what a Unix socket's path may have; the longest engine's name counts."""
    folder = Path("/" + "t" * (107 - 1 - len("/small.sock")))
    findings = examine(pair, cpu_machine(socket_folder=lambda: nullcontext(folder)))

    assert one(findings, "sockets").state is State.OK


def test_our_own_gateway_on_the_port_is_fine(pair):
    """The doctor may be asked while `serve` runs."""
    taken = raising(OSError(errno.EADDRINUSE, "Address already in use"))
    findings = examine(pair, cpu_machine(bind_tcp=taken, is_gateway=lambda *_: True))

    assert one(findings, "port").state is State.OK
    assert "gpu-cascade is serving there" in one(findings, "port").detail


def test_a_broken_file_is_told_and_the_machine_still_looked_at(tmp_path):
    """The error of the configuration stands in the report, whole."""
    path = tmp_path / "models.yaml"
    path.write_text(PAIR.replace("small,", "smal,"))
    findings = examine(path, cpu_machine())

    assert one(findings, "config").state is State.FAIL
    assert "did you mean small?" in one(findings, "config").detail
    assert one(findings, "memory").state is State.OK
    assert exit_code(findings) == 1


def test_no_file_is_a_warning(tmp_path, monkeypatch):
    """`serve --small ID --large ID` works without one; state then lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPU_CASCADE_STATE", raising=False)
    findings = examine(None, cpu_machine())

    assert one(findings, "config").state is State.WARN
    assert "--small ID --large ID" in one(findings, "config").cure
    assert str(tmp_path / "state") in one(findings, "disk (state)").detail


def test_engines_elsewhere_need_no_vllm_here(tmp_path):
    """Where every engine is at a url, neither torch nor vLLM nor weights are asked for."""
    path = tmp_path / "models.yaml"
    path.write_text(REMOTE)
    findings = examine(path, cpu_machine(version=NOTHING.get, vllm=raising(ConfigError("none"))))

    assert not {"torch", "vllm", "model small", "model large"} & {f.check for f in findings}
    assert exit_code(findings) == 0


def test_an_address_of_another_machine_is_not_ours(pair):
    """A gateway may answer at an address that this machine cannot listen on."""
    elsewhere = raising(OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"))
    findings = examine(pair, cpu_machine(bind_tcp=elsewhere, is_gateway=lambda *_: True))

    assert one(findings, "port").state is State.FAIL


def test_the_port_of_the_file_is_the_one_that_is_tried(pair):
    """What is looked at is what `serve` would use."""
    pair.write_text(PAIR + "gateway: {host: 0.0.0.0, port: 9}\n")
    tried = []
    examine(pair, cpu_machine(bind_tcp=lambda *address: tried.append(address)))

    assert tried == [("0.0.0.0", 9)]
