"""Bytes of weights on each device."""

import json

import pytest

from gpu_cascade.vram.footprint.weights import weights_of

from .files import HERE, SHAPES, shape, write_tensors

GOLDEN = json.loads((HERE / "golden_kv.json").read_text())["cases"]
TINY = shape(
    "SmolLM2-135M",
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=1,
    num_attention_heads=8,
    num_key_value_heads=2,
    head_dim=8,
    vocab_size=128,
    tie_word_embeddings=False,
)
TENSORS = {
    "model.embed_tokens.weight": ("BF16", (128, 64)),
    "model.layers.0.self_attn.q_proj.weight": ("BF16", (64, 64)),
    "model.layers.0.self_attn.k_proj.weight": ("BF16", (16, 64)),
    "model.layers.0.mlp.down_proj.weight": ("BF16", (64, 128)),
    "model.norm.weight": ("BF16", (64,)),
    "lm_head.weight": ("BF16", (128, 64)),
}
ALL = 2 * (128 * 64 + 64 * 64 + 16 * 64 + 64 * 128 + 64 + 128 * 64)


def weights(folder, tensors=None, config=TINY, item_bytes=2, tensor_parallel=1, quantization=None):
    if tensors is not None:
        write_tensors(folder / "model.safetensors", tensors)
    return weights_of(folder, config, item_bytes, tensor_parallel, quantization)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['shape']} {case['engine']}")
def test_every_device_holds_what_vllms_models_hold(tmp_path, case):
    """As vLLM's classes have their parameters, over 1 to 16 devices: to the byte, new families to 1 %."""
    engine = case["engine"]
    item_bytes = 4 if engine.get("dtype") == "float32" else 2

    found = weights_of(tmp_path, SHAPES[case["shape"]], item_bytes, engine.get("tensor_parallel", 1), None)

    exact = case["shape"] not in {"Qwen3-Next-80B-A3B", "Granite-4.0-H-Micro", "Gemma-4 sizes"}
    assert case["weights_bytes"] == (found.bytes if exact else pytest.approx(found.bytes, rel=0.01))


def test_what_the_files_hold(tmp_path):
    """To the byte, and nothing is estimated."""
    found = weights(tmp_path, TENSORS)

    assert (ALL, 2 * 2 * 128 * 64, None) == (found.bytes, found.embeddings, found.estimated)


def test_a_checkpoint_in_another_float_is_converted(tmp_path):
    """float32 files are halved in 16 bits, 16-bit files doubled in float32."""
    wide = {name: ("F32", size) for name, (_, size) in TENSORS.items()}

    assert ALL == weights(tmp_path, wide).bytes
    assert 2 * ALL == weights(tmp_path, TENSORS, item_bytes=4).bytes


def test_tied_embeddings_count_once(tmp_path):
    """Though the file has them twice."""
    assert ALL - 2 * 128 * 64 == weights(tmp_path, TENSORS, TINY | {"tie_word_embeddings": True}).bytes


def test_what_vllm_does_not_load_is_not_counted(tmp_path):
    """Layers for drafting ahead and tables; layers of an encoder are numbered on their own."""
    unused = {
        "model.layers.1.mlp.down_proj.weight": ("BF16", (64, 128)),
        "mtp.layers.0.weight": ("BF16", (64, 128)),
        "model.layers.0.self_attn.rotary_emb.inv_freq": ("F32", (4,)),
    }

    assert ALL == weights(tmp_path, TENSORS | unused).bytes
    assert ALL + 128 == weights(tmp_path, TENSORS | {"vision_tower.layers.9.weight": ("BF16", (8, 8))}).bytes


def test_quantised_tensors_stay_as_they_are(tmp_path):
    """Packed integers, fp8 and their scales, whatever the model's type."""
    packed = {
        "model.layers.0.mlp.down_proj.qweight": ("I32", (8, 128)),
        "model.layers.0.mlp.down_proj.scales": ("F16", (1, 128)),
        "model.layers.0.mlp.up_proj.weight": ("F8_E4M3", (8, 8)),
        "model.layers.0.mlp.up_proj.weight_scale": ("F32", (1,)),
    }

    for item_bytes in (2, 4):
        assert 8 * 128 * 4 + 256 + 64 + 4 == weights(tmp_path, packed, item_bytes=item_bytes).bytes


def test_vllm_may_quantise_while_it_loads(tmp_path):
    """Matrices in one byte each; embeddings, head and norms stay."""
    matrices = 64 * 64 + 16 * 64 + 64 * 128

    assert ALL - matrices == weights(tmp_path, TENSORS, quantization="fp8").bytes


def test_a_quantised_checkpoint_is_not_quantised_again(tmp_path):
    """There `quantization` only names its format."""
    config = TINY | {"quantization_config": {"quant_method": "fp8"}}

    assert ALL == weights(tmp_path, TENSORS, config, quantization="fp8").bytes


def test_what_each_device_holds(tmp_path):
    """Matrices are divided, KV heads repeated where there are too few, vectors and routers held by all."""
    router = {"model.layers.0.mlp.gate.weight": ("BF16", (4, 64))}

    found = weights(tmp_path, TENSORS | router, tensor_parallel=4)

    divided = (128 * 64 + 64 * 64 + 64 * 128 + 128 * 64) // 4
    assert 2 * (divided + 16 * 64 // 2 + 64 + 4 * 64) == found.bytes


def test_a_fused_projection_repeats_its_kv_heads(tmp_path):
    """Eight heads over four devices: two queries each, and a key and a value of two."""
    fused = {"model.layers.0.self_attn.qkv_proj.weight": ("BF16", (96, 64))}

    assert 2 * 32 * 64 == weights(tmp_path, fused, tensor_parallel=4).bytes


def test_embeddings_are_padded(tmp_path):
    """To whole units of 64 rows."""
    assert 2 * 128 * 64 == weights(tmp_path, {"model.embed_tokens.weight": ("BF16", (65, 64))}).bytes


def test_weights_that_are_not_here_are_computed(tmp_path):
    """And that is said."""
    found = weights(tmp_path, None, shape("Llama-3.1-8B"))

    assert 2 * 8_030_261_248 == found.bytes
    assert "computed from config.json" in found.estimated


def test_an_index_without_its_files_is_believed(tmp_path):
    """Its total is what the files hold, in the checkpoint's own types."""
    (tmp_path / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": 16_060_522_496}, "weight_map": {"a": "model-1.safetensors"}})
    )

    found = weights(tmp_path, None, shape("Llama-3.1-8B"))

    assert 16_060_522_496 == found.bytes
    assert "index" in found.estimated
