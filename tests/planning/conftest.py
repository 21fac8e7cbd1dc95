"""Configurations and machines to plan for."""

import json

import pytest

from gpu_cascade import launch
from gpu_cascade.config import load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ModelError
from gpu_cascade.planning import machine
from gpu_cascade.staging import machine as staged_on
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.gpu.scripted import ScriptedProbe

from ..vram.footprint.files import write_tensors

YAML = """
engines:
  small: {model: Qwen/Qwen2.5-1.5B-Instruct, max_model_len: 8192%s}
  large: {model: Qwen/Qwen2.5-32B-Instruct, max_model_len: 8192}
  spare: {model: Qwen/Qwen2.5-7B-Instruct, max_model_len: 8192}
  elsewhere: {url: "http://127.0.0.1:9/v1", name: theirs}
cascades:
  cascade: {tiers: [small, large, elsewhere], threshold: -0.9}
vram: {%s}
"""


@pytest.fixture(autouse=True)
def _nothing_fetched(monkeypatch):
    """No model of the hub is on this machine."""

    def missing(config, model):
        if model.startswith("./"):
            return config.base / model
        raise ModelError(f"{model} is not on this machine: gpu-cascade models pull {model}")

    monkeypatch.setattr(launch, "find_model", missing)


@pytest.fixture
def config(tmp_path):
    """A models.yaml with three engines here and one elsewhere."""

    def make(more="", vram="", swap=("", "")):
        (tmp_path / "models.yaml").write_text((YAML % (more, vram)).replace(*swap))
        return load(tmp_path / "models.yaml")

    return make


@pytest.fixture
def tiny(tmp_path):
    """A model that is here: ./tiny."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    shape = {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    (folder / "config.json").write_text(json.dumps(shape))
    write_tensors(folder / "model.safetensors", {"model.embed_tokens.weight": ("BF16", (1000, 64))})
    return ("Qwen/Qwen2.5-1.5B-Instruct", "./tiny")


@pytest.fixture
def this(monkeypatch):
    """Set what this machine is."""

    def make(*gpus, ram=(256 * GIB, 200 * GIB), cpu=False):
        monkeypatch.setattr(machine, "installed", lambda: Build("0.32.0", cpu=cpu))
        monkeypatch.setattr(staged_on, "list_gpus", lambda: list(gpus))
        monkeypatch.setattr(staged_on, "machine_bytes", lambda: ram)
        monkeypatch.setattr(staged_on, "NvmlProbe", lambda visible: ScriptedProbe(*gpus))

    return make
