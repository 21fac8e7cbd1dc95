"""What a calibration is held against: the machine as it is now."""

import pytest

from gpu_cascade.config import load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.staging import machine as staged_on
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.gpu.reading import Device
from gpu_cascade.wiring import calibrated

from ..tiny import write_tiny

YAML = """
engines:
  small: {model: ./tiny, max_model_len: 100}
  large: {model: ./tiny, max_model_len: 100, quantization: fp8}
cascades:
  cascade: {tiers: [small, large], threshold: -0.9}
"""


def gpu(index, name):
    return Device(f"GPU-{index}", index, name, 140 * GIB, 139 * GIB, ())


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["NVIDIA H200"], "NVIDIA H200"),
        (["NVIDIA H200", "NVIDIA H200"], "NVIDIA H200"),
        (["NVIDIA L40S", "NVIDIA H200"], "NVIDIA H200 and NVIDIA L40S"),
    ],
)
def test_every_kind_of_gpu_counts(tmp_path, monkeypatch, names, kind):
    """Of unlike GPUs a tier may run on any, and each rounds in its own way; how many there are is free."""
    monkeypatch.setattr(calibrated, "installed", lambda: Build("0.33.0", cpu=False))
    monkeypatch.setattr(staged_on, "list_gpus", lambda: [gpu(i, name) for i, name in enumerate(names)])
    write_tiny(tmp_path / "tiny")
    (tmp_path / "models.yaml").write_text(YAML)

    bound = calibrated.bound_now("cascade", load(tmp_path / "models.yaml"))

    assert (kind, "0.33") == (bound["device"], bound["vllm"])
