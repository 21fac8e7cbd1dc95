"""Environments for what must not join ours: made on first use, kept until what they are made of changes."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gpu_cascade.errors import Unavailable

sys.path.insert(0, str(Path(__file__).parents[1]))
from uv_env import configured


def python(folder: Path, pins: str) -> Path:
    """The folder of its programs. `pins`: lines as pip reads them. `Unavailable` where it cannot be made."""

    def make() -> None:
        uv = Path(sys.executable).with_name("uv")
        to = ("--python", folder / "bin" / "python")
        _run(folder, uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
        _run(folder, uv, "pip", "install", "--quiet", *to, "--requirement", "-", told=pins)

    _once(folder, pins, make)
    return folder / "bin"


def node(folder: Path, package: str, lock: str) -> Path:
    """The folder: node finds the modules there. `Unavailable` where it cannot be made."""

    def make() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(package)
        (folder / "package-lock.json").write_text(lock)
        _run(folder, "npm", "ci", "--ignore-scripts", "--prefix", folder)

    _once(folder, package + lock, make)
    return folder


def _once(folder: Path, made_of: str, make: Callable[[], None]) -> None:
    done = folder / "installed"
    with _alone(folder):
        if not done.is_file() or done.read_text() != made_of:
            print(f"installing {folder.name} in {folder}", file=sys.stderr, flush=True)
            done.unlink(missing_ok=True)  # what breaks off half-way is made anew
            make()
            done.write_text(made_of)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two processes may want the same at once: the second waits."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(folder: Path, *argv: str | Path, told: str = "") -> None:
    environ = {**os.environ, **configured()}  # npm has its own configuration
    try:
        ended = subprocess.run(argv, input=told, capture_output=True, text=True, check=False, env=environ)
    except FileNotFoundError:
        raise Unavailable(f"{folder.name} needs {argv[0]}, which is missing: install it first") from None
    if ended.returncode:
        # not in the error: that is kept, with paths and hosts
        print(ended.stderr.strip()[-2000:], file=sys.stderr, flush=True)
        program = Path(argv[0]).name
        raise Unavailable(f"{folder.name} could not be installed: {program} ended with {ended.returncode}")
