"""Streams of bytes, split and broken anywhere, through the whole gateway: what a client sees is right."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings

from .streams import check, examples
from .upstream import Upstream


class Machine:
    """Two engines and the loop that they live in."""

    def __init__(self, folder):
        self._runner = asyncio.Runner()
        self._small, self._large = Upstream("small", folder), Upstream("large", folder)
        self._up = [engine.listening() for engine in (self._small, self._large)]

    def __enter__(self):
        for one in self._up:
            self._runner.run(one.__aenter__())
        return self

    def __exit__(self, *_):
        for one in self._up:
            self._runner.run(one.__aexit__(None, None, None))
        self._runner.close()

    def check(self, example):
        """One example; afterwards no engine is asked by anybody."""
        self._runner.run(self._checked(example))

    async def _checked(self, example):
        await check(example, self._small, self._large)
        async with asyncio.timeout(1):
            await self._small.until_open(0)
            await self._large.until_open(0)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("sockets")) as made:
        yield made


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(example=examples())
def test_random_streams(machine, example):
    """No draft token after a rejection; nothing lost, doubled or reordered; one end, and it is told.

    Each chunk is OpenAI's, tool calls come together again, usage comes where it was asked for, and what is
    recorded is what was sent. `scripts/long/streams.py` tries thousands.
    """
    machine.check(example)
