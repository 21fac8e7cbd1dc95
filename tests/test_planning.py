"""From models.yaml to a plan: what engines take, where they go, what helps where they do not fit."""

import json
import os
from pathlib import Path

import pytest

from gpu_cascade import running
from gpu_cascade.config import load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError, ModelError
from gpu_cascade.planning import machine, wants
from gpu_cascade.planning.command import plan_command
from gpu_cascade.planning.known import known_config
from gpu_cascade.planning.machine import Probes, here, named
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.implied import implied
from gpu_cascade.vram.gpu.reading import Device, Process
from gpu_cascade.vram.plan.want import ESCALATED, Change, Mode

from .vram.footprint.files import write_tensors

ROOT = Path(__file__).parents[1]
GPU = Build("0.33.0", cpu=False)
YAML = """
engines:
  small: {model: Qwen/Qwen2.5-1.5B-Instruct, max_model_len: 8192%s}
  large: {model: Qwen/Qwen2.5-32B-Instruct, max_model_len: 8192}
  spare: {model: Qwen/Qwen2.5-7B-Instruct, max_model_len: 8192}
  elsewhere: {url: "http://127.0.0.1:9/v1", name: theirs}
cascades:
  cascade: {tiers: [small, large, elsewhere], threshold: -0.9}
vram: {mode: %s, sleep_level: %s}
"""


@pytest.fixture(autouse=True)
def _nothing_fetched(monkeypatch):
    """No model of the hub is on this machine."""

    def missing(config, model):
        if model.startswith("./"):
            return config.base / model
        raise ModelError(f"{model} is not on this machine: gpu-cascade models pull {model}")

    monkeypatch.setattr(wants, "find_model", missing)


@pytest.fixture
def config(tmp_path):
    """A models.yaml with three engines here and one elsewhere."""

    def make(more="", mode="auto", sleep_level=1):
        (tmp_path / "models.yaml").write_text(YAML % (more, mode, sleep_level))
        return load(tmp_path / "models.yaml")

    return make


def probes(gpus=None, ram=(256 * GIB, 200 * GIB), build=GPU):
    """A machine."""
    return Probes(lambda: gpus, lambda: ram, lambda: build)


def gpu(gib=80, free_gib=None, index=0, **more):
    name = "NVIDIA H100 80GB HBM3"
    return Device(f"GPU-{index}", index, name, gib * GIB, (free_gib or gib) * GIB, **more)


def test_engines_that_are_started_here_are_asked_for(config):
    """In their order, the first tier drafting; who is elsewhere takes nothing here."""
    asked = wants.wants(config(), named("1xH200", None))

    assert ["small", "large", "spare"] == [one.name for one in asked]
    assert [True, False, False] == [one.drafts for one in asked]
    assert [1.0, ESCALATED, ESCALATED] == [one.weight for one in asked]
    assert all(8192 == one.max_model_len for one in asked)


