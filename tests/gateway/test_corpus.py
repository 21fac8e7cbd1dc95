"""What vLLM itself answered (benchmarks/gateway/README.md), and the gateway in front of those answers."""

import json
import sys
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from gpu_cascade.cascade.direct import Direct
from gpu_cascade.engines.blanks import bounded
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.events import Hooks
from gpu_cascade.gateway.app import build
from gpu_cascade.gateway.guards import Door
from gpu_cascade.gateway.parts import Limits, Parts
from gpu_cascade.traces import Traces

from .conftest import found_in, no_engines, up
from .replayed import replaying

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "long"))
from corpus.asker import asker
from corpus.compare import apart
from corpus.everything import everything
from corpus.pair import CHAT, Asked, Pair, read
from corpus.whole import pieces

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]  # on a busy machine

UNKEPT = {"user", "metadata", "store", "service_tier", "modalities", "prompt_cache_key", "safety_identifier"}
GRAMMARS = ("response_format", "structured_outputs")
NOTHING = [("n", 1), ("response_format", {"type": "text"})]


@pytest.fixture(scope="module")
def recorded():
    """All pairs."""
    return read()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replayed(port, tmp_path_factory):
    """The engine that repeats, and a client of the gateway in front of it."""
    switch, url = port
    folder = tmp_path_factory.mktemp("corpus")
    socket = folder / "engine.sock"
    engine = OpenAIHttp("small", Address("http://engine/v1", "small", socket))
    traces = Traces(folder / "traces.db", "refuse")
    traces.open()
    switch.app = build(
        Parts(
            models={"small": Direct(engine)},
            traces=traces,
            hooks=Hooks(),
            limits=Limits(deadline_s=60, hold_s=5),
            door=Door("127.0.0.1", None),
            state=no_engines,
            missing=list,
            metrics=up,
            decision=partial(found_in, traces),
        )
    )
    async with replaying(socket) as server, asker(url) as client:
        yield server, client
    await engine.close()
    traces.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchanges(recorded, replayed):
    """Each pair with what the client got, and the requests that the engine got."""
    engine, client = replayed
    found = []
    for pair in recorded:
        engine.pair, engine.asked = pair, []
        found.append((pair, *await client.ask(pair.asked), engine.asked))
    return found


async def test_the_corpus_is_what_is_asked(recorded):
    """At least 300 pairs reach the engine, each from the committed list; the others are refused by name."""
    assert everything() == [pair.asked for pair in recorded]
    assert 300 <= sum(pair.asked.refused is None for pair in recorded)


async def test_the_client_gets_what_the_engine_answered(exchanges):
    """Field by field, streams piece by piece, errors in its words; or a refusal that names the field."""
    found = {}
    for pair, status, data, _ in exchanges:
        wrong = apart(pair, status, data, within=0)
        if status == 200 and pair.asked.stream and pieces(pair.answer.encode()) != pieces(data):
            wrong.append("other pieces")
        if wrong:
            found[pair.asked.name] = wrong

    assert {} == found


async def test_the_engine_gets_what_the_client_sent(exchanges):
    """Every field that it knows, as it was; docs/http.md says what is added, changed or left out."""
    for pair, _, _, got in exchanges:
        expected = [] if pair.asked.refused else [(pair.asked.path, passed_on(pair.asked.body))]

        assert expected == [(path, without_nulls(body)) for path, body in got]


def without_nulls(body):
    return {name: value for name, value in body.items() if value is not None}


def passed_on(body):
    """The client's body as an engine of ours gets it."""
    named = without_nulls(body).items()
    sent = {name: value for name, value in named if name not in UNKEPT and (name, value) not in NOTHING}
    if sent.get("logprobs") is True:
        sent.setdefault("top_logprobs", 0)
    elif sent.get("logprobs") is False:
        del sent["logprobs"]
    if sent.get("stream"):
        sent["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
    return sent | bounded({name: sent[name] for name in GRAMMARS if name in sent})


def told(choices, stream=False, **more):
    """A pair of that answer."""
    body = {"choices": choices, **more}
    data = "data: " + json.dumps(body) + "\n\ndata: [DONE]\n\n" if stream else json.dumps(body)
    return Pair(Asked("one", CHAT, {"stream": stream}), 200, data)


SURE = {
    "index": 0,
    "message": {"content": "Yes"},
    "logprobs": {"content": [{"token": "Yes", "logprob": -0.5}]},
}


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({**SURE, "message": {"content": "No"}}, "message.content"),
        ({**SURE, "message": {"content": "Yes", "tool_calls": [{"index": 0}]}}, "message.tool_calls"),
        ({**SURE, "stop_reason": "."}, "stop_reason"),
        ({**SURE, "logprobs": {"content": [{"token": "Yes", "logprob": -0.6}]}}, "content[0].logprob"),
        ({**SURE, "logprobs": {"content": [{"token": "No", "logprob": -0.5}]}}, "content[0].token"),
        ({**SURE, "logprobs": None}, "logprobs"),
    ],
)
async def test_what_differs_is_found(other, field):
    """A field more, a field less, another value: each is named, in whichever of the two it is."""
    for one, two in ((SURE, other), (other, SURE)):
        found = apart(told([one]), 200, told([two]).answer.encode(), within=0.05)
        assert [True] == [
            sentence.startswith(f"answer.choices[0].{field}") or field in sentence for sentence in found
        ]


async def test_what_may_differ_does_not_count():
    """Ids, times, our own object; null for absent; log-probabilities within the bound."""
    close = {**SURE, "logprobs": {"content": [{"token": "Yes", "logprob": -0.52}]}, "stop_reason": None}
    theirs = told([SURE], id="a", created=1)

    assert [] == apart(theirs, 200, told([close], id="b", created=2, cascade={}).answer.encode(), within=0.05)


@pytest.mark.parametrize("broken", ["", "data: [DONE]\n\n", "data: {}"])
async def test_a_stream_ends_once(broken):
    """A stream without its last event, with two ends, or cut off is not the same answer."""
    pair = told([{"index": 0, "delta": {"content": "Yes"}}], stream=True)
    data = pair.answer.encode()

    assert [] == apart(pair, 200, data, within=0)
    assert apart(pair, 200, data + broken.encode() if broken else data[:-14], within=0)


async def test_a_refusal_names_its_field():
    """An answer, another field, or the engine's own refusal is not what was announced."""
    pair = Pair(Asked("one", CHAT, {}, "echo"), 200, "{}")

    assert [] == apart(pair, 400, error("echo", "gateway"), within=0)
    assert apart(pair, 400, error("n", "gateway"), within=0)
    assert apart(pair, 400, error("echo", "engine"), within=0)
    assert apart(pair, 200, told([SURE]).answer.encode(), within=0)


def error(param, source):
    return json.dumps({"error": {"message": "no", "param": param, "source": source}}).encode()
