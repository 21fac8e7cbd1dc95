"""Whole answers are asked by wrk, which costs less than what it measures."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gpu_cascade.errors import CascadeError

from .client import Told
from .machine import program

SCRIPT = Path(__file__).with_name("load.lua")


def ask(url: str, body: Path, headers: Mapping[str, str], connections: int, seconds: float) -> Told:
    """As `client.ask`, without a look into the answers; what is under way at the end is broken off."""
    load = ("-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "60s")
    argv = [program("wrk"), *load, "-s", str(SCRIPT), url, "--", str(body), *headers.values()]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip()
        raise CascadeError(f"wrk ended with {ended.returncode} at {url}: {said}")
    told = msgspec.json.decode(ended.stdout.splitlines()[-1], type=Told)
    return told if told.requests else msgspec.structs.replace(told, p50_ms=None, p99_ms=None)
