"""A model's tensors by its config.json alone."""

import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.vram.footprint.implied import implied

from .files import QWEN2_15B, shape


def parameters(config):
    return sum(one.elements for one in implied(config))


DEEPSEEK_V3 = {
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "vocab_size": 129280,
    "q_lora_rank": 1536,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "first_k_dense_replace": 3,
    "topk_method": "noaux_tc",
}
QWEN_72B = {
    "hidden_size": 8192,
    "intermediate_size": 29568,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
}


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (shape("SmolLM2-135M"), 134_515_008),
        (shape("Qwen2.5-0.5B"), 494_032_768),
        (shape("Qwen2.5-0.5B", **QWEN2_15B), 1_543_714_304),
        (shape("Qwen2.5-32B"), 32_763_876_352),
        (shape("Qwen2.5-32B", **QWEN_72B), 72_706_203_648),
        (shape("Llama-3.1-8B"), 8_030_261_248),
        (shape("Mistral-7B-v0.1"), 7_241_732_096),
        (shape("Mixtral-8x7B"), 46_702_792_704),
        (shape("Qwen3-8B"), 8_190_735_360),
        (shape("Qwen3-30B-A3B"), 30_532_122_624),
        (shape("Gemma-2-9B"), 9_241_705_984),
        (shape("gpt-oss-20b"), 20_914_757_184),
        (shape("DeepSeek-V2-Lite", **DEEPSEEK_V3), 671_026_419_200),
    ],
)
def test_parameters_are_those_that_were_published(config, published):
    """To the last one: embeddings, attention, its biases, feed-forward layers, experts, norms."""
    assert published == parameters(config)


def test_every_tensor_has_its_bytes():
    """Two for each number of a checkpoint in 16 bits."""
    tensors = implied(shape("SmolLM2-135M"))

    assert 2 * 134_515_008 == sum(one.bytes for one in tensors)
    assert {"BF16"} == {one.dtype for one in tensors}


def test_only_matrices_are_quantised():
    """Embeddings, head and norms stay in 16 bits: Llama-3.1-8B in AWQ is 5.7 GB, as its files are."""
    how = {"quant_method": "awq", "bits": 4, "group_size": 128}

    assert 5_727_000_000 == pytest.approx(
        sum(one.bytes for one in implied(shape("Llama-3.1-8B", quantization_config=how))), rel=0.005
    )


def test_only_experts_are_quantised():
    """gpt-oss-20b in MXFP4 is 13.8 GB, as its files are."""
    config = shape("gpt-oss-20b", quantization_config={"quant_method": "mxfp4"})

    assert 13_761_000_000 == pytest.approx(sum(one.bytes for one in implied(config)), rel=0.005)


def test_a_mixture_may_have_layers_without_experts():
    """By a list, by a step, or the first few."""
    tiny = shape(
        "Qwen3-30B-A3B", num_hidden_layers=4, num_experts=2, moe_intermediate_size=8, intermediate_size=8
    )

    def mixed(**said):
        return [".experts." in one.name for one in implied(tiny | said) if "down_proj" in one.name]

    assert [True] * 4 == mixed()
    assert [True, False, True, True] == mixed(mlp_only_layers=[1])
    assert [False, True, False, True] == mixed(decoder_sparse_step=2)
    assert [False, False, True, True] == mixed(first_k_dense_replace=2)


def test_an_encoder_of_pictures_is_counted():
    """Roughly: four matrices of attention and three of a feed-forward layer, in each of its layers."""
    text = shape("SmolLM2-135M")
    vision = {"hidden_size": 64, "depth": 2, "intermediate_size": 100}

    assert 134_515_008 + 2 * 64 * (4 * 64 + 3 * 100) == parameters(
        {"text_config": text, "vision_config": vision}
    )


def test_a_number_that_is_missing_is_named():
    """Not guessed."""
    with pytest.raises(ModelError, match="has no vocab_size"):
        implied(shape("Llama-3.1-8B", vocab_size=...) | {"model_type": "llama2"})
