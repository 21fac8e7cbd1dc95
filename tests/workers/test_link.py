"""What workers tell arrives once, and what they ask is answered: both ends over a real socket."""

import asyncio
import socket

import msgspec
import pytest
import uvloop

from gpu_cascade.errors import GpuError, StoreFull, TierDown
from gpu_cascade.events import Alarmed, Failed
from gpu_cascade.traces import read
from gpu_cascade.types import Decision, Reason, Request, Verdict
from gpu_cascade.workers.link import Ears, Link
from gpu_cascade.workers.messages import Hello, Load, Loads, News, Offered, Recorded, Serving, Standing
from gpu_cascade.workers.records import RemoteRecords

from ..records import record
from ..traces.conftest import locked
from .ends import Worker, house, until, worker

DECISION = Decision("small", Verdict.KEPT, Reason.SURE)
ALARM = Alarmed("cascade", "disagreement", 1.0, 1.0, 1, "It no longer holds.")


async def test_a_record_arrives_and_is_told_of_once(tmp_path):
    """It is in the store and with every listener as if it had been answered here, its text included."""
    long = record(prompt="word " * 100_000, answer="Yes.")
    async with house(tmp_path) as at, worker(at) as one:
        await one.keep(long)
        await until(lambda: at.told)

        assert [long] == at.told
        assert long == at.traces.get(long.id) == await one.link.find(long.id)
        assert await one.link.find("gc-none") is None


async def test_a_killed_workers_record_arrives(tmp_path):
    """What `keep` has returned from is with the kernel: the connection may break off right after."""
    kept = [record(prompt="x" * 50_000) for _ in range(4)]
    async with house(tmp_path) as at, worker(at) as one:
        for each in kept:
            await one.keep(each)
        one.link.end()  # at once, and nothing of ours is flushed
        await until(lambda: len(at.told) == 4)

    assert kept == at.told
    assert all(read(tmp_path / "traces.db", each.id) == each for each in kept)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("closing", [False, True])
def test_what_a_dead_worker_said_is_heard_out(run, closing, tmp_path):
    """Whatever notices first that it is gone: a word to it that does not arrive, or the end of the hub."""
    run(_heard_out(tmp_path, closing))


async def _heard_out(tmp_path, closing):
    kept = [record() for _ in range(4)]
    async with house(tmp_path) as at:
        with socket.socket(socket.AF_UNIX) as dying:
            dying.connect(str(at.socket))
            await until(lambda: at.hub.peers)
            for each in kept:
                data = msgspec.msgpack.encode(Recorded(each, placed=True))
                dying.sendall(len(data).to_bytes(4, "big") + data)
        if closing:
            await at.hub.close()
        else:
            next(iter(at.hub.peers)).send(News({}, ["no turn of the loop was in between"], []))
            await until(lambda: not at.hub.peers)

        assert kept == at.told


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_an_answer_waits_until_its_record_is_through(run, tmp_path):
    """The kernel has a record when `keep` returns; one that it cannot take yet holds the answer up."""
    run(_kept_by_the_kernel(tmp_path / "hub.sock"))


async def _kept_by_the_kernel(path):
    loop, made = asyncio.get_running_loop(), Worker()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        ears = Ears(made.news.append, made.beside.append, made.lost.set)
        _, made.link = await loop.create_unix_connection(lambda: Link(ears), str(path))
        supervisor = server.accept()[0]
    with supervisor:
        supervisor.setblocking(False)
        await made.keep(record("gc-short"), "drop")
        assert b"gc-short" in supervisor.recv(4096)  # no turn of the loop in between

        keeping = asyncio.ensure_future(made.keep(record(prompt="x" * 5_000_000), "drop"))
        left = 5_000_000
        while left > 1_000_000:
            left -= len(await loop.sock_recv(supervisor, 65536))
        assert not keeping.done()
        while not keeping.done():
            await loop.sock_recv(supervisor, 1 << 20)
            await asyncio.sleep(0)
    await made.lost.wait()


async def test_no_answer_begins_without_a_place(tmp_path):
    """Each worker has its part of the places; a free one comes back, one of a record when it is written."""
    async with house(tmp_path) as at, worker(at) as one, worker(at) as other:
        records = RemoteRecords(one.link, "refuse")
        places = [records.reserve() for _ in range(4)]
        with pytest.raises(StoreFull, match="every place of this gateway process is taken"):
            records.reserve()
        assert 4 == other.link.free
        with places.pop():
            pass
        assert 1 == one.link.free

        await places.pop().keep(record())
        await until(lambda: one.link.free == 2)
        assert [] == at.traces.ahead(8)


