"""Bytes an engine needs, against figures that vLLM itself reported."""

import json

import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.vram.footprint import GIB, kv_bytes_per_token, kv_cache_bytes, utilization, weights_bytes

SMOLLM2 = {
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "hidden_size": 576,
    "head_dim": 64,
}
LLAMA_8B = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
}


@pytest.mark.parametrize(("config", "tokens"), [(SMOLLM2, 46603), (LLAMA_8B, 8192)])
def test_tokens_in_a_gibibyte(config, tokens):
    """What 1 GiB of bf16 KV cache holds: SmolLM2-135M and Llama-3.1-8B as vLLM reports them."""
    assert GIB // kv_bytes_per_token(config) == tokens


def test_blocks_as_the_engine_counts_them():
    """vLLM 0.32 made exactly 364 blocks of 128 tokens out of 1 GiB for SmolLM2-135M."""
    assert GIB // (128 * kv_bytes_per_token(SMOLLM2)) == 364


def test_head_size_follows_from_the_hidden_size():
    """Where the configuration has no head_dim, or it is null."""
    without = {key: value for key, value in SMOLLM2.items() if key != "head_dim"}

    assert kv_bytes_per_token(without) == kv_bytes_per_token(SMOLLM2)
    assert kv_bytes_per_token(SMOLLM2 | {"head_dim": None}) == kv_bytes_per_token(SMOLLM2)


def test_without_grouped_heads_every_head_counts():
    """A model from before grouped-query attention has as many KV heads as heads."""
    without = {key: value for key, value in LLAMA_8B.items() if key != "num_key_value_heads"}

    assert kv_bytes_per_token(without) == 4 * kv_bytes_per_token(LLAMA_8B)


def test_tensor_parallelism_shares_heads_but_never_splits_one():
    """Two GPUs hold half each; sixteen hold one head each, though there are only eight."""
    assert kv_bytes_per_token(LLAMA_8B, tensor_parallel=2) == kv_bytes_per_token(LLAMA_8B) // 2
    assert kv_bytes_per_token(LLAMA_8B, tensor_parallel=16) == kv_bytes_per_token(LLAMA_8B) // 8


def test_a_text_model_inside_a_larger_one():
    """Multi-modal models keep these numbers under `text_config`."""
    assert kv_bytes_per_token({"text_config": LLAMA_8B}) == kv_bytes_per_token(LLAMA_8B)


@pytest.mark.parametrize(("min_tokens", "blocks"), [(1, 2), (128, 2), (129, 3), (1280, 11)])
def test_the_cache_is_whole_blocks_and_the_null_block(min_tokens, blocks):
    """Rounded up, and one more that vLLM keeps back."""
    assert kv_cache_bytes(min_tokens, 128, 10) == blocks * 1280


def test_one_request_of_full_length_always_fits():
    """A `min_tokens` below `max_model_len` would be refused at boot."""
    assert kv_cache_bytes(16, 16, 1, max_model_len=160) == 176


def test_utilization_is_rounded_up_and_tells_what_does_not_fit():
    """Never less than what is taken; above 1 is more than there is."""
    assert utilization(10, 5, 1, 1000) == 0.02
    assert utilization(100, 100, 100, 1000) == 0.3
    assert utilization(900, 200, 0, 1000) == 1.1


def test_weights_are_what_the_index_says(tmp_path):
    """Sharded weights carry their total."""
    index = {"metadata": {"total_size": 12345}, "weight_map": {}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    assert weights_bytes(tmp_path) == 12345


def test_weights_without_an_index_are_the_files(tmp_path):
    """A single file, or an index without a total."""
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    (tmp_path / "model.safetensors.index.json").write_text("{}")

    assert weights_bytes(tmp_path) == 100


def test_a_folder_without_weights_is_named(tmp_path):
    """The error says which folder."""
    with pytest.raises(ModelError, match=tmp_path.name):
        weights_bytes(tmp_path)
