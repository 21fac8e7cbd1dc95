"""Requests that were recorded: lines of JSON, a table, or the decisions of a gateway."""

import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.traces.store import open_store
from gpu_cascade.types import Judgement, Reason, Use, Verdict
from gpu_cascade.vram.simulate.recorded import recorded

from ...records import LARGE, SMALL, SURE, record

TIERS = ("small", "large", "huge")
JSON = (
    '{"at": 12.5, "prompt_tokens": 30, "draft_tokens": 8, "escalated": true, "top": "large"}\n'
    '{"at": 10.0, "prompt_tokens": 20, "draft_tokens": 5, "escalated": false}\n'
)
TABLE = "at,prompt_tokens,draft_tokens,escalated,top\n12.5,30,8,true,large\n10.0,20,5,false,\n"


def rows(arrivals):
    return list(zip(arrivals.at, arrivals.prompts, arrivals.tokens, arrivals.tops, strict=True))


@pytest.mark.parametrize(("name", "text"), [("r.jsonl", JSON), ("r.csv", TABLE)])
def test_a_file_of_requests(tmp_path, name, text):
    """In order of arrival, the first at 0."""
    (tmp_path / name).write_text(text)
    found = recorded(tmp_path / name, TIERS)

    assert [(0.0, 20, 5, 0), (2.5, 30, 8, 1)] == rows(found)
    assert 2.5 == found.duration_s


def test_who_escalates_to_nobody_in_particular_goes_to_the_last_tier(tmp_path):
    """A name that is no tier here, or none, is the last one."""
    (tmp_path / "r.jsonl").write_text(JSON.replace("large", "elsewhere"))

    assert 2 == recorded(tmp_path / "r.jsonl", TIERS).tops[1]


def test_the_decisions_of_a_gateway(tmp_path):
    """What drafted, how long, and whether another tier answered; direct answers are left out."""
    verified = (LARGE, SMALL, LARGE)
    kept = {"tier": "small", "verdict": Verdict.KEPT, "reason": Reason.SURE}
    store = open_store(tmp_path / "traces.db")
    store.write(
        [
            record(at=100.0),
            record(at=103.0, judged=(SURE,), uses=(SMALL,), **kept),
            record(at=104.0, judged=(), uses=(LARGE,), verdict=Verdict.DIRECT),
            record(at=105.0, uses=verified),
            record(
                at=106.0,
                judged=(Judgement("small", None, -0.9, Reason.NO_EVIDENCE, keep=False),),
                uses=(Use("small"),),
            ),
        ]
    )
    store.close()

    prompt, tokens = SMALL.prompt_tokens, SMALL.completion_tokens
    expected = [(0.0, prompt, tokens, 1), (3.0, prompt, tokens, 0), (5.0, prompt, tokens, 1)]
    assert expected == rows(recorded(tmp_path / "traces.db", TIERS))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.jsonl", JSON + '{"at": 1}\n', "r.jsonl:3: .*prompt_tokens"),
        ("r.jsonl", "no json\n", "r.jsonl:1: .*a row has at"),
        ("r.csv", TABLE.replace("30", "many"), "r.csv:2: "),
        ("r.csv", TABLE.replace("30", "0"), "r.csv:2: .*>= 1"),
        ("r.jsonl", "", "no request with a draft"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, name, text, said):
    """With its line, and what a row is."""
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigError, match=said):
        recorded(tmp_path / name, TIERS)


def test_a_missing_recording_is_said(tmp_path):
    """As a sentence."""
    with pytest.raises(ConfigError, match="cannot be read"):
        recorded(tmp_path / "r.csv", TIERS)
