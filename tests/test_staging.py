"""From a configuration to who goes where: bytes, places, what does not fit, before anything starts."""

import pytest

from gpu_cascade.config import load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError, DoesNotFit, ModelError
from gpu_cascade.staging import machine as on
from gpu_cascade.staging import stage as stages
from gpu_cascade.staging.fake import staged_fake
from gpu_cascade.staging.machine import machine
from gpu_cascade.staging.stage import staged
from gpu_cascade.staging.wants import learned, taken
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.learned import key_of
from gpu_cascade.vram.footprint.readings import What
from gpu_cascade.vram.gpu.nvml import VISIBLE
from gpu_cascade.vram.gpu.reading import HOST as HOST_DEVICE
from gpu_cascade.vram.gpu.reading import Device
from gpu_cascade.vram.plan.want import Mode
from gpu_cascade.vram.scheduler.policy import Static, Turns
from gpu_cascade.vram.scheduler.splits import Splits
from gpu_cascade.vram.scheduler.words import State

from .tiny import write_tiny

YAML = """
engines:
  small: {model: ./tiny, max_model_len: 100, kv: {min_tokens: 200}}
  large: {model: ./tiny, max_model_len: 100, kv: {min_tokens: 200}}
  elsewhere: {url: "http://127.0.0.1:9/v1", name: theirs}
cascades:
  cascade: {tiers: [small, large], threshold: -0.9}
"""
GPUS = [Device("GPU-a", 0, "NVIDIA H200", 140 * GIB, 139 * GIB, ())]


@pytest.fixture
def config(tmp_path):
    """A models.yaml beside a folder that looks like a model."""
    write_tiny(tmp_path / "tiny")

    def make(more=""):
        (tmp_path / "models.yaml").write_text(YAML + more)
        return load(tmp_path / "models.yaml")

    return make


@pytest.fixture
def on_cpu(monkeypatch):
    monkeypatch.setattr(stages, "installed", lambda: Build("0.32.0", cpu=True))
    monkeypatch.setattr(on, "machine_bytes", lambda: (16 * GIB, 12 * GIB))


@pytest.fixture
def on_gpu(monkeypatch):
    monkeypatch.setattr(stages, "installed", lambda: Build("0.33.0", cpu=False))
    monkeypatch.setattr(on, "list_gpus", lambda: GPUS)
    monkeypatch.setattr(on, "machine_bytes", lambda: (64 * GIB, 60 * GIB))


def options(command):
    """The command line as pairs."""
    return {
        word: command.argv[place + 1] for place, word in enumerate(command.argv[:-1]) if word.startswith("--")
    }


def test_the_command_carries_the_engines_share(config, tmp_path, on_cpu):
    """KV bytes in whole blocks with the null block, a truthful share, our socket."""
    stage = staged(config(), tmp_path)

    per_token = 2 * 2 * 2 * 16 * 2  # K and V, layers, KV heads, head size, bytes
    [layout] = stage.layouts
    assert {"small": 3 * 128 * per_token, "large": 3 * 128 * per_token} == layout.awake
    given = options(stage.commands["small"](layout.awake["small"]))
    assert str(3 * 128 * per_token) == given["--kv-cache-memory-bytes"]
    assert (str(tmp_path / "small.sock"), "small") == (given["--uds"], given["--served-model-name"])
    assert str(tmp_path / "tiny") == given["--model"]
    assert ("priority", None) == tuple(
        options(stage.commands[name](1)).get("--scheduling-policy") for name in ("large", "small")
    )


def test_all_stay_where_all_fit(config, tmp_path, on_cpu):
    """Nothing moves then; an engine elsewhere takes nothing here."""
    stage = staged(config(), tmp_path)

    assert (Mode.STATIC, Static) == (stage.mode, type(stage.policy))
    assert () == stage.profiles["elsewhere"].devices
    assert {"small", "large"} == stage.commands.keys()


def test_a_budget_for_one_means_turns(config, tmp_path, on_cpu):
    """Without a GPU by restarting; patience is what the file says."""
    stage = staged(config("vram: {budget_gib: 2, patience_s: 7}"), tmp_path)

    assert (Mode.RESTART, Splits(Turns(7))) == (stage.mode, stage.policy)
    assert [["small"], ["large"]] == [list(layout.awake) for layout in stage.layouts]
    assert 2 * GIB == stage.capacity[HOST_DEVICE]


def test_what_does_not_fit_is_said_before_anything_starts(config, tmp_path, on_cpu):
    """How much is missing, and what helps; exit code 4."""
    with pytest.raises(DoesNotFit, match=r"does not fit: .* GiB .* missing") as caught:
        staged(config("vram: {budget_gib: 2, mode: static}"), tmp_path)

    assert 4 == caught.value.exit_code


def test_sleep_needs_a_gpu(config, tmp_path, on_cpu):
    """On a processor it frees nothing."""
    with pytest.raises(ConfigError, match="use restart"):
        staged(config("vram: {mode: sleep}"), tmp_path)


def test_a_model_without_a_readable_shape(config, tmp_path, on_cpu):
    """A broken config.json names the folder."""
    made = config()
    (tmp_path / "tiny" / "config.json").write_text("{")

    with pytest.raises(ModelError, match=r"tiny has no readable config\.json"):
        staged(made, tmp_path)


