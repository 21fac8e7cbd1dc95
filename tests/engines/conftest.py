"""One scripted engine that sleeps, for all tests of a file that leave it alive."""

import os

import pytest

from .napping import fresh, napping


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """It, on a device of 1000 bytes: 800 of them awake."""
    with napping(tmp_path_factory.mktemp("nap")) as engine:
        yield engine


@pytest.fixture
async def engine(process):
    """It, as after its boot; what else is on its device goes at the end."""
    await fresh(process)
    yield process
    if others := dict(process.vram.read().held).get(os.getpid()):
        process.vram.give(os.getpid(), others)
