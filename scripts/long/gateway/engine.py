"""The stub engine: compiled here, started on the load's core, asked what it has seen."""

import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpu_cascade.errors import Unavailable

from .machine import pinned, program

SOURCES = Path(__file__).parent / "stub"
FIRST_MS, GAP_MS = 50, 5  # of a paced stream


@contextmanager
def stub_engine(folder: Path, core: int) -> Iterator[str]:
    """Its address while the block runs; the program is made in `folder`."""
    argv = pinned(core, compiled(folder), str(FIRST_MS), str(GAP_MS))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def compiled(folder: Path) -> Path:
    """The stub; `Unavailable` where it cannot be made."""
    made = folder / "stub"
    argv: list[str | Path] = [program("cc"), "-O2", "-o", made, *sorted(SOURCES.glob("*.c"))]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Unavailable(f"cc could not make the stub engine: {ended.stderr.strip()[-400:]}")
    return made


def asked(url: str) -> dict[str, int]:
    """How many answers of each model it was asked for so far."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        text = response.read().decode()
    return {model: int(count) for model, count in re.findall(r'stub_asked\{model="(\w+)"\} (\d+)', text)}


def held(url: str) -> int:
    """How many requests it holds without an answer now."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        return int(response.read().decode().split("stub_held ")[1])
