"""Blocks, tokens and requests of a KV cache, by vLLM's own rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.vram.footprint.kv import Group, KvShape

GIB = 2**30


def even(page_bytes=1280, block_tokens=128, max_model_len=2048):
    """A model whose layers are all alike."""
    return KvShape((Group(page_bytes, block_tokens),), max_model_len, in_flight_tokens=2048)


def mixed(window=1024, in_flight=2048, max_model_len=8192):
    """One part that sees everything and five with a window, as Gemma 3 has them."""
    groups = (Group(1600, 16), *[Group(1600, 16, window)] * 5)
    return KvShape(groups, max_model_len, in_flight)


def test_blocks_as_the_engine_counts_them():
    """vLLM 0.32 made exactly 364 blocks of 128 tokens, 46,592 in all, of 1 GiB for SmolLM2-135M in bf16."""
    smollm2 = even(page_bytes=30 * 3 * 128 * 2 * 64 * 2)

    assert (364, 46592) == (smollm2.blocks(GIB), smollm2.tokens(GIB))


@pytest.mark.parametrize(("tokens", "blocks"), [(1, 17), (2048, 17), (2049, 18), (4096, 33)])
def test_bytes_are_whole_blocks_and_the_null_block(tokens, blocks):
    """One request of full length always fits, and one block more is kept back by vLLM."""
    assert blocks * 1280 == even().bytes_for(tokens, 2048)


def test_requests_are_made_of_whole_blocks():
    """100 tokens take a block of 128, so 200 of them take two."""
    assert 3 * 1280 == even(max_model_len=100).bytes_for(200, 100)


def test_the_null_block_holds_no_request():
    """Of 33 blocks 32 can be used."""
    assert (2, 1) == (even().concurrent(33 * 1280, 2048), even().concurrent(32 * 1280, 2048))


def test_nothing_fits_in_nothing():
    """No blocks, no tokens, no requests; and never fewer than none."""
    assert (0, 0, 0) == (even().blocks(0), even().tokens(1279), even().concurrent(0, 1))
    assert (0, 0) == (even().blocks(-1), even().concurrent(-1, 1))


def test_a_window_is_held_with_what_is_under_way():
    """1,023 tokens behind and 2,048 ahead are 192 blocks, and one as the window begins anywhere."""
    assert 512 + 5 * 193 == Group(1, 16).blocks(8192, 2048) + 5 * Group(1, 16, 1024).blocks(8192, 2048)


def test_a_short_request_is_held_whole():
    """It is shorter than its window; the block more is reserved all the same."""
    assert 8 == Group(1, 16, 1024).blocks(100, 2048)


def test_windows_make_long_requests_cheap():
    """Twice the length costs less than twice the blocks."""
    kv = mixed()

    assert kv.bytes_for(16384, 16384) < 2 * kv.bytes_for(8192, 8192)


def test_groups_take_turns_in_the_same_blocks():
    """A block has the size of the largest group; the smaller blocks' tokens are what vLLM reports."""
    kv = KvShape((Group(4096, 32), Group(2048, 16, 128)), 1024, 512)

    assert (4096, 16) == (kv.page_bytes, kv.block_tokens)


def test_a_state_costs_the_same_for_any_length():
    """A recurrent layer does not remember tokens."""
    state = Group(100, 16, states=2)

    assert [2, 2] == [state.blocks(tokens, 0) for tokens in (1, 1_000_000)]


def test_a_model_without_a_cache():
    """vLLM still makes the null block."""
    assert (1, 0) == (KvShape((), 1024, 0).blocks(GIB), KvShape((), 1024, 0).page_bytes)


@given(
    st.sampled_from([even(max_model_len=n) for n in (1, 100, 129, 2048, 5000)] + [mixed(), mixed(3, 1, 100)]),
    st.integers(1, 10**6),
)
def test_what_is_asked_for_is_there(kv, tokens):
    """`bytes_for` holds what it says, one full request beside the null block, and not a block more."""
    given_bytes = kv.bytes_for(tokens, kv.max_model_len)

    assert kv.tokens(given_bytes) >= tokens
    assert kv.concurrent(given_bytes, kv.max_model_len) >= 1
    less = given_bytes - 2 * kv.page_bytes
    assert kv.tokens(less) < tokens or kv.concurrent(given_bytes - kv.page_bytes, kv.max_model_len) == 0


@given(st.integers(0, 2**40), st.integers(1, 2**20))
def test_more_bytes_never_hold_less(kv_bytes, more):
    """Blocks, tokens and requests grow with the bytes."""
    for kv in (even(), mixed()):
        assert kv.blocks(kv_bytes + more) >= kv.blocks(kv_bytes)
        assert kv.tokens(kv_bytes + more) >= kv.tokens(kv_bytes)
        assert kv.concurrent(kv_bytes + more, 1000) >= kv.concurrent(kv_bytes, 1000)
