"""What an engine asks for, in bytes."""

import pytest

from gpu_cascade.vram.plan.want import tier_weights

from .made import want


def test_the_least_kv_cache_holds_a_whole_request():
    """vLLM refuses to boot where `max_model_len` does not fit, however few tokens were asked for."""
    short = want("a", 1, 65536, min_tokens=16, max_model_len=160)

    assert 11 * 16 * 65536 == short.floor_bytes
    assert 21 * 16 * 65536 == want("a", 1, 65536, min_tokens=320, max_model_len=160).floor_bytes


def test_more_than_every_request_at_its_longest_is_of_no_use():
    """The most is `max_num_seqs` requests of `max_model_len`, and never less than what was asked for."""
    assert 81 * 16 * 65536 == want("a", 1, 65536, max_num_seqs=8, max_model_len=160, min_tokens=1).full_bytes
    assert (
        101 * 16 * 65536 == want("a", 1, 65536, max_num_seqs=1, max_model_len=16, min_tokens=1600).full_bytes
    )


def test_who_does_not_fill_gets_the_least():
    """In RAM a KV cache is what was asked for, however many requests may come."""
    assert 11 * 16 * 65536 == want("a", 1, 65536, min_tokens=160, max_model_len=160, fills=False).full_bytes


def test_demand_is_a_usual_request_times_the_share_that_comes():
    """1,024 tokens, or the longest request where that is shorter."""
    assert 0.5 * 1024 * 65536 == want("a", 1, 65536, weight=0.5).demand_bytes
    assert 160 * 65536 == want("a", 1, 65536, max_model_len=160).demand_bytes


def test_each_tier_sees_the_share_that_climbs_to_it():
    """All, 30 % of those, 30 % of those; in several cascades, where it is asked most."""
    weights = tier_weights([["small", "large", "huge"], ["large", "huge"]])

    assert {"small": 1.0, "large": 1.0, "huge": pytest.approx(0.3)} == weights
