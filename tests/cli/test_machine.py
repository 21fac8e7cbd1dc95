"""The commands about the machine, as they are typed."""

import json

import pytest
from typer.testing import CliRunner

from gpu_cascade import launch
from gpu_cascade.cli.machine import cli
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError, ModelError
from gpu_cascade.planning import machine
from gpu_cascade.staging import machine as staged_on
from gpu_cascade.vram.footprint import GIB

from ..vram.simulate.toy import EXAMPLE


def typed(*words):
    """What the command prints; raises what it raises."""
    return CliRunner().invoke(cli, words, catch_exceptions=False).stdout


def simulated(*words):
    load = ("--load", "two_large_by_turns", "--file", str(EXAMPLE), "--hours", "0.02")
    return json.loads(typed("simulate", *load, *words, "--json"))["results"]


def test_simulate_has_a_split_of_ones_own():
    """Its GiB are what `static` has, and no other policy."""
    static, auto = simulated("--policy", "static", "--policy", "auto", "--split", "small=4,huge=40")

    assert {"small": 4, "huge": 40} == static["kv_gib"]
    assert static["lost"]["refused"] > auto["lost"]["refused"] == 0


@pytest.mark.parametrize("split", ["small", ""])
def test_simulate_says_how_a_split_is_written(split):
    """An empty one is none either."""
    with pytest.raises(ConfigError, match="small=4,large=50"):
        simulated("--split", split)


def test_init_ends_with_what_comes_next(tmp_path, monkeypatch):
    """In one line that can be copied, however narrow the terminal."""

    def missing(config, model):
        raise ModelError(f"{model} is not here")

    monkeypatch.setattr(launch, "find_model", missing)
    monkeypatch.setattr(machine, "installed", lambda: Build("0.32.0", cpu=True))
    monkeypatch.setattr(staged_on, "machine_bytes", lambda: (64 * GIB, 64 * GIB))
    models = "HuggingFaceTB/SmolLM2-135M-Instruct Qwen/Qwen2.5-Coder-0.5B-Instruct"

    last = typed("init", "--config", str(tmp_path / "models.yaml")).splitlines()[-1]

    assert f"next: gpu-cascade models pull {models}" == last
