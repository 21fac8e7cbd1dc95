"""The command: start everything, measure round by round, keep what was found."""

import argparse
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from gpu_cascade.errors import CascadeError

from . import memory
from .clients import compared
from .engine import stub_engine
from .loads import DIRECT, OURS
from .machine import allow_files, busy_share, cores, described, program, rss_bytes
from .ours import gpu_cascade
from .page import Results, write
from .peers import cascadeflow, litellm, nginx, vllm_router
from .process import Gateway
from .rounds import Bench, Slice, pair, slices
from .summary import rows

ROOT = Path(__file__).parents[3]
FOLDER, PAGE = ROOT / "benchmarks" / "gateway", ROOT / "docs" / "performance.md"

Opens = Callable[[str, Path, int], AbstractContextManager[Gateway]]
PEERS: Mapping[str, Opens] = {
    "nginx": nginx,
    "vllm-router": vllm_router,
    "cascadeflow": cascadeflow,
    "litellm": litellm,
}


@dataclass(frozen=True, slots=True)
class Form:
    """How much is measured, and against whom."""

    rounds: int
    slice_s: float
    requests: int  # before memory is looked at again
    held: int
    peers: Mapping[str, Opens]
    by_wrk: bool


FULL = Form(rounds=3, slice_s=2, requests=100_000, held=10_000, peers=PEERS, by_wrk=True)
SHORT = Form(rounds=1, slice_s=1, requests=200, held=20, peers={}, by_wrk=False)


def main(argv: Sequence[str] | None = None) -> int:
    """0, or the error's exit code; 130: broken off, and nothing was written."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/gateway/run",
        description="What gpu-cascade costs beside other gateways.",
    )
    parser.add_argument(
        "--short", type=Path, metavar="FOLDER", help="our rows alone, a second each, into FOLDER/results.json"
    )
    parser.add_argument(
        "--clients", action="store_true", help="our engine client beside aiohttp alone, into clients.txt"
    )
    args = parser.parse_args(argv)
    try:
        if args.clients:
            told = compared(cores())
            (FOLDER / "clients.txt").write_text(told)
            print(told, end="")
            return 0
        results = measured(SHORT if args.short else FULL)
        keep(results, args.short or FOLDER)
        if not args.short:
            write(PAGE, results)
    except CascadeError as error:
        print(error.message)
        return error.exit_code
    except KeyboardInterrupt:
        print("broken off; nothing was written")
        return 130
    return 0


def measured(form: Form) -> Results:
    """Everything, on this machine; what cannot be measured is named. Raises where that would be all."""
    both = cores()
    os.sched_setaffinity(0, {both.load})
    allow_files(2 * form.held + memory.SPARE_FILES)
    if form.by_wrk:
        program("wrk")
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        stub = stack.enter_context(stub_engine(folder, both.load))
        gateways = {DIRECT: Gateway(stub, "")}
        bench = Bench(stub, gateways, both, folder, form.by_wrk)
        gateways[OURS] = stack.enter_context(gpu_cascade(stub, bench.home(OURS), both.gateway))
        left_out: dict[str, str] = {}
        for name, opens in form.peers.items():
            with _or_left_out(left_out, name):
                gateways[name] = stack.enter_context(opens(stub, bench.home(name), both.gateway))
        return _found(form, bench, left_out)


def _found(form: Form, bench: Bench, left_out: dict[str, str]) -> Results:
    for lane, load in bench.pairs() if bench.by_wrk else ():  # wrk looks into no answer
        with _or_left_out(left_out, pair(lane.name, load.name)):
            bench.check(lane, load)
    found, shares = _rounds(form, bench, left_out)
    sizes = {name: rss_bytes(one.pid) for name, one in bench.gateways.items() if one.pid}
    print(f"memory after {form.requests:,} requests and of {form.held:,} held streams", flush=True)
    remembered = None
    with _or_left_out(left_out, "memory"):
        remembered = memory.measured(bench, form.requests, form.held)
    whole = [one for one in found if pair(one.lane, one.load) not in left_out]
    return Results(
        date=f"{datetime.now().astimezone():%Y-%m-%d}",
        commit=commit(),
        machine=described(),
        versions={name: one.version for name, one in bench.gateways.items() if one.pid},
        left_out=left_out,
        rounds=form.rounds,
        slice_s=form.slice_s,
        busy_shares=shares,
        memory=remembered,
        rss_bytes=sizes,
        rows=rows(whole),
        slices=whole,
    )


def _rounds(form: Form, bench: Bench, left_out: dict[str, str]) -> tuple[list[Slice], list[float]]:
    found: list[Slice] = []
    shares: list[float] = []
    for number in range(form.rounds):
        shares.append(busy_share(bench.cores, 1))
        print(f"round {number + 1} of {form.rounds}: others use {shares[-1]:.0%} of both cores", flush=True)
        for one in slices(bench, left_out, number, form.slice_s):
            found.append(one)
            print(f"  {one.load:7}{one.lane:38}{one.told.requests / one.told.seconds:10,.1f}/s", flush=True)
    return found, shares


@contextmanager
def _or_left_out(left_out: dict[str, str], what: str) -> Iterator[None]:
    """What fails inside is named, and the rest goes on."""
    try:
        yield
    except CascadeError as error:
        left_out[what] = error.message
        print(f"left out: {what}: {error.message}", flush=True)


def commit() -> str:
    """Of the working tree; `unknown` outside a repository."""
    argv = ("git", "describe", "--always", "--dirty", "--exclude", "*")
    ended = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.stdout.strip() or "unknown"


def keep(results: Results, folder: Path) -> None:
    """Write it; a reader sees the old file or the new one."""
    fresh = folder / "results.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    fresh.rename(folder / "results.json")
