"""Coroutines as tests of Answerers run them."""

import asyncio


def finished(work):
    """What a coroutine that never waits gives; a loop for each of 20,000 would take minutes."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


async def left(work, engine):
    """A client that leaves as soon as the scripted engine is at its request."""
    asked = asyncio.ensure_future(work)
    while not engine.running:
        await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
