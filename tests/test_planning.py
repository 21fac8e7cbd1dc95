"""From models.yaml to a plan: what engines take, where they go, what helps where they do not fit."""

import json
import os
from pathlib import Path

import pytest

from gpu_cascade import launch, running
from gpu_cascade.config import load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError, ModelError
from gpu_cascade.planning import machine
from gpu_cascade.planning.command import plan_command
from gpu_cascade.planning.machine import here, named
from gpu_cascade.planning.wants import wants
from gpu_cascade.staging import machine as staged_on
from gpu_cascade.staging.stage import planned
from gpu_cascade.staging.wants import learned
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.learned import key_of
from gpu_cascade.vram.footprint.readings import What
from gpu_cascade.vram.gpu.reading import Device, Process
from gpu_cascade.vram.gpu.scripted import ScriptedProbe
from gpu_cascade.vram.plan.want import ESCALATED, Change, Mode

from .vram.footprint.files import write_tensors

ROOT = Path(__file__).parents[1]
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


def gpu(gib=80, free_gib=None, index=0, processes=()):
    name = "NVIDIA H100 80GB HBM3"
    return Device(f"GPU-{index}", index, name, gib * GIB, (free_gib or gib) * GIB, processes)


def _key(config, on):
    return key_of(config.engines["small"], config.base / "tiny", on.rooms[0].name, on.build.version)


def test_engines_that_are_started_here_are_asked_for(config):
    """In their order, the first tier drafting; who is elsewhere takes nothing here."""
    asked = wants(config(), named(config(), "1xH200"))

    assert ["small", "large", "spare"] == [one.name for one in asked]
    assert [True, False, False] == [one.drafts for one in asked]
    assert [1.0, ESCALATED, 1.0] == [one.weight for one in asked]
    assert all(8192 == one.max_model_len for one in asked)


def test_a_model_that_is_here_is_read(config, tiny):
    """Its files say what it takes, and that is no estimate."""
    made = config(swap=tiny)

    small = wants(made, named(made, "1xH200"))[0]

    assert 1024 * 64 * 2 == small.footprint.weights  # rows are padded to 64
    assert () == small.footprint.estimated


@pytest.mark.parametrize("cpu", [True, False])
def test_plan_says_what_serve_starts_from(config, tiny, this, cpu):
    """Byte for byte, where the models are here: with what was measured of them, on a processor or not."""
    this(gpu(free_gib=60), cpu=cpu)
    made = config(swap=tiny, vram="budget_gib: 40")
    alone = made.model_copy(update={"engines": {"small": made.engines["small"]}})
    on = staged_on.machine(made, machine.installed())
    learned(made).record(_key(made, on), What.RESIDENT_BYTES, 1.5 * GIB)

    assert planned(alone, on) == plan_command(alone)


@pytest.mark.parametrize(("at_once", "min_tokens", "shown"), [(2, 32768, 2), (64, 8192, 8), (64, 16384, 16)])
def test_at_once_is_the_lower_of_what_was_asked_for_and_what_the_cache_holds(
    config, this, at_once, min_tokens, shown
):
    """On a processor too, where the cache is what `min_tokens` says: usual requests have 1,024 tokens."""
    this(cpu=True)
    made = config(f", max_num_seqs: {at_once}, kv: {{min_tokens: {min_tokens}}}")

    assert shown == plan_command(made).engines[0].max_num_seqs


def test_a_known_model_that_is_not_here_is_computed(config):
    """A 32B model has 61 GiB of weights in 16 bits; that it was computed is said."""
    found = plan_command(config(), "1xH200")

    large = found.engines[1]
    assert 61.0 == pytest.approx(large.weights_bytes / GIB, abs=0.1)
    assert "not here" in large.estimated[0]


def test_a_known_model_is_asked_for_as_serve_would(config, tiny, this):
    """But for its bytes: as many tokens and requests, as often, on a processor too."""
    for cpu in (True, False):
        this(gpu(), cpu=cpu)
        known, read = (wants(made, here(made))[0] for made in (config(), config(swap=tiny)))
        for field in ("name", "min_tokens", "max_model_len", "max_num_seqs", "weight", "drafts", "fills"):
            assert getattr(read, field) == getattr(known, field)


def test_a_model_that_nobody_knows_is_to_be_fetched(config):
    """The sentence says how."""
    made = config(swap=("Qwen/Qwen2.5-32B-Instruct", "someone/something"))

    with pytest.raises(ModelError, match="gpu-cascade models pull someone/something"):
        plan_command(made, "1xH200")


def test_a_broken_model_is_not_replaced_by_a_known_one(config, tiny, tmp_path):
    """What is here is what would be served."""
    made = config(swap=tiny)
    (tmp_path / "tiny" / "config.json").write_text("{")

    with pytest.raises(ModelError, match="tiny"):
        plan_command(made, "1xH200")


def test_awq_takes_a_third(config):
    """5.2 GiB for 7B in 4 bits: matrices are packed, embeddings are not."""
    found = plan_command(config(swap=("Qwen2.5-32B-Instruct", "Qwen2.5-7B-Instruct-AWQ")), "1xH200")

    assert 5.2 == pytest.approx(found.engines[1].weights_bytes / GIB, abs=0.05)


