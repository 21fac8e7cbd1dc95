"""Heads, sizes and lengths out of config.json."""

import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.vram.footprint.layer_kinds import Kind
from gpu_cascade.vram.footprint.shape import Layer, length_of, shape_of

from .files import shape

TINY = {"num_hidden_layers": 1, "num_attention_heads": 8, "num_key_value_heads": 2, "hidden_size": 64}


def layer(**changes):
    """The one layer of a tiny model."""
    config = {key: value for key, value in (TINY | changes).items() if value is not ...}
    [found] = shape_of(config).layers
    return found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, (2, 8, 8), id="grouped"),
        pytest.param({"num_key_value_heads": ...}, (8, 8, 8), id="every head its own"),
        pytest.param({"num_key_value_heads": 1}, (1, 8, 8), id="one for all"),
        pytest.param({"multi_query": True, "num_key_value_heads": ...}, (1, 8, 8), id="Falcon-7B"),
        pytest.param(
            {"multi_query": True, "new_decoder_architecture": True, "num_kv_heads": 4},
            (4, 8, 8),
            id="Falcon-40B",
        ),
        pytest.param({"attn_config": {"kv_n_heads": 4}}, (4, 8, 8), id="DBRX"),
        pytest.param({"multi_query_group_num": 4, "num_key_value_heads": ...}, (4, 8, 8), id="ChatGLM"),
        pytest.param({"head_dim": 16}, (2, 16, 16), id="a size of its own"),
        pytest.param({"head_dim": None}, (2, 8, 8), id="a size of null"),
        pytest.param({"head_dim": 192, "v_head_dim": 128}, (2, 192, 128), id="keys larger than values"),
        pytest.param(
            {"kv_lora_rank": 32, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "model_type": "minicpm3"},
            (2, 12, 12),
            id="a latent that vLLM does not keep",
        ),
    ],
)
def test_heads_and_sizes(changes, expected):
    """KV heads, the size of a key and that of a value."""
    found = layer(**changes)

    assert expected == (found.kv_heads, found.key_size, found.value_size)


def test_a_latent_cache_has_no_values():
    """One vector for all heads: rank and the part that RoPE turns."""
    [found, *_] = shape_of(shape("DeepSeek-V2-Lite")).layers

    assert Layer(Kind.FULL, 1, 576, 0, latent=True) == found


def test_sparse_attention_keeps_an_index():
    """DeepSeek-V3.2: 132 bytes more for each token and layer, and an honest word."""
    found = shape_of(shape("DeepSeek-V2-Lite", model_type="deepseek_v32", index_topk=2048))

    assert 2 * 27 == len(found.layers)
    assert 132 == found.layers[1].token_bytes
    assert "an index" in found.unknown


def test_gemma_4_has_larger_heads_where_it_sees_everything():
    """Other sizes, and with shared keys and values other heads."""
    config = {
        **TINY,
        "model_type": "gemma4_text",
        "num_hidden_layers": 6,
        "global_head_dim": 512,
        "num_global_key_value_heads": 1,
        "attention_k_eq_v": True,
    }
    layers = shape_of({"text_config": config}).layers

    assert (2, 256, 512) == (layers[0].kv_heads, layers[0].key_size, layers[0].window)
    assert (1, 512, None) == (layers[5].kv_heads, layers[5].key_size, layers[5].window)


def test_recurrent_layers_of_a_known_family():
    """Three of four keep a state; how vLLM pads it is said to be unknown."""
    found = shape_of(shape("Qwen3-Next-80B-A3B"))

    assert 36 == sum(one.kind is Kind.STATE for one in found.layers)
    assert "recurrent states" in found.unknown


def test_recurrent_layers_of_an_unknown_family_count_as_attention():
    """Rather too much than too little, and it is said."""
    found = shape_of({**TINY, "num_hidden_layers": 2, "layers_block_type": ["mamba", "attention"]})

    assert [Kind.FULL, Kind.FULL] == [one.kind for one in found.layers]
    assert "recurrent states" in found.unknown


@pytest.mark.parametrize(
    "changes",
    [
        {"compress_ratios": [4]},
        {"block_configs": [{}]},
        {"hybrid_layer_pattern": [1]},
        {"is_encoder_decoder": True},
    ],
)
def test_what_is_not_computed_is_said(changes):
    """No silent guess."""
    assert shape_of(TINY | changes).unknown


def test_what_is_missing_is_named():
    """The key, and that the file may be cut."""
    with pytest.raises(
        ModelError, match=r"of a llama2 model has no num_hidden_layers.*is the file complete\?"
    ):
        shape_of({"model_type": "llama2"})


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        pytest.param({}, 2048, id="nothing said"),
        pytest.param({"max_position_embeddings": 4096, "seq_length": 1024}, 1024, id="the shortest"),
        pytest.param({"model_max_length": 8192, "max_position_embeddings": 4096}, 8192, id="Command-R"),
        pytest.param({"text_config": {"max_position_embeddings": 512}}, 512, id="in a wrapper"),
        pytest.param(
            {"max_position_embeddings": 1000, "rope_scaling": {"type": "linear", "factor": 4}},
            4000,
            id="linear",
        ),
        pytest.param(
            {"max_position_embeddings": 1000, "rope_parameters": {"rope_type": "yarn", "factor": 4}},
            1000,
            id="yarn is in it already",
        ),
        pytest.param(
            {
                "max_position_embeddings": 1000,
                "original_max_position_embeddings": 250,
                "rope_scaling": {"rope_type": "longrope"},
            },
            250,
            id="longrope starts short",
        ),
        pytest.param(
            {
                "model_type": "gemma3_text",
                "max_position_embeddings": 1000,
                "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8}},
            },
            1000,
            id="Gemma 3 has it counted in",
        ),
        pytest.param(
            {
                "max_position_embeddings": 1000,
                "rope_parameters": {
                    "sliding_attention": {"rope_type": "default"},
                    "full_attention": {"rope_type": "linear", "factor": 8},
                },
            },
            8000,
            id="by kind of layer",
        ),
    ],
)
def test_length(config, tokens):
    """The longest request that a model was made for."""
    assert tokens == length_of(config)


@pytest.mark.parametrize(
    ("how", "dtype"),
    [
        ({}, "auto"),
        ({"quant_method": "gptq", "bits": 4}, "auto"),
        ({"quant_method": "compressed-tensors", "kv_cache_scheme": None}, "auto"),
        ({"quant_method": "compressed-tensors", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}, "fp8"),
        ({"quant_method": "modelopt", "quantization": {"kv_cache_quant_algo": "FP8"}}, "fp8"),
        ({"quant_method": "modelopt", "kv_cache_quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "kv_cache_scheme": {"num_bits": 4, "type": "float"}}, "nvfp4"),
        ({"quant_method": "modelopt", "kv_cache_quant_algo": "of tomorrow"}, "auto"),
    ],
)
def test_a_checkpoint_may_ask_for_a_small_cache(how, dtype):
    """It carries the scales for it."""
    assert dtype == shape_of(TINY | {"quantization_config": how}).kv_dtype
