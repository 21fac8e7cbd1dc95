"""What a lease and an event of the core cost: the short form of scripts/long/lease_cost.py."""

import sys
from pathlib import Path

import pytest
import uvloop

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts" / "long"))
import lease_cost


def test_a_lease_over_the_border_costs_little():
    """At its best 20 µs inside a credit and 300 µs to fetch one, from another process."""
    costs = uvloop.run(lease_cost.lease_costs(repeats=10))

    assert {"a lease inside a credit": 20.0, "fetching one": 300.0} == {k: v[2] for k, v in costs.items()}
    assert all(best_us <= bound_us for best_us, _, bound_us in costs.values()), costs


@pytest.mark.parametrize(("waiting", "bound_us"), [(32, 30.0), (1000, 100.0)])
def test_an_event_of_the_core_costs_little(waiting, bound_us):
    """On the mean over what requests and time bring, however many wait."""
    costs = lease_cost.core_costs(waiting, repeats=5)

    assert lease_cost.mean_us(costs) <= bound_us, costs