def test_what_an_engine_could_be_made_into(config):
    """All that GPUs allow; only as many ranks as there are GPUs of a kind and as divide its heads."""
    asked = wants(config(), named(config(), "8xH100"), varied=True)[0]

    ranks = [one.tensor_parallel for one in asked.variants if one.change is Change.TENSOR_PARALLEL]
    assert [2, 4] == ranks  # 12 heads cannot be divided by 8
    assert {*Change} - {Change.MIN_TOKENS, Change.MAX_MODEL_LEN} == {one.change for one in asked.variants}
    smaller = {one.change: one.footprint for one in asked.variants}
    assert smaller[Change.EAGER].overhead < asked.footprint.overhead
    assert smaller[Change.KV_FP8].kv.page_bytes == asked.footprint.kv.page_bytes // 2
    assert (
        smaller[Change.WEIGHTS_4BIT].weights < smaller[Change.WEIGHTS_FP8].weights < asked.footprint.weights
    )


def test_a_change_of_what_was_measured_is_the_computed_difference(config, tiny, this):
    """Without graphs an engine that took 2 GiB more than computed still does."""
    this(gpu())
    made = config(swap=tiny)
    on = here(made)
    before = wants(made, on)[0].footprint
    learned(made).record(_key(made, on), What.RESIDENT_BYTES, before.resident(0) + 2.0 * GIB)

    after = wants(made, on, varied=True)[0]

    eager = next(one.footprint for one in after.variants if one.change is Change.EAGER)
    assert after.footprint.resident(0) > eager.resident(0) > before.resident(0) + GIB


def test_what_is_done_already_is_not_proposed(config):
    """Eager, fp8 and quantised already."""
    made = config(", quantization: fp8, args: {enforce-eager: true, kv-cache-dtype: fp8}")

    assert () == wants(made, named(made, "1xH200"), varied=True)[0].variants


def test_nothing_is_proposed_on_a_processor(config, this):
    """It has no graphs, no ranks, and computes in 16 bits."""
    this(cpu=True)

    assert [(), (), ()] == [one.variants for one in wants(config(), here(config()), varied=True)]


def test_the_files_mode_is_planned(config):
    """`static` where all three do not fit together: what is missing, and that taking turns would do."""
    found = plan_command(config(vram="mode: static"), "1xH100")

    assert not found.fits
    assert any(cure.what.startswith("vram.mode: sleep") for cure in found.cures)
    assert plan_command(config(), "1xH100").fits


def test_host_ram_bounds_who_sleeps(config):
    """None for sleepers: turns are taken by restarting. Level 2 keeps nothing there."""
    assert Mode.SLEEP == plan_command(config(), "1xH100").mode
    assert Mode.RESTART == plan_command(config(), "1xH100", "0GiB").mode
    assert Mode.SLEEP == plan_command(config(vram="sleep_level: 2"), "1xH100", "0GiB").mode


def test_a_size_that_is_none_is_refused(config):
    """How to write it."""
    with pytest.raises(ConfigError, match="write it as 128GiB"):
        plan_command(config(), "1xH100", "much")


def test_on_a_mixed_machine_the_larger_need_counts(config):
    """Large GPUs make larger steps; the plan holds wherever the engine goes."""
    mixed = wants(config(), named(config(), "2xL4+1xH200"))[0].footprint
    small = wants(config(), named(config(), "2xL4"))[0].footprint

    assert mixed.overhead > small.overhead


def test_on_a_mixed_machine_a_change_is_measured_where_the_engine_takes_most(config):
    """In whatever order the GPUs are: what a cure saves is what it saves there."""
    one, other = (
        wants(config(), named(config(), gpus), varied=True)[0] for gpus in ("1xL4+1xH200", "1xH200+1xL4")
    )

    assert one == other


def test_this_machines_gpus_less_what_others_hold(config, this):
    """What is there is planned for, as it is now."""
    this(gpu(free_gib=50), gpu(index=1))

    found = here(config())

    assert [48.4, 78.4] == [pytest.approx(room.free_bytes / GIB) for room in found.rooms]
    assert 64 * GIB == here(config(), "64GiB").host_ram_bytes


@pytest.mark.parametrize(("vram", "free_gib"), [("", 68.4), ("budget_gib: 30", 30)])
def test_what_our_own_serve_holds_counts_as_free(config, this, vram, free_gib):
    """A plan made while engines run is for after them, within the budget."""
    this(gpu(free_gib=20, processes=(Process(os.getpid(), 50 * GIB), Process(1, 10 * GIB))))
    made = config(vram=vram)

    with running.hold(made.state_dir):
        [room] = here(made).rooms

    assert free_gib == pytest.approx(room.free_bytes / GIB)


def test_a_driver_that_hides_processes_is_believed(config, this):
    """Where nobody says what ours hold, what is free is what is free."""
    this(gpu(free_gib=50, processes=None))
    made = config()

    with running.hold(made.state_dir):
        [room] = here(made).rooms

    assert 48.4 == pytest.approx(room.free_bytes / GIB)


def test_a_budget_holds_for_named_gpus_too(config):
    """What engines may take of each."""
    assert [30 * GIB] == [room.free_bytes for room in named(config(vram="budget_gib: 30"), "1xH100").rooms]


def test_no_gpu_is_a_sentence(config, this):
    """Of `serve` too."""
    this()

    with pytest.raises(ConfigError, match="needs an NVIDIA GPU and none is found"):
        plan_command(config())


def test_the_file_in_the_repository_fits_where_it_says():
    """`models.yaml` is for one GPU with 80 GB or more."""
    config = load(ROOT / "models.yaml")

    assert Mode.STATIC == plan_command(config, "1xH100").mode
    assert plan_command(config, "1xH200").fits
    assert not plan_command(config, "1xL40S").fits
