"""Groups of layers and their blocks: held to what vLLM 0.32's own classes computed (golden_kv.json)."""

import json

import pytest

from gpu_cascade.config import EngineConfig
from gpu_cascade.vram.footprint.footprint import footprint
from gpu_cascade.vram.footprint.layer_kinds import Kind
from gpu_cascade.vram.footprint.pages import Cache, kv_shape, token_bytes
from gpu_cascade.vram.footprint.shape import Layer, Shape

from .files import HERE, SHAPES, write_config

GOLDEN = json.loads((HERE / "golden_kv.json").read_text())["cases"]
GIB = 2**30
RECURRENT = ("Qwen3-Next-80B-A3B", "Granite-4.0-H-Micro")
EXACT = [case for case in GOLDEN if case["shape"] not in RECURRENT]
HYBRID = [case for case in GOLDEN if case["shape"] in RECURRENT]


def named(case):
    return f"{case['shape']} {case['engine']}"


@pytest.fixture
def made(tmp_path):
    """The footprint of a golden case, on the processor, where vLLM computed it."""

    def make(case):
        folder = write_config(tmp_path / "model", SHAPES[case["shape"]])
        engine = EngineConfig(model="m", **case["engine"])
        return footprint(engine, folder, cpu=True, block_tokens=128, device_bytes=64 * GIB)

    return make


@pytest.mark.parametrize("case", GOLDEN, ids=named)
def test_every_number_is_vllms(made, case):
    """Blocks and tokens of three sizes, what a block costs, and the least that vLLM boots with."""
    kv = made(case).kv

    assert (case["max_model_len"], case["in_flight_tokens"]) == (kv.max_model_len, kv.in_flight_tokens)
    assert (case["block_size"], case["page_bytes"]) == (kv.block_tokens, kv.page_bytes)
    assert case["least_bytes"] == kv.bytes_for(1, kv.max_model_len)
    for row in case["kv"]:
        assert (row["blocks"], row["tokens"]) == (kv.blocks(row["bytes"]), kv.tokens(row["bytes"]))


@pytest.mark.parametrize("case", EXACT, ids=named)
def test_only_what_has_a_closed_form_is_not_estimated(made, case):
    """All of these have one."""
    assert made(case).kv.estimated is None


@pytest.mark.parametrize("case", HYBRID, ids=named)
def test_recurrent_states_are_said_to_be_an_estimate(made, case):
    """The numbers are vLLM's own on the processor; kernels of a GPU may want larger blocks."""
    assert "depends on the GPU" in made(case).kv.estimated


LAYER = Layer(Kind.FULL, 8, 128, 128)
LATENT = Layer(Kind.FULL, 1, 576, 0, latent=True)


@pytest.mark.parametrize(
    ("layer", "dtype", "expected"),
    [
        (LAYER, "auto", 8 * 256 * 2),
        (LAYER, "float16", 8 * 256 * 2),
        (LAYER, "fp8", 8 * 256),
        (LAYER, "fp8_e5m2", 8 * 256),
        (LAYER, "fp8_per_token_head", 8 * (256 + 8)),
        (LAYER, "int8_per_token_head", 8 * (256 + 8)),
        (LAYER, "int4_per_token_head", 8 * (128 + 8)),
        (LAYER, "nvfp4", 8 * 2 * (64 + 8)),
        (LATENT, "auto", 576 * 2),
        (LATENT, "fp8", 576),
        (LATENT, "fp8_ds_mla", 656),
        (LATENT, "nvfp4_ds_mla", 352),
        (Layer(Kind.FULL, 1, latent=True, token_bytes=132), "auto", 132),
        (Layer(Kind.FULL, 4, 192, 128), "auto", 4 * 320 * 2),
    ],
)
def test_bytes_of_a_token(layer, dtype, expected):
    """By the type of the cache; scales are counted in."""
    assert expected == token_bytes(layer, dtype, item_bytes=2, tensor_parallel=1)


def test_a_float32_model_has_a_float32_cache():
    """`auto` follows the model; a type that is named does not."""
    assert [8 * 256 * 4, 8 * 256 * 2] == [token_bytes(LAYER, dtype, 4, 1) for dtype in ("auto", "bfloat16")]


def test_tensor_parallelism_shares_heads_but_never_splits_one():
    """Sixteen devices hold one head each, though there are only eight; a latent is whole on each."""
    assert [8, 4, 1, 1] == [token_bytes(LAYER, "auto", 2, n) // 512 for n in (1, 2, 8, 16)]
    assert {1152} == {token_bytes(LATENT, "auto", 2, n) for n in (1, 8)}


def kv_of(*layers, dtype="auto", kv_dtype="auto", hybrid=True):
    shape = Shape(layers, 8, 1024, kv_dtype)
    return kv_shape(shape, Cache(16, 16, 2, dtype, hybrid=hybrid), 1024, 512)


def test_a_cache_of_an_unknown_type_is_taken_in_16_bits():
    """Rather too large, and said."""
    kv = kv_of(LAYER, dtype="turboquant_k8v4")

    assert (16 * 8 * 256 * 2, "turboquant_k8v4 has a layout of its own") == (kv.page_bytes, kv.estimated)


def test_the_checkpoints_wish_counts_where_the_user_says_nothing():
    """fp8 by its config.json; a type named in models.yaml wins."""
    assert 16 * 8 * 256 == kv_of(LAYER, kv_dtype="fp8").page_bytes
    assert 16 * 8 * 256 * 2 == kv_of(LAYER, dtype="bfloat16", kv_dtype="fp8").page_bytes


def test_smaller_pages_take_more_tokens():
    """Layers of two sizes, one twice the other: a window's block has 32 tokens instead of 16."""
    small = Layer(Kind.SLIDING, 4, 128, 128, window=64)

    kv = kv_of(LAYER, small)

    assert [(65536, 16), (65536, 32)] == [(group.page_bytes, group.block_tokens) for group in kv.groups]


def test_pages_that_do_not_come_out_even_are_padded():
    """Three heads against eight: the block keeps its tokens and wastes the rest."""
    kv = kv_of(LAYER, Layer(Kind.SLIDING, 3, 128, 128, window=64))

    assert [(65536, 16), (65536, 16)] == [(group.page_bytes, group.block_tokens) for group in kv.groups]


def test_without_the_hybrid_manager_windows_are_kept_whole():
    """One group; a model of windows alone keeps them."""
    window = Layer(Kind.SLIDING, 8, 128, 128, window=64)

    assert [None] == [group.window for group in kv_of(LAYER, window, hybrid=False).groups]
    assert [64] == [group.window for group in kv_of(window, window, hybrid=False).groups]


@pytest.mark.parametrize(
    ("full", "windows", "groups"), [(2, 4, [2, 2, 2]), (4, 5, [4, 5]), (2, 3, [2, 2, 1])]
)
def test_groups_have_equally_many_layers(full, windows, groups):
    """As many as the rarer kind has; as many as the other where that is less than half more."""
    window = Layer(Kind.SLIDING, 8, 128, 128, window=64)

    kv = kv_of(*[LAYER] * full, *[window] * windows)

    assert groups == [group.page_bytes // 65536 for group in kv.groups]
