"""`gpu-cascade serve` with room for one engine at a time: they take turns, and nobody is lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .serving import scripted

pytestmark = pytest.mark.scripted

YAML = """
engines:
  small: {model: any-small, max_num_seqs: 2}
  large: {model: any-large, max_num_seqs: 2}
cascades:
  cascade: {tiers: [small, large], threshold: -0.9}
vram: {budget_gib: 1, patience_s: 1}
"""
SCRIPT = [{"match": "hard", "text": "Who knows.", "logprob": -3.0}, {"match": "", "text": "Within 30 days."}]


@pytest.fixture
def served(tmp_path):
    serve = scripted(tmp_path, YAML, SCRIPT).ready()
    yield serve
    serve.stop()


def ask(served, model, question):
    status, answer = served.ask(question, model)
    return status, answer.get("cascade", answer).get("tier", answer)


def test_everybody_is_answered_by_the_engine_that_should(served):
    """Twenty requests at once to either engine and to the cascade: each is answered, engines come and go."""
    asked = [("small", "easy"), ("large", "easy"), ("cascade", "easy"), ("cascade", "hard")] * 5

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(lambda one: ask(served, *one), asked))

    expected = [(200, "small"), (200, "large"), (200, "small"), (200, "large")] * 5
    assert expected == answers
    state = served.state()
    assert "restart" == state["vram"]["mode"]
    assert 1 == sum(engine["state"] == "ready" for engine in state["engines"].values())
    kinds = [(move["engine"], move["kind"]) for move in reversed(state["vram"]["moves"])]
    assert [("small", "boot"), ("small", "stop"), ("large", "boot")] == kinds[:3]
    assert all(not move["wrong"] for move in state["vram"]["moves"])


def test_who_is_out_of_memory_is_ready_to_be_asked(served):
    """It is not missing: a request brings it in."""
    assert 200 == served.get("/readyz")[0]
    assert "absent" == served.state()["engines"]["large"]["state"]
