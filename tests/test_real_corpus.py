"""A sample of the corpus, asked of a real engine and of the gateway in front of it, one after the other."""

import sys
from pathlib import Path

import pytest

from .serving import Serve

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "long"))
from corpus.asker import asker
from corpus.compare import apart
from corpus.engine import WITHIN, YAML, socket
from corpus.everything import everything

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

STEP = 11  # an odd one: whole answers and streams by turns, of every topic


@pytest.fixture
def served(tmp_path):
    """One engine behind `serve`."""
    serve = Serve(tmp_path, YAML)
    yield serve.ready(within_s=500)
    serve.stop()


async def test_the_gateway_answers_as_the_engine_does(served):
    """Field by field, of a request of each kind; log-probabilities within a thousandth of a nat."""
    found = {}
    async with asker("http://engine", socket(served.sessions())) as engine, asker(served.url) as gateway:
        for asked in everything()[::STEP]:
            pair = await engine.pair(asked)
            if wrong := apart(pair, *await gateway.ask(asked), WITHIN):
                found[asked.name] = wrong

    assert {} == found
