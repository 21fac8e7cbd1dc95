"""The whole thing with real models: three vLLM engines behind one gateway, held against transformers.

One `serve` for the module: boots are what takes time here (about 20 s each on two cores).
"""

import contextlib
import os
import select
import signal
import socket
import threading
import time

import pytest

from .reference import greedy, own_logprobs, prompt_ids, reference, token_ids
from .serving import Serve, alive, cmdline, listening, until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"
LARGE = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
YAML = f"""
engines:
  small: {{model: {SMALL}, dtype: bfloat16, max_model_len: 2048, kv: {{min_tokens: 8192}}, max_num_seqs: 8}}
  exact:
    {{model: {SMALL}, dtype: float32, max_model_len: 1024, kv: {{min_tokens: 2048}}, max_num_seqs: 4,
      args: {{enable-prefix-caching: false}}}}
  large:
    {{model: {LARGE}, dtype: float32, max_model_len: 1024, kv: {{min_tokens: 2048}}, max_num_seqs: 4,
      args: {{enable-prefix-caching: false}}}}
cascades:
  cascade: {{tiers: [small, large], threshold: -0.9}}
  lenient: {{tiers: [small, large], threshold: -1.0e+9}}
  up: {{tiers: [small, large], threshold: escalate_all}}
  three: {{tiers: [small, exact, large], threshold: -0.9}}
"""
QUESTIONS = (
    "What is the capital of France? Answer in one short sentence.",
    "How many days are there in a week?",
    "Write a Python expression that reverses the string s.",
    "Name three primary colors.",
    "Why is the sky blue? Answer in one sentence.",
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The gateway over three real engines."""
    serve = Serve(tmp_path_factory.mktemp("real"), YAML)
    yield serve.ready(within_s=500)
    serve.stop()


@pytest.mark.parametrize(("engine", "worst", "mean"), [("small", 0.35, 0.06), ("exact", 0.02, 0.02)])
def test_logprobs_are_the_models_own(served, engine, worst, mean):
    """vLLM's logprob of each token of a draft is transformers' log-softmax of the same token ids."""
    apart = []
    for question in QUESTIONS:
        _, body = served.ask(question, engine, temperature=0, max_tokens=24, logprobs=True)
        tokens = body["choices"][0]["logprobs"]["content"]
        ids = token_ids(SMALL, tokens)
        own = own_logprobs(SMALL, prompt_ids(SMALL, question), ids)
        apart += [abs(token["logprob"] - value) for token, value in zip(tokens, own, strict=True)]

    assert len(apart) > 40
    assert max(apart) <= worst
    assert sum(apart) / len(apart) <= mean


def test_escalating_everything_gives_the_large_models_own_answers(served):
    """The cascade says what the large engine says; transformers may differ from it at a near tie."""
    tokenizer, _ = reference(LARGE)
    for question in QUESTIONS:
        _, body = served.ask(question, "up", max_tokens=24)
        _, direct = served.ask(question, "large", temperature=0, max_tokens=24)
        said, gaps = greedy(LARGE, question, 24)
        text = body["choices"][0]["message"]["content"]
        own = tokenizer.decode(said, skip_special_tokens=True)

        assert ("forced", "policy", "large") == verdict(body)
        assert direct["choices"][0]["message"]["content"] == text
        if own != text:
            mine = tokenizer(text, add_special_tokens=False).input_ids
            place = next(n for n, (a, b) in enumerate(zip(said, mine, strict=False)) if a != b)
            assert gaps[place] <= 0.3


def test_a_threshold_far_below_keeps_every_complete_draft(served):
    """Complete drafts stay; the cut ones escalate, as they must."""
    seen = set()
    for question in QUESTIONS:
        _, body = served.ask(question, "lenient", max_tokens=40)
        judged = body["cascade"]["judged"][0]
        kept = judged["keep"]
        assert kept == (judged["reason"] == "sure")
        assert kept or judged["reason"] == "incomplete"
        assert ("kept", "sure", "small") == verdict(body) or not kept
        seen.add(kept)
    assert True in seen


def test_the_threshold_decides(served):
    """A kept draft's signal is at or above the threshold, an escalated one's below."""
    verdicts = set()
    for question in QUESTIONS:
        _, body = served.ask(question, max_tokens=48)
        judged = body["cascade"]["judged"][0]
        verdicts.add(body["cascade"]["verdict"])
        if judged["reason"] in {"sure", "unsure"}:
            assert judged["keep"] == (judged["signal"] >= -0.9)
            _, direct = served.ask(question, "small", temperature=0, max_tokens=48, logprobs=True)
            own = [token["logprob"] for token in direct["choices"][0]["logprobs"]["content"][:-1]]
            k = 1 + max(0, len(own) - 32) // 10
            assert judged["signal"] == pytest.approx(sorted(own)[k - 1], abs=0.15)
    assert {"kept", "escalated"} == verdicts


def test_three_tiers(served):
    """A third model is one more tier: whoever answers, every draft before it was judged."""
    _, body = served.ask(QUESTIONS[4], "three", max_tokens=16)

    cascade = body["cascade"]
    assert len(cascade["judged"]) == {"small": 1, "exact": 2, "large": 2}[cascade["tier"]]
    assert len(cascade["uses"]) == {"small": 1, "exact": 2, "large": 3}[cascade["tier"]]


def test_several_turns(served):
    """The conversation so far is part of the question."""
    turns = [
        {"role": "user", "content": "My name is Ann. Say hello."},
        {"role": "assistant", "content": "Hello Ann!"},
        {"role": "user", "content": "What is my name? Answer with the name only."},
    ]
    _, body = served.ask(model="large", messages=turns, temperature=0, max_tokens=8)

    assert "Ann" in body["choices"][0]["message"]["content"]


def test_engine_seconds_add_up_to_busy_time(served):
    """Over a batch of parallel requests the shares make up each engine's busy time within 2 %."""
    before = busy(served)
    bodies = in_parallel(served, [{"text": q, "max_tokens": 24} for q in QUESTIONS])
    spent = {}
    for body in bodies:
        for use in body["cascade"]["uses"]:
            spent[use["engine"]] = spent.get(use["engine"], 0) + use["engine_s"]

    for engine, seconds in spent.items():
        assert seconds == pytest.approx(busy(served)[engine] - before[engine], rel=0.02)


def test_no_engine_listens_on_tcp(served):
    """Our port is the only one outside loopback; what else listens is torch's rendezvous, on loopback."""
    port = int(served.url.rpartition(":")[2])
    found = listening(served.sessions())

    assert ("0100007F", port) in found
    assert {"0100007F"} == {address for address, _ in found} - {"00000000000000000000000001000000"}
    assert [port] == speaking_http([number for _, number in found])


def test_an_engine_killed_in_its_answer(served):
    """SIGKILL of the large engine while it answers: that request is answered by the draft within 10 s."""
    answers = []
    body = {"text": "Tell me a long story about a dragon.", "model": "cascade", "max_tokens": 150}
    asking = threading.Thread(target=lambda: answers.append(served.ask(**body)))
    asking.start()
    until(lambda: served.state()["engines"]["large"]["running"], 60)

    victims = [pid for pid in served.sessions() if "large.sock" in cmdline(pid)]
    os.kill(max(victims), signal.SIGKILL)
    asking.join(10)

    assert not asking.is_alive()
    status, answer = answers[0]
    assert 200 == status
    assert ("degraded", "tier_down", "small") == verdict(answer)
    until(lambda: served.get("/readyz")[0] == 503)
    until(lambda: served.get("/readyz")[0] == 200, 120)
    assert "large" == served.ask(QUESTIONS[0], "up", max_tokens=8)[1]["cascade"]["tier"]


def test_nothing_is_left_when_serve_is_killed(served):
    """SIGKILL of serve: within 10 s no process of three vLLM engines lives."""
    mine = served.sessions()
    assert len(mine) >= 1 + 3 * 3

    os.kill(served.process.pid, signal.SIGKILL)
    served.process.wait(10)

    until(lambda: not any(alive(pid) for pid in mine))


def verdict(body):
    cascade = body["cascade"]
    return cascade["verdict"], cascade["reason"], cascade["tier"]


def busy(served):
    return {name: engine["busy_s"] for name, engine in served.state()["engines"].items()}


def in_parallel(served, bodies):
    answers = [None] * len(bodies)

    def one(place, body):
        answers[place] = served.ask(**body)[1]

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(bodies)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def speaking_http(ports):
    """Those of loopback's ports that answer an HTTP request within 2 s."""
    tried = {}
    for port in ports:
        with contextlib.suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", port), timeout=2)
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            tried[connection] = port
    speaking = set()
    end = time.monotonic() + 2
    while (left := end - time.monotonic()) > 0 and (waiting := tried.keys() - speaking):
        for connection in select.select(waiting, [], [], left)[0]:
            if _first_bytes(connection).startswith(b"HTTP"):
                speaking.add(connection)
            else:
                tried.pop(connection)
                connection.close()
    answered = sorted(tried[connection] for connection in speaking)
    for connection in tried:
        connection.close()
    return answered


def _first_bytes(connection):
    try:
        return connection.recv(16)
    except OSError:
        return b""
