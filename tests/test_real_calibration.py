"""Calibrated and served with real engines: what was collected, certified, broken off and verified."""

import json
import subprocess

import pytest

from gpu_cascade.calibrate.journal import write_rows
from gpu_cascade.calibrate.rows import Row, read

from .serving import COMMAND, Serve

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

ENGINES = """
engines:
  small:
    {model: HuggingFaceTB/SmolLM2-135M-Instruct, dtype: float32, max_model_len: 1024,
      kv: {min_tokens: 4096}, max_num_seqs: 4}
  large:
    {model: Qwen/Qwen2.5-Coder-0.5B-Instruct, dtype: float32, max_model_len: 1024,
      kv: {min_tokens: 4096}, max_num_seqs: 4}
cascades:
"""
ASKED = ENGINES + "  qa: {tiers: [small, large], threshold: -0.9, verify: {by: large, width: 1, min: 0.5}}\n"
SERVED = (
    ENGINES
    + """
  qa: {tiers: [small, large], calibration: qa.json, verify: {by: large}}
  strict: {tiers: [small, large], threshold: -0.05, signal: min_logprob, early_abort: on}
  second: {tiers: [small, large], threshold: 0.5, verify: {by: large, width: 100, min: 0.0}}
"""
)
CAPITALS = "France Paris Japan Tokyo Italy Rome Spain Madrid Egypt Cairo Peru Lima Cuba Havana Iran Tehran "
CAPITALS += "Kenya Nairobi Norway Oslo Poland Warsaw Greece Athens"


def questions():
    words = CAPITALS.split()
    for country, capital in zip(words[::2], words[1::2], strict=True):
        for form in ("What is the capital of {}? One word.", "Name the capital city of {} in one word."):
            yield Row(
                f"{country}-{form[:4]}",
                [{"role": "user", "content": form.format(country)}],
                {"max_tokens": 12},
                [capital],
                "f1",
                country,
            )


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A folder with a calibration that real engines made, and what the command printed."""
    folder = tmp_path_factory.mktemp("calibrated")
    (folder / "models.yaml").write_text(ASKED)
    write_rows(folder / "questions.jsonl", list(questions()))
    words = ["calibrate", "questions.jsonl", "--cascade", "qa", "--target-loss", "0.9", "-o", "qa.json"]
    done = subprocess.run(
        [*COMMAND, *words, "--confidence", "0.5", "--signal", "logprob_quantile", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return folder, json.loads(done.stdout)


@pytest.fixture(scope="module")
def served(calibrated):
    """The gateway with that calibration, and two cascades by hand."""
    folder, _ = calibrated
    serve = Serve(folder, SERVED)
    yield serve.ready(within_s=400)
    serve.stop()


def test_the_collection_is_what_the_engines_say(calibrated, served):
    """A row's tokens are those of a direct question, without the stop token; cost and opinion are there."""
    folder, told = calibrated
    rows = read(folder / "qa.rows.jsonl")

    assert told["certified"] is True
    assert all(row.tiers[tier].engine_s > 0 for row in rows for tier in ("small", "large"))
    assert all("large" in row.tiers["small"].p_true for row in rows)
    for row in rows[:4]:
        kept = row.tiers["small"]
        _, body = served.ask(
            row.messages[0]["content"], "small", temperature=0, max_tokens=12, logprobs=True, top_logprobs=5
        )
        said = body["choices"][0]["logprobs"]["content"]
        own = said[:-1] if body["choices"][0]["finish_reason"] == "stop" else said
        assert kept.text == body["choices"][0]["message"]["content"]
        assert [token.logprob for token in kept.tokens] == pytest.approx(
            [token["logprob"] for token in own], abs=0.02
        )
        assert all(5 == len(token.top) for token in kept.tokens)


def test_the_calibration_is_served(calibrated, served):
    """Its threshold decides, and the answer says that it is certified; another sampling is not."""
    _, told = calibrated

    _, body = served.ask("What is the capital of France? One word.", "qa", max_tokens=12)
    _, other = served.ask("What is the capital of France? One word.", "qa", max_tokens=12, temperature=0.9)

    assert told["threshold"] == body["cascade"]["judged"][0]["threshold"]
    assert (True, False) == (body["cascade"]["certified"], other["cascade"]["certified"])
    assert told["reason"] == served.state()["cascades"]["qa"]["sentence"]


def test_a_sinking_draft_is_broken_off(served):
    """The small engine stops long before its limit; what it wrote is counted, none of it is shown."""
    _, body = served.ask("Tell a story about a dragon.", "strict", max_tokens=300)

    judged, uses = body["cascade"]["judged"][0], body["cascade"]["uses"]
    assert ("escalated", "sinking") == (body["cascade"]["verdict"], body["cascade"]["reason"])
    assert judged["tokens_read"] < 40
    assert judged["tokens_read"] <= uses[0]["completion_tokens"] < 60
    assert uses[0]["engine_s"] > 0
    until_idle = served.state()["engines"]["small"]
    assert 0 == until_idle["running"]


def test_the_large_engine_says_what_it_thinks_of_a_draft(served):
    """One token of it after a prefill: a probability, and its own place in the bill."""
    _, body = served.ask("What is the capital of France? One word.", "second", max_tokens=12)

    judged = body["cascade"]["judged"][0]
    assert ("kept", "verified") == (body["cascade"]["verdict"], body["cascade"]["reason"])
    assert 0 <= judged["p_true"] <= 1
    assert ["small", "large"] == [use["engine"] for use in body["cascade"]["uses"]]
    assert 1 == body["cascade"]["uses"][1]["completion_tokens"]
