"""Results as tables for a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table

from .result import Cause, Result

SHOWN = ("p50", "p95", "p99")


def render(title: str, results: Sequence[Result]) -> Group:
    """Three tables: what users had, why requests were late or lost, and what the engines did."""
    return Group(_users(title, results), _losses(results), _engines(results))


def _users(title: str, results: Sequence[Result]) -> Table:
    """`good/s`: requests a second answered in time. On 80 columns, so names are short."""
    title = f"{title}; times in seconds, {'/'.join(SHOWN)}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("policy")
    for name in ("good/s", "in time", "first token", "answer", "most wait", "moves"):
        table.add_column(name, justify="right")
    for one in results:
        waited = max((waits.get("max", 0.0) for waits in one.waits_s.values()), default=0.0)
        users = (f"{one.goodput:.3f}", f"{one.in_time:.1%}", _shown(one.ttft_s), _shown(one.e2e_s))
        table.add_row(one.policy, *users, f"{waited:.1f}", f"{len(one.moves)}")
    return table


def _shown(times_s: Mapping[str, float]) -> str:
    return "/".join(f"{times_s[name]:.1f}" for name in SHOWN) if times_s else "-"


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
