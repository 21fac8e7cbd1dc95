"""From an engine's section to its command line: where the model lies, how many bytes, what does not fit."""

import json
from pathlib import Path

import pytest

from gpu_cascade import launch
from gpu_cascade.config import load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError, ModelError
from gpu_cascade.launch import Device, fake_engines, find_model, vllm_engines
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.gpu import Gpu

SHAPE = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 64}
YAML = """
engines:
  small: {model: ./tiny, max_model_len: 100, kv: {min_tokens: 200}%s}
  elsewhere: {url: "http://127.0.0.1:9/v1", name: theirs}
cascades:
  cascade: {tiers: [small, elsewhere], threshold: -0.9}
"""


@pytest.fixture
def config(tmp_path):
    """A models.yaml beside a folder that looks like a model."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**SHAPE, "dtype": "bfloat16"}))
    (folder / "model.safetensors").write_bytes(bytes(1000))

    def make(more=""):
        (tmp_path / "models.yaml").write_text(YAML % more)
        return load(tmp_path / "models.yaml")

    return make


def options(process):
    """The command line as pairs."""
    argv = process._command.argv
    return {word: argv[place + 1] for place, word in enumerate(argv[:-1]) if word.startswith("--")}


def test_the_command_carries_the_engines_share(config, tmp_path, monkeypatch):
    """KV bytes in whole blocks with the null block, a truthful share, our socket; nothing for a url."""
    monkeypatch.setattr(launch, "installed", lambda: Build("0.32.0", cpu=True))
    monkeypatch.setattr(launch, "device", lambda build, count: Device("memory", 10 * GIB))

    [small] = vllm_engines(config(), tmp_path)

    per_token = 2 * 2 * 2 * 16 * 2  # K and V, layers, KV heads, head size, bytes
    given = options(small)
    assert str((2 + 1) * 128 * per_token) == given["--kv-cache-memory-bytes"]
    assert "0.11" == given["--gpu-memory-utilization"]
    assert (str(tmp_path / "small.sock"), "small") == (given["--uds"], given["--served-model-name"])
    assert str(tmp_path / "tiny") == given["--model"]


def test_what_does_not_fit_is_said_before_anything_starts(config, tmp_path, monkeypatch):
    """GiB by part, and what to lower."""
    monkeypatch.setattr(launch, "installed", lambda: Build("0.32.0", cpu=True))
    monkeypatch.setattr(launch, "device", lambda build, count: Device("GPU 0", GIB // 2))

    with pytest.raises(ConfigError, match=r"small needs 1\.0 GiB .* GPU 0 has 0\.5; lower engines\.small"):
        vllm_engines(config(), tmp_path)


def test_a_model_without_a_readable_shape(config, tmp_path, monkeypatch):
    """A broken config.json names the folder."""
    made = config()
    (tmp_path / "tiny" / "config.json").write_text("{")
    monkeypatch.setattr(launch, "installed", lambda: Build("0.32.0", cpu=True))

    with pytest.raises(ModelError, match=r"tiny has no readable config\.json"):
        vllm_engines(made, tmp_path)


def test_gpus_are_counted(monkeypatch):
    """The smallest of the GPUs that one engine spans decides; too few are an error with the number."""
    gpus = [Gpu(0, "big", "GPU-a", 80.0, 70.0), Gpu(1, "small", "GPU-b", 24.0, 20.0)]
    monkeypatch.setattr(launch, "list_gpus", lambda: gpus)

    assert 80 * GIB == launch.device(Build("0.33.0", cpu=False)).total_bytes
    assert Device("GPU 1 (small)", 24 * GIB) == launch.device(Build("0.33.0", cpu=False), 2)
    with pytest.raises(ConfigError, match="needs 4 NVIDIA GPU"):
        launch.device(Build("0.33.0", cpu=False), 4)


def test_scripted_engines_need_no_model(config, tmp_path):
    """`--fake` starts a process for each engine that is not attached to, whatever its model."""
    [small] = fake_engines(config(), tmp_path, Path("script.json"))

    assert {"--name": "small", "--script": "script.json"}.items() <= options(small).items()


def test_models_beside_the_file(config, tmp_path):
    """A relative path starts at models.yaml, and a missing one is named in full."""
    made = config()

    assert tmp_path / "tiny" == find_model(made, "./tiny")
    with pytest.raises(ModelError, match=str(tmp_path / "gone")):
        find_model(made, "./gone")
