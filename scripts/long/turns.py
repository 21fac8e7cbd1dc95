"""200 requests to two real engines on memory that holds one: the long form of tests/test_real_turns.py.

    .venv/bin/python scripts/long/turns.py > benchmarks/vram/turns.txt        (ten minutes on two cores)

They come by ones and twos over some minutes, to either engine, by a fixed seed.
"""

import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.serving import alive, until
from tests.test_real_turns import BUDGET_GIB, GREEDY, QUESTION, YAML, Serve, Watch

REQUESTS, SEED, GAP_S = 200, 7, 1.0
GIB = 2**30


def main() -> None:
    chance = random.Random(SEED)
    asked = [chance.choice(["small", "large"]) for _ in range(REQUESTS)]
    gaps = [chance.expovariate(1 / GAP_S) for _ in asked]
    with tempfile.TemporaryDirectory() as folder:
        served = Serve(Path(folder), YAML.replace("deadline_s: 500", "deadline_s: 3600")).ready(within_s=300)
        served.patience_s = 3600
        with Watch(served) as watch:
            answers, took = ask(served, asked, gaps)
        moves = served.state()["vram"]["moves"]
        processes = served.sessions()
        served.stop()
    until(lambda: not any(alive(pid) for pid in processes))
    tell(asked, answers, took, moves, watch)


def ask(served, asked: list[str], gaps: list[float]) -> tuple[list, list[float]]:
    """The answers, and how long each took; a client for each request, so that nobody waits to ask."""

    def one(engine: str) -> tuple[tuple, float]:
        begun = time.monotonic()
        answer = served.ask(QUESTION, engine, **GREEDY)
        return answer, time.monotonic() - begun

    pause = threading.Event()
    with ThreadPoolExecutor(REQUESTS) as pool:
        runs = []
        for engine, gap in zip(asked, gaps, strict=True):
            pause.wait(gap)
            runs.append(pool.submit(one, engine))
        done = [run.result() for run in runs]
    return [answer for answer, _ in done], [took for _, took in done]


def tell(asked: list[str], answers: list, took: list[float], moves: list, watch: Watch) -> None:
    """What came of it; a wrong answer ends it with exit 1."""
    wrong = [
        (engine, status)
        for engine, (status, body) in zip(asked, answers, strict=True)
        if status != 200 or body["cascade"]["tier"] != engine or not said(engine, body)
    ]
    boots = [move["took_s"] for move in moves if move["kind"] == "boot"]
    print(f"{len(answers)} requests, {len(wrong)} wrong or lost")
    print(
        f"{len(boots)} boots of {min(boots):.0f} to {max(boots):.0f} s; the longest wait: {max(took):.0f} s"
    )
    print(
        f"budget {BUDGET_GIB} GiB, in {watch.looks} looks: booked {watch.worst_bytes / GIB:.2f} GiB at most,"
    )
    print(f"measured {watch.measured_bytes / GIB:.2f} GiB at most; nothing was left afterwards")
    if wrong or watch.worst_bytes > BUDGET_GIB * GIB or watch.measured_bytes > BUDGET_GIB * GIB:
        sys.exit(f"wrong: {wrong}")


def said(engine: str, body: dict) -> bool:
    """SmolLM2-135M may answer as it likes."""
    text = body["choices"][0]["message"]["content"]
    return bool(text.strip()) and ("Paris" in text or engine == "small")


if __name__ == "__main__":
    main()
