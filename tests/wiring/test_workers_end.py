"""How `serve --workers 2` ends, in order and killed: answers are whole, and nothing is left."""

import asyncio
import json
import os
import signal
import subprocess

import aiohttp
import pytest

from ..serving import COMMAND, alive, cmdline, until
from .crewed import Raw, ask, body, peers_of, said, start

pytestmark = pytest.mark.scripted


@pytest.fixture
def own(tmp_path):
    """One of the test's own, to be ended by it."""
    serve = start(tmp_path)
    yield serve
    serve.stop()


def test_a_stop_lets_answers_end_and_leaves_nothing(own):
    """An answer under way is whole; then no process is left. Keys count in every worker at once."""
    mine = own.sessions()
    key = json.loads(run(own.folder, "keys", "create", "--name", "ann", "--json").stdout)["key"]
    assert {200} == set(with_key(own, key))
    run(own.folder, "keys", "revoke", "ann")
    assert {401} == set(with_key(own, key))
    slow = asyncio.run(_stopped_under_way(own))

    assert slow.startswith(b"HTTP/1.1 200")
    assert b"word word" in slow
    assert 0 == own.process.wait(30)
    assert [] == [pid for pid in mine if alive(pid)]


def run(folder, *command):
    argv = [*COMMAND, *command, "--config", str(folder / "models.yaml")]
    return subprocess.run(argv, capture_output=True, text=True, timeout=100, check=True)


def with_key(served, key):
    """The status of ten questions, each over a connection of its own."""

    async def asked():
        connector = aiohttp.TCPConnector(force_close=True)
        headers = {"authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            return await asyncio.gather(*(ask(session, served.url, body("easy", n)) for n in range(10)))

    return [status for status, _, _ in asyncio.run(asked())]


async def _stopped_under_way(served):
    one = await Raw.asking(served, body("slow", 1, model="small"))
    pids = [pid for pid in served.sessions() if "wiring.worker" in cmdline(pid)]
    assert 2 == len(pids)
    until(lambda: any(one.local_port in peers_of(pid) for pid in pids))
    async with asyncio.timeout(10):
        while not await said(served, "small", "num_requests_running"):
            await asyncio.sleep(0.01)
    served.process.send_signal(signal.SIGTERM)
    return await one.end()


def test_serve_killed_leaves_nothing(own):
    """SIGKILL of the process that owns everything: workers and engines are gone by themselves."""
    mine = own.sessions()
    assert 2 == sum("wiring.worker" in cmdline(pid) for pid in mine)

    os.kill(own.process.pid, signal.SIGKILL)
    own.process.wait(10)

    until(lambda: not any(alive(pid) for pid in mine), 15)