def test_what_was_measured_is_believed(config, tmp_path, on_cpu):
    """A boot that took 12 s is expected to take 12 s again; bytes come from what was seen."""
    made = config()
    before = staged(made, tmp_path).profiles["small"]
    key = key_of(made.engines["small"], tmp_path / "tiny", "host memory", "0.32.0")
    for what, value in ((What.BOOT_S, 12.0), (What.RESIDENT_BYTES, before.base_bytes * 1.5)):
        learned(made).record(key, what, value)

    after = staged(made, tmp_path).profiles["small"]

    assert (12.0, int(before.base_bytes * 1.5)) == (after.boot_s, after.base_bytes)


def test_on_a_gpu_the_room_is_filled(config, tmp_path, on_gpu):
    """KV caches grow to what 64 requests of full length can use; the engine sees its GPU alone."""
    stage = staged(config("vram: {mode: sleep}"), tmp_path)

    [layout] = stage.layouts
    start = stage.commands["small"](layout.awake["small"])
    assert layout.awake["small"] > 64 * 100 * 256
    assert "GPU-a" == start.env[VISIBLE]
    assert 137 * GIB > stage.capacity["GPU-a"] > 130 * GIB


def test_by_turns_engines_sleep_on_a_gpu(config, tmp_path, on_gpu):
    """Of two that do not fit together one sleeps, and its engine takes the calls for that."""
    stage = staged(config("vram: {budget_gib: 2.05}"), tmp_path)

    assert Mode.SLEEP is stage.mode
    assert [{"large": State.ASLEEP}, {"small": State.ASLEEP}] == [layout.rest for layout in stage.layouts]
    assert "--enable-sleep-mode" in stage.commands["large"](1).argv
    assert "1" == stage.commands["large"](1).env["VLLM_SERVER_DEV_MODE"]


def test_without_a_gpu_a_gpu_build_says_so(config, monkeypatch, on_gpu):
    """With what to do."""
    monkeypatch.setattr(on, "list_gpus", lambda: None)
    with pytest.raises(ConfigError, match="needs an NVIDIA GPU and none is found"):
        machine(config(), Build("0.33.0", cpu=False))


UNLIKE = [Device("GPU-l", 1, "NVIDIA L4", 22 * GIB, 22 * GIB, ()), *GPUS]


def test_of_unlike_gpus_the_one_counts_where_an_engine_takes_most(config, monkeypatch, on_gpu):
    """It is not placed yet: the order of the GPUs does not matter, and a plan holds wherever it goes."""
    made = config()

    def taken_of(gpus):
        monkeypatch.setattr(on, "list_gpus", lambda: gpus)
        return taken(made, "small", machine(made, Build("0.33.0", cpu=False)))

    assert taken_of(GPUS) == taken_of(UNLIKE) == taken_of(UNLIKE[::-1])
    assert taken_of(GPUS).overhead > taken_of(UNLIKE[:1]).overhead


def test_on_unlike_gpus_each_has_its_own_readings(config, tmp_path, monkeypatch, on_gpu):
    """What an engine was seen to do on one kind is kept for that kind, and believed of it alone."""
    monkeypatch.setattr(on, "list_gpus", lambda: UNLIKE)
    made = config("vram: {budget_gib: 2.05}")  # one engine on each
    stage = staged(made, tmp_path)
    where = {name: stage.profiles[name].devices for name in ("small", "large")}
    assert {("GPU-l",), ("GPU-a",)} == set(where.values())

    for name, (device,) in where.items():
        stage.learn(name, What.BOOT_S, {"GPU-l": 11.0, "GPU-a": 22.0}[device])

    kinds = {"NVIDIA L4": 11.0, "NVIDIA H200": 22.0}
    keys = {kind: key_of(made.engines["small"], tmp_path / "tiny", kind, "0.33.0") for kind in kinds}
    assert kinds == {kind: learned(made).recall(key)[What.BOOT_S].believed() for kind, key in keys.items()}
    again = staged(made, tmp_path).profiles
    assert {"GPU-l": 11.0, "GPU-a": 22.0} == {again[name].devices[0]: again[name].boot_s for name in where}


def test_two_ranks_on_a_processor_are_refused_with_what_to_write(config, tmp_path, on_cpu):
    """It counts as one device, whatever its memory; exit code 4, before anything starts."""
    text = YAML.replace("{model: ./tiny", "{model: ./tiny, tensor_parallel: 2", 1)
    (tmp_path / "models.yaml").write_text(text)

    with pytest.raises(
        DoesNotFit, match=r"small wants 2 devices .* one.*; set engines\.small\.tensor_parallel: 1"
    ):
        staged(load(tmp_path / "models.yaml"), tmp_path)


def test_scripted_engines_take_turns_within_a_budget(config, tmp_path):
    """Each counts as one GiB."""
    both = staged_fake(config(), tmp_path, None)
    one = staged_fake(config("vram: {budget_gib: 1}"), tmp_path, None)

    assert [["small", "large"]] == [list(layout.awake) for layout in both.layouts]
    assert [["small"], ["large"]] == [list(layout.awake) for layout in one.layouts]
    assert (Mode.STATIC, Mode.RESTART) == (both.mode, one.mode)


def test_a_shared_kv_cache_is_refused_before_anything_starts(on_gpu, config, tmp_path):
    """Who asks for `kvcached` is told which vLLM stands against it, and what to write instead."""
    with pytest.raises(ConfigError, match=r"0\.33\.0 is installed; use auto"):
        staged(config("vram: {mode: kvcached}"), tmp_path)
