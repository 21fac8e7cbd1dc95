"""Who comes together is embedded together."""

import asyncio
import threading

import pytest

from gpu_cascade.embedding import together as gathering
from gpu_cascade.embedding.together import MOST, Together
from gpu_cascade.errors import Busy, ModelError


class Scripted:
    """An encoder that notes its batches; it waits where it is told to, and fails where it is asked to."""

    name = "scripted"

    def __init__(self):
        self.batches = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def start(self):
        self.batches.append("started")

    def embed(self, texts):
        self.batches.append(list(texts))
        self.began.set()
        self.go_on.wait()
        if "break" in texts:
            raise KeyError(texts)
        if "fail" in texts or "closed" in self.batches:
            raise ModelError("it failed")
        return [[float(len(text))] for text in texts]

    def close(self):
        self.batches.append("closed")
        self.go_on.set()


@pytest.fixture
async def together():
    made = Together(Scripted())
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def batches(together):
    return together._encoder.batches


async def held(together, text):
    """A caller whose batch is at work and waits."""
    together._encoder.go_on.clear()
    task = asyncio.create_task(together.embed(text))
    await asyncio.to_thread(together._encoder.began.wait)
    return task


async def test_one_batch(together, batches):
    """Callers of one moment share a batch, each gets its own vector, and later ones another batch."""
    assert [[1.0], [2.0], [3.0]] == await asyncio.gather(*map(together.embed, ["a", "bb", "ccc"]))
    assert [4.0] == await together.embed("dddd")
    assert ["started", ["a", "bb", "ccc"], ["dddd"]] == batches


async def test_who_comes_meanwhile_goes_next(together, batches):
    """A batch at work is not waited for by one each."""
    first = await held(together, "a")
    others = [asyncio.create_task(together.embed(str(n))) for n in range(MOST + 1)]
    await asyncio.sleep(0)
    together._encoder.go_on.set()
    await asyncio.gather(first, *others)

    assert [1, MOST, 1] == [len(batch) for batch in batches[1:]]


async def test_a_failed_batch_fails_its_callers_alone(together):
    """Each of them is told; the next batch does."""
    answers = await asyncio.gather(*map(together.embed, ["a", "fail"]), return_exceptions=True)

    assert ["it failed", "it failed"] == [answer.message for answer in answers]
    assert [1.0] == await together.embed("b")


async def test_an_unforeseen_failure_is_heard_too(together):
    """Nobody waits for ever, and the next batch does."""
    with pytest.raises(KeyError):
        await together.embed("break")
    assert [1.0] == await together.embed("b")


async def test_who_left_is_not_embedded(together, batches):
    """A caller that gave up costs nothing, before its batch or in it."""
    first = await held(together, "a")
    left, stays = (asyncio.create_task(together.embed(text)) for text in ("left", "stays"))
    await asyncio.sleep(0)
    left.cancel()
    first.cancel()
    await asyncio.sleep(0)
    together._encoder.go_on.set()

    assert [5.0] == await stays
    assert [["a"], ["stays"]] == batches[1:]


async def test_too_many(together, monkeypatch):
    """Who cannot wait is told when to come back."""
    monkeypatch.setattr(gathering, "WAITING", 1)
    first = await held(together, "a")
    second = asyncio.create_task(together.embed("b"))
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="1 texts wait") as caught:
        await together.embed("c")
    together._encoder.go_on.set()

    assert 1.0 == caught.value.retry_after_s
    assert [[1.0], [1.0]] == await asyncio.gather(first, second)


async def test_closed(together):
    """Whoever is at work or waits is told, and the encoder is closed."""
    first = await held(together, "a")
    second = asyncio.create_task(together.embed("b"))
    await asyncio.sleep(0)
    await together.close()

    for task in (first, second):
        with pytest.raises(ModelError):
            await task
    assert "closed" in together._encoder.batches
