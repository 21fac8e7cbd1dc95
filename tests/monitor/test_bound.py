"""What a calibration's disagreement rate vouches for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from gpu_cascade.monitor.bound import tolerated


@settings(max_examples=40)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_it_is_clopper_and_pearsons(counts):
    """The upper end by the beta distribution, as scipy has it."""
    k, n = counts

    assert beta.ppf(0.95, k + 1, n - k) == pytest.approx(tolerated(k / n, n), abs=1e-9)


@pytest.mark.parametrize(("rate", "rows"), [(0.0, 0), (1.0, 7)])
def test_where_nothing_is_excluded(rate, rows):
    """No row, or nothing but disagreement: any rate is possible."""
    assert 1.0 == tolerated(rate, rows)
