"""How full KV caches are, from the engines to the scheduler."""

import asyncio

import pytest

from gpu_cascade.engines.probe import Probe
from gpu_cascade.wiring.kv_watch import KvWatch

VLLM = """vllm:cache_config_info{block_size="16",num_gpu_blocks="99"} 1.0
vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.25
vllm:num_preemptions_total{engine="0",model_name="a"} 3.0
"""


class Said(Probe):
    """A probe whose engine answers this, or not."""

    def __init__(self, tmp_path, answer):
        super().__init__("a", tmp_path / "a.sock")
        self.answer = answer

    async def call(self, method, path, limit_s, body=None):
        assert ("GET", "metrics") == (method, path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return 200, self.answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [(VLLM, [("a", 0.25, 3)]), ("", []), (ConnectionResetError(), []), (TimeoutError(), [])],
)
async def test_what_an_engine_says_reaches_the_scheduler(tmp_path, answer, told):
    """As a share and a count; one that says nothing, or is gone, is not told of."""
    heard = []
    watch = KvWatch({"a": Said(tmp_path, answer)}, lambda _: True, lambda *what: heard.append(what))

    await watch.look()

    assert told == heard
    await watch.close()


async def test_who_is_not_awake_is_not_asked(tmp_path):
    """Nor told of, if it went while it was asked."""
    heard, awake = [], iter([False, True, False])
    watch = KvWatch({"a": Said(tmp_path, VLLM)}, lambda _: next(awake), lambda *what: heard.append(what))

    await watch.look()
    await watch.look()

    assert [] == heard
    await watch.close()


async def test_it_asks_until_it_is_closed(tmp_path):
    """From the start on, by itself."""
    told = asyncio.Event()
    watch = KvWatch({"a": Said(tmp_path, VLLM)}, lambda _: True, lambda *_: told.set())
    watch.start()

    await told.wait()
    await watch.close()

    assert "kv watch" not in {task.get_name() for task in asyncio.all_tasks()}
