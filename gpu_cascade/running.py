"""What a running `serve` leaves in its state folder, so that `status`, `stop` and `logs` find it."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .errors import AlreadyServing, CascadeError, ConfigError, Unavailable
from .locks import try_lock

STOP_S = 60.0  # draining answers, then engines: vLLM takes up to 3 s each on idle cores


class Running(msgspec.Struct, frozen=True):
    """A `serve` that holds the folder. `url` is empty until it listens."""

    pid: int
    url: str = ""


@contextlib.contextmanager
def hold(state_dir: Path) -> Iterator[None]:
    """Hold the folder for one `serve`; raises `AlreadyServing` where another does.

    A record without a lock is a stale one.
    """
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / "serve.lock").open("a")
    except OSError as error:
        raise ConfigError(f"cannot write in {state_dir}: {error.strerror}; set GPU_CASCADE_STATE") from error
    with lock:
        if not try_lock(lock.fileno()):
            other = find(state_dir)
            where = f"process {other.pid} at {other.url}" if other else "another process"
            raise AlreadyServing(
                f"{where} serves this configuration already; `gpu-cascade stop` ends it, "
                f"or set GPU_CASCADE_STATE to another folder than {state_dir} for a second one"
            )
        announce(state_dir, "")
        try:
            yield
        finally:
            (state_dir / "serve.json").unlink(missing_ok=True)


def announce(state_dir: Path, url: str) -> None:
    """Write down who serves, and where."""
    record = state_dir / "serve.json"
    fresh = record.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(Running(os.getpid(), url)))
    fresh.rename(record)  # a reader sees the old record or the new one, never half of one


def find(state_dir: Path) -> Running | None:
    """The `serve` that holds the folder, None where none does."""
    try:
        with (state_dir / "serve.lock").open() as lock:
            if try_lock(lock.fileno()):
                return None
        return msgspec.json.decode((state_dir / "serve.json").read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None


def found(state_dir: Path) -> Running:
    """As `find`; nobody there is an error that says how to start one."""
    running = find(state_dir)
    if running is None:
        raise Unavailable(f"nothing is being served from {state_dir}; start it with `gpu-cascade serve`")
    return running


def stop(state_dir: Path) -> Running:
    """End the `serve` that holds the folder and wait until it has let go: then nothing of it is left."""
    running = found(state_dir)
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    until = time.monotonic() + STOP_S
    while find(state_dir) is not None:
        if time.monotonic() > until:
            raise CascadeError(f"process {running.pid} did not end within {STOP_S:.0f} s; see its log")
        time.sleep(0.05)
    return running
