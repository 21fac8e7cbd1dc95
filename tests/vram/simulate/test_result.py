"""What is told of a run, and why requests were late."""

from io import StringIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gpu_cascade.vram.simulate.load import Gateway
from gpu_cascade.vram.simulate.machine import Machine
from gpu_cascade.vram.simulate.policies import run_policy
from gpu_cascade.vram.simulate.result import percentiles, summed
from gpu_cascade.vram.simulate.show import render

from .toy import asked, example

THREE = ("small", "large", "huge")


def result(rows, policy="auto", **changes):
    return summed(policy, run_policy(Machine(example(**changes), THREE), asked(rows), policy))


@given(st.lists(st.floats(0, 100), min_size=1))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values):
    """Nearest rank."""
    found = percentiles(values)

    assert sum(value <= found["p90"] for value in values) >= 0.9 * len(values)
    assert sum(value < found["p90"] for value in values) < 0.9 * len(values)
    assert max(values) == found["max"]


def test_nothing_has_no_percentiles():
    """Unknown is not 0."""
    assert {} == percentiles([])


@pytest.mark.parametrize(
    ("cause", "rows", "policy"),
    [
        ("draft", [(0.0, 100, 600, 0)], "auto"),  # 600 steps of 3.8 ms
        ("away", [(0.0, 100, 50, 2)], "auto"),
        ("refused", [(0.0, 100, 50, 2)], "static"),
        ("draft_place", [(0.0, 100, 150, 0)] * 400, "auto"),  # 64 at a time, over 1 s each
        ("place", [(at / 20, 10, 100, 1) for at in range(300)], "auto"),  # 64 at a time, over 4 s each
        ("prompt", [(0.0, 15000, 100, 1)] * 2, "auto"),  # 9,000 tokens a second
    ],
)
def test_every_late_request_has_a_cause(cause, rows, policy):
    """Those that are not in time, and why, add up to all."""
    found = result(rows, policy)

    assert found.lost[cause] > 0
    assert len(rows) == sum(found.lost.values()) + round(found.goodput * found.duration_s)


def test_the_last_token_may_be_late_alone():
    """100 tokens of large take over 2 s: the first within 2 s, the last after 1.5 s."""
    requests = example().requests
    slo = msgspec.structs.replace(requests.slo, e2e_s=1.5)
    found = result([(0.0, 100, 100, 1)], requests=msgspec.structs.replace(requests, slo=slo))

    assert 1 == found.lost["answer"] == sum(found.lost.values())


def test_a_deadline_is_a_cause():
    """Who left was not answered."""
    found = result([(0.0, 100, 50, 2)], gateway=Gateway(deadline_s=10))

    assert {"open": 0, "answered": 0, "refused": 0, "left": 1} == found.fates
    assert 1 == found.lost["left"]
    assert {} == found.ttft_s


def test_what_is_told_of_a_run():
    """One kept, one escalated: shares, waits by engine, moves with reasons."""
    found = result([(0.0, 100, 50, 0), (1.0, 100, 50, 2)])

    assert (2, 100.0, 0.01, 0.5) == (found.requests, found.duration_s, found.goodput, found.in_time)
    assert found.waits_s["huge"]["max"] > 100
    assert 0 == found.waits_s["small"]["max"]
    assert "large" not in found.waits_s
    assert ["sleep", "boot"] == [kind for _, _, kind, _ in found.moves]
    assert all(why for *_, why in found.moves)


def test_tables_name_policies_causes_and_states():
    """For people: what users had, why requests were late, what the engines did."""
    console = Console(width=200, record=True, file=StringIO())
    console.print(
        render("two requests", [result([(0.0, 100, 50, 0), (1.0, 100, 50, 2)]), result([], "static")])
    )
    shown = console.export_text()

    for words in ("two requests", "auto", "static", "50.0%", "was not awake", "sleep 40", "ready"):
        assert words in shown
