"""Whether an engine has enough KV cache."""

import pytest

from gpu_cascade.vram.scheduler.pressure import CALM_S, FADE_S, HIGH, Pressure


@pytest.mark.parametrize(("usage", "preemptions", "waiting"), [(HIGH, 0, 0), (0.1, 1, 0), (0.1, 0, 1)])
def test_an_engine_is_short_by_any_of_three_signs(usage, preemptions, waiting):
    """Full, preempting, or with somebody waiting for a place; from the first sign on."""
    pressure = Pressure()
    pressure.seen(0.1, 0, 0, 0.0)
    assert 0.0 == pressure.short_s(5.0)

    pressure.seen(usage, preemptions, waiting, 5.0)

    assert 15.0 == pressure.short_s(20.0)


def test_shortness_ends_after_a_calm_minute():
    """A pause is not an end; old preemptions are no sign."""
    pressure = Pressure()
    pressure.seen(HIGH, 3, 0, 0.0)
    pressure.seen(0.2, 3, 0, CALM_S - 1)
    assert 100.0 == pressure.short_s(100.0)

    pressure.seen(0.2, 3, 0, CALM_S)

    assert 0.0 == pressure.short_s(100.0)


def test_a_peak_is_remembered_and_fades():
    """To a third in a quarter of an hour; a boot forgets all of it."""
    pressure = Pressure()
    pressure.seen(0.9, 0, 0, 0.0)
    pressure.seen(0.1, 0, 0, 10.0)

    assert 0.89 == pytest.approx(pressure.peak(10.0), abs=0.01)
    assert 0.33 == pytest.approx(pressure.peak(FADE_S), abs=0.01)
    pressure.forget()
    assert (0.0, 0.0, None) == (pressure.peak(10.0), pressure.short_s(10.0), pressure.usage)
