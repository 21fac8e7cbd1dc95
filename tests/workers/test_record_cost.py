"""What a record costs over the border: the short form of scripts/long/record_cost.py."""

import sys
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "long"))
import record_cost


def test_a_record_over_the_border_costs_little():
    """At its best less than 100 µs where it was answered, and 300 in the supervisor, its store included."""
    worker_us, supervisor_us = uvloop.run(record_cost.costs(repeats=2))

    assert worker_us < 100
    assert supervisor_us < 300
