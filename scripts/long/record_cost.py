"""What a decision record costs on its way from a gateway worker into the supervisor's store.

    .venv/bin/python scripts/long/record_cost.py        (half a minute on a free core)

A second process is the worker. Processor time of each, the store's writer included, and the best of several
repetitions: what it costs where nothing else wants the processor.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import uvloop  # noqa: E402 - the repository has to be found first

from gpu_cascade.events import Answered, Event, Hooks  # noqa: E402
from gpu_cascade.metrics import Metrics  # noqa: E402
from gpu_cascade.traces import Traces  # noqa: E402
from gpu_cascade.types import Decision, Judgement, Reason, Use, Verdict, new_id  # noqa: E402
from gpu_cascade.workers.hub import Ends, Hub  # noqa: E402
from gpu_cascade.workers.link import Ears, linked  # noqa: E402
from gpu_cascade.workers.messages import News  # noqa: E402
from gpu_cascade.workers.records import RemoteRecords  # noqa: E402

REPEATS, RECORDS = 10, 2000
PLACES = 10_000


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, Python {sys.version.split()[0]}, uvloop")
    worker_us, supervisor_us = uvloop.run(costs(REPEATS))
    print(f"a record: {worker_us:.0f} µs in the worker that answered")
    print(f"{supervisor_us:.0f} µs in the supervisor, which counts and stores it")


async def costs(repeats: int) -> tuple[float, float]:
    """Processor time per record, in µs: the worker's and the supervisor's."""
    with tempfile.TemporaryDirectory() as folder:
        found = [await _once(Path(folder), number) for number in range(repeats)]
    return min(worker for worker, _ in found), min(supervisor for _, supervisor in found)


async def _once(folder: Path, number: int) -> tuple[float, float]:
    socket = folder / f"{number}.sock"
    traces = Traces(folder / f"{number}.db", "refuse", PLACES)
    traces.open()
    seen, all_seen = 0, asyncio.Event()

    def count(_: Event) -> None:
        nonlocal seen
        seen += 1
        if seen == RECORDS:
            all_seen.set()

    hooks = Hooks(Metrics(["cascade"], "0"), count)
    hub = Hub(Ends(traces, hooks, PLACES, lambda: News({}, [], []), {}, print, print))
    await hub.open(socket)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, str(socket)), stdout=asyncio.subprocess.PIPE
    )
    begun = time.process_time()
    told, _ = await worker.communicate()
    await all_seen.wait()
    await asyncio.to_thread(traces.close)
    spent_us = 1e6 * (time.process_time() - begun) / RECORDS
    await hub.close()
    return float(told), spent_us


async def work(socket: Path) -> float:
    """The worker: one record after the other, as requests bring them."""
    link = await linked(socket, Ears(lambda _: None, lambda _: None, lambda: None))
    records = RemoteRecords(link, "refuse")
    answered = [_answered() for _ in range(RECORDS)]
    begun = time.process_time()
    for each in answered:
        with records.reserve() as place:
            await place.keep(each)
    spent_us = 1e6 * (time.process_time() - begun) / RECORDS
    link.leave()
    return spent_us


def _answered() -> Answered:
    judged = (Judgement("small", -1.74, -0.9, Reason.UNSURE, keep=False),)
    decision = Decision("large", Verdict.ESCALATED, Reason.UNSURE, judged)
    uses = (Use("small", 43, 14, 0.41, 0.0, "0.32.0"), Use("large", 42, 31, 1.9, 0.25, "0.32.0"))
    return Answered(new_id(), time.time(), "anonymous", "cascade", decision, uses, "stop", 2.4, 0.6)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(uvloop.run(work(Path(sys.argv[1]))))
    else:
        main()
