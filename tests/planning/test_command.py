"""From models.yaml to a plan, and the sentence where there is none."""

from pathlib import Path

import pytest

from gpu_cascade.config import load
from gpu_cascade.errors import ConfigError, ModelError
from gpu_cascade.planning import machine
from gpu_cascade.planning.command import plan_command
from gpu_cascade.staging import machine as staged_on
from gpu_cascade.staging.stage import planned
from gpu_cascade.staging.wants import learned
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.readings import What
from gpu_cascade.vram.plan.want import Mode

from .made import gpu, key

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("cpu", [True, False])
def test_plan_says_what_serve_starts_from(config, tiny, this, cpu):
    """Byte for byte, where the models are here: with what was measured of them, on a processor or not."""
    this(gpu(free_gib=60), cpu=cpu)
    made = config(swap=tiny, vram="budget_gib: 40")
    alone = made.model_copy(update={"engines": {"small": made.engines["small"]}})
    on = staged_on.machine(made, machine.installed())
    learned(made).record(key(made, on), What.RESIDENT_BYTES, 1.5 * GIB)

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