async def test_with_drop_an_answer_goes_out_all_the_same(tmp_path):
    """Its record is kept where the store has room when it arrives, else it is counted as lost."""
    async with house(tmp_path, "drop") as at, worker(at) as one:
        for free in (3, 2, 1, 0):
            RemoteRecords(one.link, "drop").reserve()
            assert free == one.link.free
        await one.keep(record("gc-fits"), "drop")
        await until(lambda: at.told)
        at.traces.ahead(8)
        await one.keep(record("gc-lost"), "drop")
        await until(lambda: len(at.told) == 2)

        assert 1 == at.traces.health().dropped
        assert at.traces.get("gc-fits")
        assert at.traces.get("gc-lost") is None


async def test_a_dead_workers_places_come_back(tmp_path):
    """Those of its answers under way, too."""
    async with house(tmp_path) as at:
        async with worker(at) as one:
            RemoteRecords(one.link, "refuse").reserve()
            assert 4 == len(at.traces.ahead(8))  # and stay with us
        await until(lambda: not at.hub.peers)
        async with worker(at) as late:
            assert 4 == late.link.free


async def test_who_was_not_answered_is_told_of(tmp_path):
    """Failures arrive; an answer is told of by its record alone."""
    async with house(tmp_path) as at, worker(at) as one:
        one.link.tell(record())
        one.link.tell(Failed("gc-1", "cascade", 503))
        await until(lambda: at.told)

        assert [Failed("gc-1", "cascade", 503)] == at.told


async def test_views(tmp_path):
    """Answered as bytes; an error there is the same error here; without a supervisor it is said so."""
    async with house(tmp_path) as at, worker(at) as one:
        assert b"up 1" == await one.link.view("metrics")
        with pytest.raises(GpuError, match="does not answer"):
            await one.link.view("state")
        await at.hub.close()
        await one.lost.wait()
        with pytest.raises(TierDown, match="does not answer"):
            await one.link.view("metrics")


async def test_news_are_told_where_they_are_new(tmp_path):
    """At once to who connects; later when something moved, and not for every answer."""
    async with house(tmp_path) as at, worker(at) as one:
        assert [News({"large": Standing("0.32", awake=True)}, [], [])] == one.news
        at.standing["large"] = Standing("0.33", awake=False)
        await one.keep(record())
        await until(lambda: at.told)
        assert 1 == len(one.news)

        at.hub.ends.hooks.tell(ALARM)
        at.hub.look()
        await until(lambda: len(one.news) > 1)

        assert News({"large": Standing("0.33", awake=False)}, [], []) == one.news[-1]
        assert 2 == len(one.news)


async def test_workers_hear_what_runs_beside_them(tmp_path):
    """Each the others' requests; what a dead one had of the engine is not forgotten."""
    async with house(tmp_path) as at, worker(at) as one:
        async with worker(at) as other:
            one.link.send(Loads({"large": Load(2, 1.5)}))
            other.link.send(Loads({"large": Load(3, 0.5)}))
            await until(lambda: one.beside and other.beside and one.beside[-1].running["large"] == 3)
            await until(lambda: other.beside[-1].running == {"large": 2})
            assert 2.0 == at.hub.busy_s("large")
        await until(lambda: one.beside[-1].running == {"large": 0})

        assert 2.0 == at.hub.busy_s("large")
        assert 0.0 == at.hub.busy_s("other")


async def test_what_else_is_said(tmp_path):
    """That it serves, and what a monitor may ask again."""
    offered = Offered("cascade", Request(({"role": "user", "content": "Is it?"},)), "Yes.", DECISION)
    async with house(tmp_path) as at, worker(at) as one:
        one.link.send(Hello(2))
        one.link.send(Serving())
        one.link.send(offered)
        await until(lambda: at.offered)
        await one.keep(record())
        await until(lambda: at.told)

        assert [2] == at.serving
        assert DECISION == at.offered[0].decision
        assert "Is it?" == at.offered[0].request.messages[0]["content"]
        assert {2: 1} == at.hub.answered


async def test_a_record_without_its_place_ends_the_connection(tmp_path):
    """Who counts otherwise than the store is not to be believed."""
    async with house(tmp_path, limit=4) as at, worker(at) as one:
        with locked(tmp_path / "traces.db"):  # no place comes free
            one.link.free = 5
            for _ in range(5):
                await one.keep(record())
            await one.lost.wait()

        assert 4 == len(at.told)
