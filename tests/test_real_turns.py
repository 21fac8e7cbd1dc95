"""Two real engines on a budget of memory that holds one: each answer comes from the right one, by turns."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .serving import Serve, alive, until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"
LARGE = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
BUDGET_GIB = 4.5  # small takes 2.5 by the plan, large 4.0
YAML = f"""
engines:
  small: {{model: {SMALL}, max_model_len: 1024, kv: {{min_tokens: 4096}}, max_num_seqs: 8}}
  large: {{model: {LARGE}, max_model_len: 1024, kv: {{min_tokens: 4096}}, max_num_seqs: 8}}
cascades:
  cascade: {{tiers: [small, large], threshold: keep_all}}
vram: {{budget_gib: {BUDGET_GIB}, patience_s: 300}}
gateway: {{deadline_s: 500}}
"""
GREEDY = {"max_tokens": 12, "temperature": 0}  # at the models' own temperature one in twenty does not say it
QUESTION = "What is the capital of France? Answer in one short sentence."


class Watch:
    """Looks ten times a second whether the books or the processes hold more than the budget."""

    def __init__(self, served):
        self._served, self._over = served, threading.Event()
        self.looks, self.worst_bytes, self.measured_bytes = 0, 0, 0
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(0.1):
            [device] = self._served.state()["vram"]["devices"]
            self.looks += 1
            self.worst_bytes = max(self.worst_bytes, sum(device["held_bytes"].values()))
            self.measured_bytes = max(self.measured_bytes, device["total_bytes"] - device["free_bytes"])


def test_engines_take_turns_on_memory_that_holds_one(tmp_path):
    """Twenty requests to both: right answers, one change, never over the budget, nothing left at the end.

    All are there before the first engine has booted: a pause among them would end a turn, and rightly.
    """
    served = Serve(tmp_path, YAML)
    served.patience_s = 500  # as long as the gateway's deadline: two boots
    try:
        until(lambda: served.url and served.get("/healthz")[0] == 200, within_s=60)
        asked = ["small", "large"] * 10
        with Watch(served) as watch, ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(lambda engine: served.ask(QUESTION, engine, **GREEDY), asked))

        assert [200] * len(asked) == [status for status, _ in answers]
        assert asked == [body["cascade"]["tier"] for _, body in answers]
        texts = {
            engine: {body["choices"][0]["message"]["content"] for _, body in answers[place::2]}
            for place, engine in enumerate(("small", "large"))
        }
        assert all("Paris" in text for text in texts["large"])
        moves = [(move["engine"], move["kind"]) for move in reversed(served.state()["vram"]["moves"])]
        assert [("small", "boot"), ("small", "stop"), ("large", "boot")] == moves
        assert watch.looks > 20
        assert 0 < watch.worst_bytes <= BUDGET_GIB * 2**30
        assert watch.measured_bytes <= BUDGET_GIB * 2**30
        processes = served.sessions()
    finally:
        served.stop()
    until(lambda: not any(alive(pid) for pid in processes))