def test_a_model_that_is_here_is_read(config, tmp_path):
    """Its files say what it takes, and that is no estimate."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    shape = {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64}
    (folder / "config.json").write_text(json.dumps(shape))
    write_tensors(folder / "model.safetensors", {"model.embed_tokens.weight": ("BF16", (1000, 64))})
    text = YAML.replace("Qwen/Qwen2.5-1.5B-Instruct", "./tiny")
    (tmp_path / "models.yaml").write_text(text % ("", "auto", 1))

    small = wants.wants(load(tmp_path / "models.yaml"), named("1xH200", None))[0]

    assert 1024 * 64 * 2 == small.footprint.weights  # rows are padded to 64
    assert () == small.footprint.estimated


def test_a_known_model_that_is_not_here_is_computed(config):
    """A 32B model has 61 GiB of weights in 16 bits; that it was computed is said."""
    found = plan_command(config(), "1xH200")

    large = found.engines[1]
    assert 61.0 == pytest.approx(large.weights_bytes / GIB, abs=0.1)
    assert "not here" in large.estimated[0]


def test_a_model_that_nobody_knows_is_to_be_fetched(config):
    """The sentence says how."""
    text = YAML.replace("Qwen/Qwen2.5-32B-Instruct", "someone/something") % ("", "auto", 1)
    path = config().path
    path.write_text(text)

    with pytest.raises(ModelError, match="gpu-cascade models pull someone/something"):
        plan_command(load(path), "1xH200")


@pytest.mark.parametrize(
    ("hub_id", "parameters"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 494_032_768),
        ("Qwen/Qwen2.5-Coder-1.5B-Instruct", 1_543_714_304),
        ("Qwen/Qwen2.5-3B", 3_085_938_688),
        ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
        ("Qwen/Qwen2.5-14B-Instruct", 14_770_033_664),
        ("Qwen/Qwen2.5-32B-Instruct", 32_763_876_352),
        ("Qwen/Qwen2.5-72B-Instruct", 72_706_203_648),
        ("Qwen/Qwen3-0.6B", 596_049_920),
        ("Qwen/Qwen3-1.7B", 1_720_574_976),
        ("Qwen/Qwen3-4B", 4_022_468_096),
        ("Qwen/Qwen3-8B", 8_190_735_360),
        ("Qwen/Qwen3-14B", 14_768_307_200),
        ("Qwen/Qwen3-32B", 32_762_123_264),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("meta-llama/Meta-Llama-3.1-70B-Instruct", 70_553_706_496),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 134_515_008),
        ("HuggingFaceTB/SmolLM2-360M-Instruct", 361_821_120),
    ],
)
def test_known_shapes_have_the_published_parameters(hub_id, parameters):
    """To the last one."""
    assert parameters == sum(tensor.elements for tensor in implied(known_config(hub_id)))


@pytest.mark.parametrize("hub_id", ["Qwen/Qwen2.5-9B", "Qwen/Qwen2.5-VL-7B-Instruct", "x/Qwen3-8B", ""])
def test_what_is_not_known_is_not_guessed(hub_id):
    """Another size, another family, another owner."""
    assert known_config(hub_id) is None


def test_awq_takes_a_third(config):
    """5.2 GiB for 7B in 4 bits: matrices are packed, embeddings are not."""
    path = config().path
    path.write_text(YAML.replace("Qwen2.5-32B-Instruct", "Qwen2.5-7B-Instruct-AWQ") % ("", "auto", 1))

    found = plan_command(load(path), "1xH200")

    assert 5.2 == pytest.approx(found.engines[1].weights_bytes / GIB, abs=0.05)


def test_what_an_engine_could_be_made_into(config):
    """All that GPUs allow; only as many ranks as there are GPUs of a kind and as divide its heads."""
    asked = wants.wants(config(), named("8xH100", None), varied=True)[0]

    ranks = [one.tensor_parallel for one in asked.variants if one.change is Change.TENSOR_PARALLEL]
    assert [2, 4] == ranks  # 12 heads cannot be divided by 8
    assert {*Change} - {Change.MIN_TOKENS, Change.MAX_MODEL_LEN} == {one.change for one in asked.variants}
    smaller = {one.change: one.footprint for one in asked.variants}
    assert smaller[Change.EAGER].overhead < asked.footprint.overhead
    assert smaller[Change.KV_FP8].kv.page_bytes == asked.footprint.kv.page_bytes // 2
    assert (
        smaller[Change.WEIGHTS_4BIT].weights < smaller[Change.WEIGHTS_FP8].weights < asked.footprint.weights
    )


def test_what_is_done_already_is_not_proposed(config):
    """Eager, fp8 and quantised already."""
    more = ", quantization: fp8, args: {enforce-eager: true, kv-cache-dtype: fp8}"

    asked = wants.wants(config(more), named("1xH200", None), varied=True)[0]

    assert () == asked.variants


def test_the_files_mode_is_planned(config):
    """`static` where all three do not fit together: what is missing, and that taking turns would do."""
    found = plan_command(config(mode="static"), "1xH100")

    assert not found.fits
    assert any(cure.what.startswith("vram.mode: sleep") for cure in found.cures)
    assert plan_command(config(), "1xH100").fits


def test_host_ram_bounds_who_sleeps(config):
    """None for sleepers: turns are taken by restarting. Level 2 keeps nothing there."""
    assert Mode.SLEEP == plan_command(config(), "1xH100").mode
    assert Mode.RESTART == plan_command(config(), "1xH100", "0GiB").mode
    assert Mode.SLEEP == plan_command(config(sleep_level=2), "1xH100", "0GiB").mode


def test_a_size_that_is_none_is_refused(config):
    """How to write it."""
    with pytest.raises(ConfigError, match="write it as 128GiB"):
        plan_command(config(), "1xH100", "much")


def test_on_a_mixed_machine_the_larger_need_counts(config):
    """Large GPUs make larger steps; the plan holds wherever the engine goes."""
    mixed = wants.wants(config(), named("1xH200+2xL4", None))[0].footprint
    small = wants.wants(config(), named("2xL4", None))[0].footprint

    assert mixed.overhead > small.overhead


def test_this_machines_gpus_less_what_others_hold(config, tmp_path):
    """What is there is planned for, as it is now."""
    found = here(tmp_path, None, probes([gpu(free_gib=50), gpu(index=1)]))

    assert [48.4, 78.4] == [pytest.approx(room.free_bytes / GIB) for room in found.rooms]
    assert 200 * GIB == found.host_ram_bytes


def test_what_our_own_serve_holds_counts_as_free(tmp_path):
    """A plan made while engines run is for after them."""
    with running.hold(tmp_path):
        busy = gpu(free_gib=20, processes=(Process(os.getpid(), 50 * GIB), Process(1, 10 * GIB)))

        [room] = here(tmp_path, None, probes([busy])).rooms

    assert 68.4 == pytest.approx(room.free_bytes / GIB)


def test_the_processor_plans_with_memory(config, tmp_path):
    """One room, nobody sleeps; engines keep nothing back for GPUs."""
    found = here(tmp_path, None, probes(ram=(64 * GIB, 40 * GIB), build=Build("0.32.0", cpu=True)))

    assert found.cpu
    assert found.host_ram_bytes is None
    [room] = found.rooms
    assert "host memory" == room.label
    assert 128 == found.block_tokens
    assert 38 < room.free_bytes / GIB < 40


def test_ranks_on_the_processor_share_its_memory(config, tmp_path):
    """Two ranks take what one takes, from the one room there is."""
    ram = probes(ram=(64 * GIB, 60 * GIB), build=Build("0.32.0", cpu=True))

    asked = wants.wants(config(", tensor_parallel: 2"), here(tmp_path, None, ram), varied=True)[0]

    assert 1 == asked.tensor_parallel
    assert () == asked.variants


@pytest.mark.parametrize("gpus", [None, []])
def test_no_gpu_is_a_sentence(config, gpus):
    """And how to plan for one all the same."""
    with pytest.raises(ConfigError, match="--gpus 1xH200"):
        plan_command(config(), probes=probes(gpus))


def test_the_file_in_the_repository_fits_where_it_says():
    """`models.yaml` is for one GPU with 80 GB or more."""
    config = load(ROOT / "models.yaml")

    assert Mode.STATIC == plan_command(config, "1xH100").mode
    assert plan_command(config, "1xH200").fits
    assert not plan_command(config, "1xL40S").fits


def test_a_driver_that_hides_processes_is_believed(monkeypatch, tmp_path):
    """Where nobody says what ours hold, what is free is what is free."""
    monkeypatch.setattr(machine, "_serving", lambda state_dir: [4711])

    [room] = here(tmp_path, None, probes([gpu(free_gib=50, processes=None)])).rooms

    assert 48.4 == pytest.approx(room.free_bytes / GIB)
