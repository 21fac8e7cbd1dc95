"""One change of one engine at a time."""

from dataclasses import replace

import pytest

from gpu_cascade.vram.plan.changes import SHORTEST_TOKENS, Step, steps
from gpu_cascade.vram.plan.want import Change

from .made import varied, want

LARGE = varied(want("large", 30, 131072, min_tokens=32768, max_model_len=8192))


def only(change, made=LARGE):
    [step] = steps(change, made)
    return step


def test_tokens_at_once_go_down_to_one_request():
    """No further: vLLM refuses less."""
    assert 8192 == only(Change.MIN_TOKENS).apply(LARGE).min_tokens
    assert [] == list(steps(Change.MIN_TOKENS, replace(LARGE, min_tokens=8192)))


def test_a_context_is_never_shorter_than_is_of_use():
    """1,024 tokens, and no change where it is no longer than that."""
    assert SHORTEST_TOKENS == only(Change.MAX_MODEL_LEN).apply(LARGE).max_model_len
    assert [] == list(steps(Change.MAX_MODEL_LEN, replace(LARGE, max_model_len=1024)))


def test_a_variant_changes_what_it_is_about():
    """Weights in fp8 leave a cache alone that another change has made smaller."""
    smaller_cache = only(Change.KV_FP8).apply(LARGE)

    both = only(Change.WEIGHTS_FP8).apply(smaller_cache)

    assert smaller_cache.footprint.kv == both.footprint.kv
    assert LARGE.footprint.weights // 2 == both.footprint.weights


def test_what_is_saved_is_on_each_gpu():
    """Weights and cache of half the size; overhead stays."""
    step = only(Change.TENSOR_PARALLEL)

    halved = (LARGE.footprint.weights + LARGE.floor_bytes) / 2
    assert halved == pytest.approx(step.saves_bytes, rel=1e-3)


@pytest.mark.parametrize(
    ("step", "loss"),
    [
        (Step(Change.MIN_TOKENS, LARGE, tokens=32768), 1.0),
        (Step(Change.MAX_MODEL_LEN, LARGE, tokens=4096), 5.0),
        (next(steps(Change.TENSOR_PARALLEL, LARGE)), 2.0),
        (next(steps(Change.EAGER, LARGE)), 1.0),
    ],
)
def test_loss_says_how_much_is_given_up(step, loss):
    """1 is nothing; twice the GPUs are 2, a fifth of the tokens 5."""
    assert loss == step.loss


def test_it_is_said_as_one_writes_it():
    """With the value that stands there now."""
    assert "engines.large.quantization: fp8" == only(Change.WEIGHTS_FP8).what
    assert "engines.large.kv.min_tokens: 8192 (from 32768)" == only(Change.MIN_TOKENS).what
