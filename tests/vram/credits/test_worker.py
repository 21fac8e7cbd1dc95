"""A worker in another process, over a real socket."""

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gpu_cascade.errors import TierDown
from gpu_cascade.types import Request
from gpu_cascade.vram.credits.office import Office
from gpu_cascade.vram.credits.worker import CreditLeases

from .house import made

ROOT = Path(__file__).parents[3]
ASK = Request(())


@pytest.fixture
async def supervisor():
    supervisor = made()
    supervisor.start()
    await supervisor.ready()
    yield supervisor
    await supervisor.close()


@asynccontextmanager
async def served(supervisor, socket):
    office = Office(supervisor)
    await office.open(socket)
    try:
        yield office
    finally:
        await office.close()


async def until(happened):
    while not happened():
        await asyncio.sleep(0.001)


async def test_a_killed_workers_places_come_back(supervisor, tmp_path):
    """SIGKILL in the middle of its traffic: those it used and kept are free, and it waits for none."""
    async with served(supervisor, tmp_path / "office.sock"):
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.vram.credits.holder", str(tmp_path / "office.sock")),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert b"busy\n" == await worker.stdout.readline()
        assert (2, 1) == (supervisor.desk("large").taken, supervisor.desk("large").waiting)
        ours = asyncio.ensure_future(supervisor.take("large", urgent=False))
        await asyncio.sleep(0)

        worker.kill()
        await ours
        await worker.wait()
        await until(lambda: not supervisor.desk("draft").taken)

    assert (1, 0) == (supervisor.desk("large").taken, supervisor.waiting)


async def test_a_worker_outlives_its_office(supervisor, tmp_path):
    """While it is away everybody is told; when it is back the worker has found it by itself."""
    leases, socket = CreditLeases(tmp_path / "office.sock"), tmp_path / "office.sock"
    async with served(supervisor, socket):
        await leases.open()
        async with leases.lease("large", ASK) as lease:
            assert "fake-1" == lease.version
        waits = asyncio.ensure_future(leases.lease("huge", ASK).__aenter__())
        async with leases.lease("large", ASK):
            await until(lambda: supervisor.waiting)
    with pytest.raises(TierDown, match="reconnects by itself"):
        await waits
    with pytest.raises(TierDown):
        await leases.lease("large", ASK).__aenter__()

    async with served(supervisor, socket) as office:
        await until(lambda: office.accounts)
        async with leases.lease("huge", ASK):
            assert 1 == supervisor.desk("huge").taken
        await leases.close()
        await until(lambda: not office.accounts)
    assert 0 == supervisor.desk("huge").taken


async def test_a_worker_that_finds_nobody_says_so(tmp_path):
    """Nothing is retried behind the back of whoever starts it."""
    with pytest.raises(TierDown, match="gpu-cascade status"):
        await CreditLeases(tmp_path / "none.sock").open()
