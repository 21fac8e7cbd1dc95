"""`serve --workers 2` as processes: nothing is lost, nothing is counted twice, nothing is left."""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import urllib.request
from contextlib import closing

import aiohttp
import pytest

from ..serving import COMMAND, listening, until
from .crewed import PLACES, YAML, Raw, ask, body, engine, peers_of, said, start

pytestmark = pytest.mark.scripted


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """One serve for all tests that leave it running."""
    serve = start(tmp_path_factory.mktemp("workers"))
    yield serve
    serve.stop()


@pytest.fixture
def ready(served):
    """The same, with two workers and every place free."""
    until(lambda: served.get("/readyz")[0] == 200, 60)
    until(lambda: ["serving"] * 2 == [worker["state"] for worker in served.state()["workers"]], 60)
    until(lambda: not any(engine["running"] for engine in served.state()["engines"].values()), 30)
    return served


def workers(served):
    """Their process ids, by number."""
    return {worker["number"]: worker["pid"] for worker in served.state()["workers"]}


def answered(served):
    """Of each worker."""
    return {worker["number"]: worker["answered"] for worker in served.state()["workers"]}


def records(served):
    """How many decisions are stored, once none waits any more."""
    until(lambda: not served.state()["traces"]["pending"])
    with closing(sqlite3.connect(served.folder / "state" / "traces.db")) as connection:
        return connection.execute("SELECT count(*) FROM decisions").fetchone()[0]


def counted(served, name):
    """The sum of a counter over all its labels."""
    with urllib.request.urlopen(f"{served.url}/metrics") as response:
        text = response.read().decode()
    rows = re.findall(rf"^gpu_cascade_{name}_total\{{.*\}} (\S+)$", text, re.MULTILINE)
    return sum(map(float, rows))


async def ask_all(served, bodies):
    """Each over a connection of its own; status, headers and text of each."""
    connector = aiohttp.TCPConnector(force_close=True, limit=30)
    async with aiohttp.ClientSession(connector=connector) as session:
        return await asyncio.gather(*(ask(session, served.url, body) for body in bodies))


def told_in(headers):
    return headers["x-cascade-tier"], headers["x-cascade-reason"]


async def test_two_workers_count_as_one(ready):
    """Both serve; each answer has its record and is counted once; no engine has more than its places."""
    before = (records(ready), counted(ready, "requests"), answered(ready))
    kinds = ["easy", "hard"]
    bodies = [body(kinds[number % 2], number, stream=number % 3 == 0) for number in range(120)]

    answers = await ask_all(ready, bodies)

    assert {200} == {status for status, _, _ in answers}
    texts = [("Within 30 days.", "Who knows.")[number % 2] for number in range(120)]
    for words, (_, _, text), asked in zip(texts, answers, bodies, strict=True):
        assert words.split()[0] in text
        assert not asked["stream"] or text.endswith("data: [DONE]\n\n")
    ids = {headers["x-cascade-id"] for _, headers, _ in answers}
    assert 120 == len(ids)
    assert (before[0] + 120, before[1] + 120) == (records(ready), counted(ready, "requests"))
    shares = [count - before[2][number] for number, count in answered(ready).items()]
    assert 120 == sum(shares)
    assert all(shares)
    assert 2 == len(set(workers(ready).values()))
    for name, places in PLACES.items():
        assert places == await said(ready, name, "most_running")


async def test_views_are_the_same_from_each(ready):
    """A decision can be read at once, whichever worker is asked; what there is not is a 404."""
    _, headers, _ = (await ask_all(ready, [body("hard", 1)]))[0]
    path = f"/v1/cascade/decisions/{headers['x-cascade-id']}"

    found = [ready.get(path) for _ in range(8)]
    assert {(200, "large")} == {(status, record["tier"]) for status, record in found}
    assert 404 == ready.get("/v1/cascade/decisions/gc-none")[0]
    assert {"cascade", "small", "large"} == {model["id"] for model in ready.get("/v1/models")[1]["data"]}
    assert ready.state()["engines"]["small"]["busy_s"] > 0


def test_they_share_the_one_port(ready):
    """It is the only TCP socket of all of them, and a second serve on it is refused before it starts."""
    port = int(ready.url.rpartition(":")[2])
    assert {("0100007F", port)} == listening(ready.sessions())
    assert all(listening([pid]) for pid in workers(ready).values())
    (ready.folder / "other").mkdir()
    (ready.folder / "other" / "models.yaml").write_text(YAML)
    argv = [*COMMAND, "serve", "--fake", "--workers", "2", "--port", str(port)]

    second = subprocess.run(
        argv, cwd=ready.folder / "other", capture_output=True, text=True, timeout=100, check=False
    )

    assert 2 == second.returncode
    assert f"cannot listen on 127.0.0.1:{port}" in second.stderr


async def test_a_killed_worker_takes_only_its_own_connections(ready):
    """The others are answered, also those nobody had accepted; its places are free, and it is back."""
    before = (records(ready), counted(ready, "requests"))
    connections = [await Raw.asking(ready, body("slow", number)) for number in range(12)]
    until(lambda: ready.state()["engines"]["small"]["running"] == PLACES["small"])
    held = {number: peers_of(pid) for number, pid in workers(ready).items()}
    number = max(held, key=lambda each: len(held[each]))
    victim = workers(ready)[number]
    of_victim = {one for one in connections if one.local_port in held[number]}
    assert of_victim

    os.kill(victim, signal.SIGKILL)
    ends = dict(zip(connections, await asyncio.gather(*(one.end() for one in connections)), strict=True))

    assert of_victim == {one for one, answer in ends.items() if not answer}
    good = [answer for answer in ends.values() if answer]
    assert all(answer.startswith(b"HTTP/1.1 200") and b"word word" in answer for answer in good)
    assert (before[0] + len(good), before[1] + len(good)) == (records(ready), counted(ready, "requests"))
    until(lambda: workers(ready)[number] != victim)
    until(lambda: ready.state()["workers"][number - 1]["state"] == "serving", 60)
    assert f"process {victim} was killed by signal 9" == ready.state()["workers"][number - 1]["detail"]
    until(lambda: not ready.state()["engines"]["small"]["running"], 30)


async def test_a_crashed_engine_is_a_new_epoch(ready):
    """No worker keeps a place on the engine that was; its requests go up, then it is used again by both."""
    await ask_all(ready, [body("easy", number) for number in range(20)])
    os.kill(engine(ready, "small"), signal.SIGKILL)
    until(lambda: ready.get("/readyz")[0] == 503)

    answers = await ask_all(ready, [body("easy", number) for number in range(8)])

    assert {200} == {status for status, _, _ in answers}
    assert {("large", "tier_down")} == {told_in(headers) for _, headers, _ in answers}
    until(lambda: ready.get("/readyz")[0] == 200, 60)
    until(lambda: not ready.state()["engines"]["small"]["running"])
    again = await ask_all(ready, [body("easy", number) for number in range(30)])
    assert {("small", "sure")} == {told_in(headers) for _, headers, _ in again}
    assert PLACES["small"] == await said(ready, "small", "most_running")
