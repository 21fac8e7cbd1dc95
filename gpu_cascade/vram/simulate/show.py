"""Results as tables for a terminal."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table

from .result import Cause, Result

SHOWN = ("p50", "p95", "p99")


def render(title: str, results: Sequence[Result]) -> Group:
    """Three tables: what users had, why requests were late or lost, and what the engines did."""
    return Group(_users(title, results), _losses(results), _engines(results))


def _users(title: str, results: Sequence[Result]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("policy")
    times = [f"{what} {name} s" for what in ("first token", "answer") for name in SHOWN]
    for name in ("in time/s", "in time", *times, "longest wait s", "moves"):
        table.add_column(name, justify="right")
    for one in results:
        waited = max((waits.get("max", 0.0) for waits in one.waits_s.values()), default=0.0)
        table.add_row(
            one.policy,
            f"{one.goodput:.3f}",
            f"{one.in_time:.1%}",
            *(f"{found[name]:.2f}" if found else "-" for found in (one.ttft_s, one.e2e_s) for name in SHOWN),
            f"{waited:.1f}",
            f"{len(one.moves)}",
        )
    return table


def _losses(results: Sequence[Result]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("not in time: why")
    for one in results:
        table.add_column(one.policy, justify="right")
    for cause in Cause:
        counts = [one.lost[cause.name.lower()] for one in results]
        if any(counts):
            table.add_row(cause, *(f"{count}" for count in counts))
    return table


def _engines(results: Sequence[Result]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("policy", "engine", "seconds in each state and move"):
        table.add_column(name)
    for one in results:
        for engine, states in one.states_s.items():
            spent = ", ".join(f"{state} {seconds:.0f}" for state, seconds in states.items() if seconds >= 0.5)
            table.add_row(one.policy, engine, spent)
    return table
