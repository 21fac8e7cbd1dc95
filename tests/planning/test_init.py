"""A models.yaml for a machine: it loads, and it fits."""

from pathlib import Path

import pytest

from gpu_cascade import launch
from gpu_cascade.config import load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError, DoesNotFit, ModelError
from gpu_cascade.planning import machine
from gpu_cascade.planning.command import plan_command
from gpu_cascade.planning.init import init
from gpu_cascade.staging import machine as staged_on
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.gpu.reading import Device
from gpu_cascade.vram.plan.want import Mode

from ..tiny import write_tiny


@pytest.fixture(autouse=True)
def _nothing_fetched(monkeypatch):
    """No model is on this machine: `init` comes before `models pull`."""

    def missing(config, model):
        raise ModelError(f"{model} is not here")

    monkeypatch.setattr(launch, "find_model", missing)


@pytest.fixture
def this(monkeypatch):
    """Set what this machine is."""

    def make(found, ram_gib=256):
        monkeypatch.setattr(machine, "installed", lambda: Build("0.32.0", cpu=not found))
        monkeypatch.setattr(staged_on, "list_gpus", lambda: found)
        monkeypatch.setattr(staged_on, "machine_bytes", lambda: (int(ram_gib * GIB), int(ram_gib * GIB)))

    return make


def gpus(count, name, gib):
    """So many of a kind, of which the driver keeps half a GiB."""
    return [
        Device(f"GPU-{index}", index, name, int(gib * GIB), int((gib - 0.5) * GIB)) for index in range(count)
    ]


MACHINES = [
    (gpus(2, "NVIDIA RTX PRO 6000", 95.6), "Qwen/Qwen2.5-72B-Instruct"),
    (gpus(8, "NVIDIA H100 80GB HBM3", 79.6), "Qwen/Qwen2.5-72B-Instruct"),
    (gpus(1, "NVIDIA H200", 140.4), "Qwen/Qwen2.5-32B-Instruct"),
    (gpus(1, "NVIDIA H100 80GB HBM3", 79.6), "Qwen/Qwen2.5-32B-Instruct"),
    (gpus(1, "NVIDIA L40S", 45), "Qwen/Qwen2.5-14B-Instruct"),
    (gpus(1, "NVIDIA GeForce RTX 4090", 24), "Qwen/Qwen2.5-7B-Instruct-AWQ"),
    (gpus(1, "NVIDIA GeForce RTX 3060", 12), "Qwen/Qwen2.5-1.5B-Instruct"),
    ([], "Qwen/Qwen2.5-Coder-0.5B-Instruct"),
]


@pytest.mark.parametrize(("found", "large"), MACHINES)
def test_what_is_written_loads_and_fits(tmp_path, this, found, large):
    """The pair for so much memory, and a plan of the file itself that says so."""
    this(found)

    written = init(tmp_path / "models.yaml")

    config = load(tmp_path / "models.yaml")
    assert large == config.engines["large"].model
    assert ["small", "large"] == config.cascades["cascade"].tiers
    assert Mode.STATIC == written.plan.mode
    assert written.plan == plan_command(config)
    assert ["models.yaml"] == [file.name for file in tmp_path.iterdir()]


def test_a_small_gpu_takes_turns(tmp_path, this):
    """Where not even the smallest pair stays, one that fits in turns."""
    this(gpus(1, "NVIDIA GeForce GTX 1080", 8))

    written = init(tmp_path / "models.yaml")

    assert written.plan.fits
    assert Mode.STATIC != written.plan.mode


def test_on_a_processor_the_cache_follows_the_memory(tmp_path, this):
    """Room for eight requests of full length each; less of it where there is less."""
    this([], 64)
    roomy = init(tmp_path / "roomy.yaml")
    this([], 7.4)
    tight = init(tmp_path / "tight.yaml")

    assert (16384, 16384) == roomy.pair.min_tokens
    assert roomy.pair.min_tokens > tight.pair.min_tokens
    assert Mode.STATIC == tight.plan.mode


def test_models_that_are_not_here_are_fetched_next(tmp_path, this):
    """By the names that `models pull` knows."""
    this([], 64)

    written = init(tmp_path / "models.yaml")

    assert f"gpu-cascade models pull {written.pair.small} {written.pair.large}" == written.next


def test_where_all_models_are_here_serve_comes_next(tmp_path, this, monkeypatch):
    """With the file's name where it is not the usual one."""
    this([], 64)
    write_tiny(tmp_path / "tiny")
    monkeypatch.setattr(launch, "find_model", lambda config, model: tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)

    assert "gpu-cascade serve" == init(Path("models.yaml")).next
    assert "gpu-cascade serve --config 'of mine.yaml'" == init(Path("of mine.yaml")).next


def test_nothing_fits_is_said_and_nothing_written(tmp_path, this):
    """How much is missing."""
    this([], 2)

    with pytest.raises(DoesNotFit, match="GiB on host memory") as error:
        init(tmp_path / "models.yaml")

    assert 4 == error.value.exit_code
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_is_there_stays(tmp_path, this):
    """Unless --force says otherwise."""
    this([], 64)
    path = tmp_path / "models.yaml"
    path.write_text("mine")

    with pytest.raises(ConfigError, match="--force"):
        init(path)
    assert "mine" == path.read_text()

    init(path, force=True)
    assert load(path).engines


def test_where_nothing_can_be_written(tmp_path, this):
    """A folder that is not there."""
    this([], 64)

    with pytest.raises(ConfigError, match="cannot be written"):
        init(tmp_path / "nowhere" / "models.yaml")


def test_every_line_says_what_it_is_for(tmp_path, this):
    """A comment beside each key of an engine, and who the file is for."""
    this(gpus(2, "NVIDIA RTX PRO 6000", 95.6))

    init(tmp_path / "models.yaml")

    lines = (tmp_path / "models.yaml").read_text().splitlines()
    assert "2 x NVIDIA RTX PRO 6000 (96 GiB)" in lines[0]
    keys = [line for line in lines if line.startswith("    ") and ":" in line]
    assert all("#" in line for line in keys if "tiers" not in line)
    assert any("tensor_parallel: 2" in line for line in keys)
    assert all(len(line) <= 110 for line in lines)
