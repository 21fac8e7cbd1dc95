"""One engine's memory, all parts together."""

import pytest

from gpu_cascade.config import EngineConfig
from gpu_cascade.errors import ConfigError, ModelError
from gpu_cascade.vram.footprint.footprint import footprint, utilization

from .files import QWEN2_15B, shape, write_config, write_tensors

GIB = 2**30
LLAMA = shape("Llama-3.1-8B", max_position_embeddings=131072)


@pytest.fixture
def made(tmp_path):
    """A footprint of Llama-3.1-8B, or of another shape, on an H100."""

    def make(engine=None, config=LLAMA, *, cpu=False, block_tokens=16, **args):
        folder = write_config(tmp_path / "model", config)
        flags = {key.replace("_", "-"): value for key, value in args.items()}
        asked = EngineConfig(model="some/model", args=flags, **engine or {})
        return footprint(
            asked, folder, cpu=cpu, block_tokens=block_tokens, device_bytes=80 * GIB, device_name="H100"
        )

    return make


def test_a_whole_engine(made):
    """Weights to the byte, 8,192 tokens of KV cache in a GiB, overhead of some GiB, and what sleep leaves."""
    found = made({"max_model_len": 8192})

    assert (2 * 8_030_261_248, 8192) == (found.weights, found.kv.tokens(GIB))
    assert GIB < found.overhead < 4 * GIB
    assert 0 < found.asleep < found.overhead
    assert found.weights == found.asleep_host
    assert found.weights + found.overhead + 5 == found.resident(5)
    assert not found.learned


@pytest.mark.parametrize(
    ("name", "changes", "kv_bytes"),
    [
        ("SmolLM2-135M", {}, 756_449_280),
        ("Qwen2.5-0.5B", {}, 403_439_616),
        ("Qwen2.5-0.5B", QWEN2_15B, 941_359_104),
    ],
)
def test_three_engines_as_they_reported_themselves(made, name, changes, kv_bytes):
    """vLLM 0.32 on the processor, float32, blocks of 32: 16,416 tokens in each, 8.02 requests of 2,048."""
    engine = {"dtype": "float32", "max_model_len": 2048, "max_num_seqs": 8}

    kv = made(engine, shape(name, **changes), cpu=True, block_tokens=128, block_size=32).kv

    assert (513, 16416, 8) == (kv.blocks(kv_bytes), kv.tokens(kv_bytes), kv.concurrent(kv_bytes, 2048))
    assert kv_bytes == kv.bytes_for(16384, 2048)


def test_the_models_own_length_counts_where_none_is_given(made):
    """131,072 tokens must fit, whatever `kv.min_tokens` says."""
    found = made()

    assert 131072 == found.kv.max_model_len
    assert found.kv.bytes_for(16384, found.kv.max_model_len) == (131072 // 16 + 1) * found.kv.page_bytes


def test_devices_share(made):
    """Half the weights and half the cache on each of two; asleep both halves are in host memory."""
    one, two = made(), made({"tensor_parallel": 2})

    assert one.weights / 2 == pytest.approx(two.weights, rel=0.001)
    assert one.kv.page_bytes // 2 == two.kv.page_bytes
    assert 2 * two.weights == two.asleep_host
    assert two.asleep > one.asleep  # GPUs that talk keep their buffers


def test_heads_that_do_not_divide(made):
    """vLLM would refuse it after loading; here it is said before, with what would do."""
    with pytest.raises(
        ConfigError, match=r"some/model has 32 attention heads.*tensor_parallel: 3.* 1, 2, 4, 8"
    ):
        made({"tensor_parallel": 3})


def test_float32_doubles_weights_and_cache(made):
    """On a checkpoint in 16 bits; `auto` is 16 bits even for one in 32."""
    half, whole = made(), made({"dtype": "float32"})

    assert (2 * half.weights, 2 * half.kv.page_bytes) == (whole.weights, whole.kv.page_bytes)
    assert half.kv == made(config=LLAMA | {"dtype": "float32"}).kv


def test_what_arguments_change(made):
    """Types and blocks of the cache, graphs, and what sleep offloads."""
    usual = made()

    assert usual.kv.page_bytes // 2 == made(kv_cache_dtype="fp8").kv.page_bytes
    assert 32 == made(block_size=32).kv.block_tokens
    assert made(enforce_eager=True).overhead < usual.overhead
    assert made(sleep_mode_offload_cudagraph=True).asleep < usual.asleep
    assert made({"quantization": "fp8"}).weights < 0.6 * usual.weights


def test_the_processor_frees_nothing_in_sleep(made):
    """Processes instead of graphs; weights and all stay."""
    found = made(cpu=True, block_tokens=128)

    assert 128 == found.kv.block_tokens
    assert found.weights + found.overhead == found.asleep


def test_how_many_tokens_a_latent_block_holds_is_a_guess(made):
    """It depends on the kernel, so the largest is taken, and said; an argument settles it."""
    config = shape("DeepSeek-V2-Lite")

    guessed, told = made(config=config), made(config=config, block_size=64)

    assert (128, 64) == (guessed.kv.block_tokens, told.kv.block_tokens)
    assert "kernel" in guessed.kv.estimated
    assert told.kv.estimated is None


def test_what_is_estimated_is_said(made, tmp_path):
    """Weights that are not here, and arguments that are not counted; nothing where all is known."""
    assert 2 == len(made(enable_lora=True).estimated)
    write_tensors(tmp_path / "model" / "model.safetensors", {"lm_head.weight": ("BF16", (64, 64))})
    assert ("args: enable-lora is not counted",) == made(enable_lora=True).estimated
    assert () == made().estimated


def test_pictures_are_expected_where_there_is_an_encoder(made):
    """A wrapper's text model counts, and room to look at pictures."""
    wrapped = {"text_config": LLAMA, "vision_config": {}}

    assert made(config=wrapped).kv == made().kv
    assert made(config=wrapped).overhead > made().overhead


def test_a_folder_that_is_none(tmp_path):
    """Named."""
    with pytest.raises(ModelError, match="no readable config"):
        footprint(EngineConfig(model="m"), tmp_path, cpu=False, block_tokens=16, device_bytes=GIB)


def test_utilization_is_rounded_up_and_tells_what_does_not_fit():
    """Never less than what is taken; above 1 is more than there is."""
    assert [0.02, 0.3, 1.1] == [utilization(used, 1000) for used in (16, 300, 1100)]
