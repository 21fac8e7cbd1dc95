"""A supervisor and its gateway workers in one process: the test delivers what they say."""

import asyncio
import time
from collections import Counter, deque

from gpu_cascade.errors import CascadeError
from gpu_cascade.events import EngineChanged, Hooks
from gpu_cascade.types import Request
from gpu_cascade.vram.credits.office import Account, Office
from gpu_cascade.vram.credits.purse import IDLE_S, Purse
from gpu_cascade.vram.scheduler.core import Core
from gpu_cascade.vram.scheduler.policy import Lru
from gpu_cascade.vram.scheduler.shell import Scheduler
from gpu_cascade.vram.scheduler.words import Layout, Profile, State

GPU = "gpu0"
PLACES = {"draft": 2, "large": 2, "huge": 1}
PROFILES = {name: Profile((GPU,), 40, 0, 0, places) for name, places in PLACES.items()}
LAYOUTS = (Layout({"draft": 0, "large": 0}, {}), Layout({"draft": 0, "huge": 0}, {}))


class Hands:
    """Every move is done at once."""

    async def do(self, move):
        pass

    def version(self, engine):
        return "fake-1"


class Supervisor(Scheduler):
    """The scheduler, and a word for its desks."""

    def desk(self, engine):
        return self.core.engines[engine].desk


def made(max_queue=1000):
    """A scheduler over three engines, of which two fit."""
    return Supervisor(Core(PROFILES, LAYOUTS, {GPU: 100}, Lru(), max_queue), Hands(), Hooks())


class Pipe(asyncio.Transport):
    """What one end has written and the other has not read."""

    def __init__(self, worker):
        super().__init__()
        self.sent = deque()
        self.worker = worker

    def write(self, data):
        self.sent.append(data)

    def abort(self):
        asyncio.get_running_loop().call_soon(self.worker.cut)


class Worker:
    """One gateway worker: its purse, the account that the office keeps of it, and the pipes between them."""

    def __init__(self, office):
        self.purse, self.account = Purse(lambda: None), Account(office)
        self.up, self.down = Pipe(self), Pipe(self)
        self.used = Counter()
        self.alive = True
        self.purse.connection_made(self.up)
        self.account.connection_made(self.down)

    def hear(self, pipe, size=None):
        """One end reads what the other has written: a message, or `size` bytes of it."""
        data = pipe.sent.popleft()
        if size is not None and size < len(data):
            pipe.sent.appendleft(data[size:])
        end = self.account if pipe is self.up else self.purse
        end.data_received(data[:size])

    def cut(self):
        if self.alive:
            self.alive = False
            self.purse.connection_lost(None)
            self.account.connection_lost(None)

    def idle(self, engine):
        return len(self.purse.idle.get(engine, ()))


class House:
    """All of it. `ask` is a request that stays until it is let `go`."""

    def __init__(self, workers=2, max_queue=1000):
        self.supervisor = made(max_queue)
        self.office = Office(self.supervisor)
        self.workers = [Worker(self.office) for _ in range(workers)]
        self.local = Counter()
        self.requests = {}  # task -> what lets it go
        self.refused = []

    async def start(self):
        self.supervisor.start()
        await self.supervisor.ready()
        return self

    def ask(self, engine, worker=None, *, urgent=False):
        go = asyncio.Event()
        task = asyncio.ensure_future(self._request(engine, worker, Request((), urgent=urgent), go))
        self.requests[task] = go
        task.add_done_callback(self.requests.pop)
        return task

    async def _request(self, engine, worker, request, go):
        leases, used = (worker.purse, worker.used) if worker else (self.supervisor, self.local)
        try:
            async with leases.lease(engine, request) as lease:
                used[engine] += 1
                try:
                    await go.wait()
                finally:
                    used[engine] -= 1
                return lease
        except CascadeError as error:
            self.refused.append(error)

    async def settle(self):
        """Everybody has done what can be done without another word."""
        for _ in range(12):
            await asyncio.sleep(0)

    async def deliver(self):
        """Until nobody has anything to say."""
        await self.settle()
        while pipes := [(one, pipe) for one in self.workers for pipe in (one.up, one.down) if pipe.sent]:
            for one, pipe in pipes:
                if pipe.sent:
                    one.hear(pipe)
            await self.settle()

    async def done(self, *tasks):
        """These are let go, and everything is delivered."""
        for task in tasks:
            self.requests[task].set()
        await self.deliver()

    def sweep(self):
        """Credits have been idle for long."""
        for worker in self.workers:
            worker.purse.sweep(time.monotonic() + 2 * IDLE_S)

    def lose(self, engine):
        self.supervisor.engine_changed(EngineChanged(engine, "booting", "killed by signal 9"))

    def back(self, engine):
        self.supervisor.engine_changed(EngineChanged(engine, "ready"))

    def join(self):
        self.workers.append(Worker(self.office))

    def kill(self, worker):
        worker.cut()
        self.workers.remove(worker)

    def check(self):
        """Nobody has a place that the office does not know of; no engine has more requests than places."""
        for engine, places in PLACES.items():
            desk = self.supervisor.desk(engine)
            held = sum(worker.account.held[engine] for worker in self.workers)
            used = sum(worker.used[engine] for worker in self.workers)
            assert used <= held <= desk.taken - self.local[engine] <= places
            for worker in self.workers:
                assert worker.used[engine] + worker.idle(engine) <= worker.account.held[engine]

    def check_settled(self):
        """When all is said, everybody counts alike, and what somebody could use lies nowhere idle."""
        self.check()
        for engine, places in PLACES.items():
            one = self.supervisor.core.engines[engine]
            held = sum(worker.account.held[engine] for worker in self.workers)
            assert one.desk.taken == held + self.local[engine]
            for worker in self.workers:
                assert worker.used[engine] + worker.idle(engine) == worker.account.held[engine]
            if one.desk.waiting or one.state is not State.READY:
                assert not any(worker.idle(engine) for worker in self.workers)
            assert not (one.open and one.desk.waiting and one.desk.taken < places)
