"""How free bytes become KV caches."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.vram.plan.share import Claim, Pool, fill, level

GIB = 2**30


def test_the_rest_is_shared_by_demand():
    """Beyond their floors both have room for as many requests in flight."""
    claims = {"small": Claim(10, 10_000, 1.0), "large": Claim(10, 10_000, 3.0)}

    assert {"small": 249, "large": 749} == fill(claims, [Pool(1000, ("small", "large"))])


def test_floors_come_first():
    """Who is promised more than its share keeps it; the others share what is left."""
    claims = {"greedy": Claim(900, 10_000, 1.0), "other": Claim(10, 10_000, 1.0)}

    assert {"greedy": 900, "other": 99} == fill(claims, [Pool(1000, ("greedy", "other"))])


def test_nobody_gets_more_than_it_can_use():
    """What a full one leaves goes to the others, and what nobody can use stays free."""
    claims = {"full": Claim(10, 100, 1.0), "other": Claim(10, 10_000, 1.0)}

    assert {"full": 100, "other": 899} == fill(claims, [Pool(1000, ("full", "other"))])
    assert {"full": 100, "other": 10_000} == fill(claims, [Pool(20_000, ("full", "other"))])


def test_whole_blocks_only():
    """Sizes are rounded down to pages; what a page too large leaves goes to who comes later."""
    claims = {"coarse": Claim(300, 9000, 1.0, page=300), "fine": Claim(10, 9000, 1.0)}

    sizes = fill(claims, [Pool(1000, ("coarse", "fine"))])

    assert 300 == sizes["coarse"]
    assert 499 == sizes["fine"]


def test_the_tightest_device_does_not_hold_the_others_back():
    """`both` is as large as its fuller device allows, `beside` as large; `alone` takes the rest elsewhere."""
    claims = {name: Claim(1, 10_000, 1.0) for name in ("both", "beside", "alone")}

    sizes = fill(claims, [Pool(200, ("both", "beside")), Pool(1000, ("both", "alone"))])

    assert {"both": 99, "beside": 99, "alone": 900} == sizes


def test_one_size_for_every_turn():
    """An engine that is awake in two layouts has the KV cache that fits into both."""
    claims = {name: Claim(10, 10_000, 1.0) for name in ("stays", "one", "other")}

    sizes = fill(claims, [Pool(500, ("stays", "one")), Pool(200, ("stays", "other"))])

    assert {"stays": 99, "other": 99, "one": 400} == sizes


def test_missing_bytes_are_told():
    """Floors that do not fit: minus what is missing. All full: no end."""
    assert -20.0 == level(100, [Claim(60, 100, 1.0), Claim(60, 100, 1.0)])
    assert math.inf == level(200, [Claim(60, 100, 1.0), Claim(60, 100, 1.0)])


@st.composite
def _machines(draw):
    pages = st.integers(1, 400_000_000)
    claims = {}
    for name in "abcde"[: draw(st.integers(1, 5))]:
        page = draw(pages)
        floor = page * draw(st.integers(1, 50))
        full = floor + page * draw(st.integers(0, 5000))
        claims[name] = Claim(floor, full, draw(st.floats(1e3, 1e10)), page)
    subsets = st.lists(st.sampled_from(sorted(claims)), min_size=1, unique=True)
    engines = [tuple(draw(subsets)) for _ in range(draw(st.integers(1, 4)))] + [tuple(claims)]
    spare = st.integers(0, 200 * GIB)
    return claims, [Pool(sum(claims[n].floor for n in some) + draw(spare), some) for some in engines]


@given(_machines())
def test_nothing_is_given_out_twice(machine):
    """Whatever is asked: pools hold, floors are kept, sizes are whole pages and never beyond use."""
    claims, pools = machine

    sizes = fill(claims, pools)

    assert all(sum(sizes[name] for name in pool.engines) <= pool.bytes for pool in pools)
    for name, claim in claims.items():
        assert claim.floor <= sizes[name] <= claim.full
        assert 0 == sizes[name] % claim.page


@given(_machines())
def test_nothing_of_use_is_left(machine):
    """Everybody is full, or has a device on which not one page of its own is free for it."""
    claims, pools = machine

    sizes = fill(claims, pools)

    for name, claim in claims.items():
        left = min(pool.bytes - sum(sizes[n] for n in pool.engines) for pool in pools if name in pool.engines)
        # The pages of those that were rounded down on the same device after it stay free.
        others = sum(other.page for other in claims.values())
        assert sizes[name] == claim.full or left <= others


def test_an_odd_share_never_takes_a_byte_too_many():
    """Thirds of a sum that has none."""
    claims = {name: Claim(1, 10**12, 1 / 3) for name in "abc"}

    assert sum(fill(claims, [Pool(10**11 + 1, tuple("abc"))]).values()) == pytest.approx(10**11, abs=10)
