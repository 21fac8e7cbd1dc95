"""Which layers remember what, in all the spellings there are."""

import pytest

from gpu_cascade.vram.footprint.layer_kinds import Kind, layer_kinds, window

FULL, SLIDING, STATE, NONE = Kind.FULL, Kind.SLIDING, Kind.STATE, Kind.NONE
FOUR = {"num_hidden_layers": 4}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        pytest.param({}, [FULL] * 4, id="nothing said"),
        pytest.param({"sliding_window": 8}, [SLIDING] * 4, id="Mistral"),
        pytest.param({"sliding_window": None}, [FULL] * 4, id="a window of null"),
        pytest.param({"sliding_window": 0}, [FULL] * 4, id="a window of 0"),
        pytest.param(
            {"sliding_window": 8, "sliding_window_pattern": 2}, [SLIDING, FULL, SLIDING, FULL], id="Gemma 2"
        ),
        pytest.param(
            {"sliding_window": 8, "_sliding_window_pattern": 3},
            [SLIDING, SLIDING, FULL, SLIDING],
            id="Gemma 3",
        ),
        pytest.param(
            {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"] * 2},
            [SLIDING, FULL] * 2,
            id="gpt-oss",
        ),
        pytest.param({"layer_types": ["sliding_attention"] * 4}, [FULL] * 4, id="windows of no size"),
        pytest.param(
            {"layer_types": ["chunked_attention", "full_attention"] * 2},
            [FULL] * 4,
            id="Llama 4 is kept whole",
        ),
        pytest.param(
            {"layer_types": ["linear_attention"] * 3 + ["full_attention"]},
            [STATE] * 3 + [FULL],
            id="Qwen3-Next",
        ),
        pytest.param({"full_attention_interval": 4}, [STATE] * 3 + [FULL], id="Qwen3-Next, an early one"),
        pytest.param({"layers_block_type": ["mamba", "attention"] * 2}, [STATE, FULL] * 2, id="Bamba"),
        pytest.param({"hybrid_override_pattern": "M-*E"}, [STATE, NONE, FULL, NONE], id="Nemotron-H"),
        pytest.param({"attn_type_list": [0, 0, 0, 1]}, [STATE] * 3 + [FULL], id="MiniMax-01"),
        pytest.param(
            {"linear_attn_config": {"full_attn_layers": [4]}}, [STATE] * 3 + [FULL], id="Kimi Linear"
        ),
        pytest.param({"full_attn_idxs": [1]}, [STATE, FULL, STATE, STATE], id="LFM2"),
        pytest.param({"attn_layer_indices": [2]}, [STATE, STATE, FULL, STATE], id="Bamba, an early one"),
        pytest.param(
            {"attn_layer_period": 4, "attn_layer_offset": 2}, [STATE, STATE, FULL, STATE], id="Jamba"
        ),
        pytest.param({"model_type": "mamba2"}, [STATE] * 4, id="Mamba"),
        pytest.param(
            {"sliding_window": 8, "sliding_window_pattern": 2, "num_kv_shared_layers": 2},
            [SLIDING, FULL, NONE, NONE],
            id="Gemma 3n shares",
        ),
    ],
)
def test_kinds(text, kinds):
    """One for each layer, in order."""
    assert kinds == layer_kinds(FOUR | text)


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ({"use_sliding_window": False, "max_window_layers": 2}, [FULL] * 4),
        ({"max_window_layers": 0}, [FULL] * 4),
        ({"use_sliding_window": True, "max_window_layers": 0}, [SLIDING] * 4),
        ({"use_sliding_window": True, "max_window_layers": 2}, [FULL] * 4),
    ],
)
def test_the_windows_of_qwen(said, kinds):
    """None unless they are turned on, and with vLLM 0.32 none where only some layers would have one."""
    assert kinds == layer_kinds({**FOUR, "model_type": "qwen2", "sliding_window": 8, **said})


def test_cohere_counts_the_token_itself():
    """Its window is one more, as vLLM has it."""
    assert 4097 == window({"model_type": "cohere2", "sliding_window": 4096})
