"""A scripted engine on a modelled device, as a process of its own."""

import contextlib
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gpu_cascade.engines.fake import Line
from gpu_cascade.engines.fake_vram import Faults, Sizes, Vram
from gpu_cascade.engines.probe import Probe

TOTAL = 1000
SIZES = Sizes(weights_bytes=400, kv_bytes=300, other_bytes=100, residue_bytes=(50, 20))
SCRIPT = (Line(match="long", text="word " * 2000, token_s=0.005), Line(text="All right.", logprob=-0.25))


@dataclass
class Napping:
    """The engine's process, its socket, and the device that it lives on."""

    process: subprocess.Popen
    socket: Path
    vram: Vram


def used(vram):
    """Bytes of the device that are taken, by whomever."""
    reading = vram.read()
    return reading.total_bytes - reading.free_bytes


def command(folder, vram, sizes=SIZES):
    """What starts it."""
    (folder / "script.json").write_bytes(msgspec.json.encode(SCRIPT))
    argv = [sys.executable, "-m", "gpu_cascade.engines.fake_server", "--name", "small"]
    argv += ["--uds", str(folder / "it.sock"), "--script", str(folder / "script.json")]
    return [*argv, "--vram", str(vram), msgspec.json.encode(sizes).decode()]


@contextlib.contextmanager
def napping(folder, sizes=SIZES, total_bytes=TOTAL):
    """The engine, booted; killed at the end."""
    vram = Vram.create(folder / "vram.json", total_bytes)
    process = subprocess.Popen(command(folder, folder / "vram.json", sizes))
    try:
        _until_it_listens(folder / "it.sock")
        yield Napping(process, folder / "it.sock", vram)
    finally:
        process.kill()
        process.wait()


@contextlib.asynccontextmanager
async def calls(engine):
    """A function that makes one call and gives status and text."""
    probe = Probe("small", engine.socket)

    async def call(method, path, body=None):
        return await probe.call(method, path, 10, body)

    try:
        yield call
    finally:
        await probe.close()


async def faulty(engine, **faults):
    """Let these faults happen from now on, and no others."""
    async with calls(engine) as call:
        await call("POST", "fake", msgspec.to_builtins(Faults(**faults)))


async def fresh(engine):
    """As after its boot: no faults, awake, with its own weights."""
    await faulty(engine)
    async with calls(engine) as call:
        await call("POST", "wake_up")
        await call("POST", "resume")
        await call("POST", "collective_rpc", {"method": "reload_weights"})


def _until_it_listens(path):
    deadline = time.monotonic() + 60
    while True:
        with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
            line.connect(str(path))
            return
        assert time.monotonic() < deadline, f"nobody listens on {path}"
        time.sleep(0.01)
