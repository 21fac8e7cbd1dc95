"""Which measured values are believed, and what they correct."""

import pytest

from gpu_cascade.vram.footprint.footprint import Footprint
from gpu_cascade.vram.footprint.kv import Group, KvShape
from gpu_cascade.vram.footprint.readings import Readings, What, corrected

KV = KvShape((Group(1600, 16),), 1024, 512)
COMPUTED = Footprint(1000, 200, KV, asleep=100, asleep_host=1000, estimated=("weights: guessed",))


@pytest.mark.parametrize(
    ("values", "believed"),
    [
        pytest.param((90,), 90, id="one"),
        pytest.param((90, 110), 110, id="of two the larger"),
        pytest.param((1000, 90, 95), 95, id="an outlier does not win"),
        pytest.param((20, 90, 95), 90, id="nor does one below"),
        pytest.param((301,), None, id="too far off to be believed once"),
        pytest.param((33,), None, id="too small to be believed once"),
        pytest.param((1000, 95), 95, id="what is near wins"),
        pytest.param((1000, 2000, 4000), None, id="far off and at odds"),
        pytest.param((500, 510, 490), 500, id="three agree"),
        pytest.param((500, 510, 490, 100, 100), 490, id="three of five agree"),
    ],
)
def test_what_is_believed(values, believed):
    """The median; three times off what is computed (100) it takes three readings that agree."""
    assert believed == Readings(tuple(map(float, values))).believed(100)


def test_times_are_not_doubted():
    """Nothing is computed to compare them with."""
    assert 900 == Readings((900.0, 20.0, 2000.0)).believed()


def test_measured_bytes_replace_what_was_computed():
    """All that was estimated of them is known now; host memory follows from the weights."""
    found = corrected(
        COMPUTED, {What.RESIDENT_BYTES: Readings((1100.0,)), What.ASLEEP_BYTES: Readings((70.0,))}
    )

    assert Footprint(1000, 100, KV, asleep=70, asleep_host=1000, learned=True) == found


def test_weights_are_never_more_than_all():
    """Where even the weights were too much."""
    found = corrected(COMPUTED, {What.RESIDENT_BYTES: Readings((700.0,))})

    assert (700, 0) == (found.weights, found.overhead)


def test_nothing_measured_changes_nothing():
    """Times alone say nothing about bytes."""
    assert COMPUTED == corrected(COMPUTED, {What.BOOT_S: Readings((20.0,))})


def test_what_is_doubted_is_said():
    """The numbers, and what it would take."""
    found = corrected(COMPUTED, {What.RESIDENT_BYTES: Readings((5000.0,))})

    assert (1000, 200, False) == (found.weights, found.overhead, found.learned)
    assert "resident_bytes: 5,000 were measured where 1,200 are computed" in found.estimated[-1]
    assert "until 3 readings agree" in found.estimated[-1]


def test_an_exact_cache_is_not_corrected():
    """What vLLM reports is what was computed."""
    assert KV == corrected(COMPUTED, {What.KV_TOKEN_BYTES: Readings((150.0,))}).kv


def test_an_estimated_cache_grows_as_measured():
    """So many bytes for each token, and no estimate any more."""
    guess = Footprint(1, 1, KvShape((Group(1600, 16),), 1024, 512, "states"), 1, 1)

    found = corrected(guess, {What.KV_TOKEN_BYTES: Readings((150.0,))})

    assert (KvShape((Group(150 * 16, 16),), 1024, 512), True) == (found.kv, found.learned)
    assert 1024 == found.kv.tokens(150 * 1024)
