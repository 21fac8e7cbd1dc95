"""The command `simulate`: a load, policies, and what comes of it."""

import json

import msgspec
import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.simulation import CHOICES, Job, simulate, split_of

from .vram.simulate.toy import EXAMPLE


def short(*policies, **more):
    return Job(EXAMPLE, "two_large_by_turns", policies, hours=0.02, **more)


def test_each_policy_and_bound_has_its_figures():
    """In the order asked for, as JSON that can be read back."""
    numbers = json.loads(msgspec.json.encode(simulate(short(*CHOICES)).numbers))

    assert ("two_large_by_turns", 1) == (numbers["load"], numbers["seed"])
    assert list(CHOICES) == [result["policy"] for result in numbers["results"]]
    assert all(result["goodput"] > 0 for result in numbers["results"])


def test_a_seed_draws_the_same_requests():
    """The same job twice is the same; another seed is another load."""
    assert simulate(short("auto")).numbers == simulate(short("auto")).numbers
    assert simulate(short("auto")).numbers["results"] != simulate(short("auto", seed=2)).numbers["results"]


def test_a_split_is_for_static():
    """With huge resident in place of large, nobody answers for large; `auto` has the planner's layouts."""
    found = simulate(short("static", "auto", split={"small": 4, "huge": 40})).numbers["results"]

    assert {"small": 4, "huge": 40} == found[0]["kv_gib"]
    assert found[0]["lost"]["refused"] > 0
    assert 0 == found[1]["lost"]["refused"]


def test_a_split_is_written_as_pairs():
    """Names and GiB; anything else is refused with an example."""
    assert {"small": 4.0, "large": 50.5} == split_of("small=4,large=50.5")
    for wrong in ("small", "small=4;large=5", "small=-4", "small=4,", ""):
        with pytest.raises(ConfigError, match="small=4,large=50"):
            split_of(wrong)


def test_a_recording_is_a_load(tmp_path):
    """A file of requests in place of a name, or a load of the file that names one beside it."""
    rows = [{"at": at, "prompt_tokens": 100, "draft_tokens": 50, "escalated": at == 3} for at in range(10)]
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    text = EXAMPLE.read_text().replace(
        "\nbounds:", "\n  mine: {tiers: [small, large], recorded: mine.jsonl}\n\nbounds:"
    )
    (tmp_path / "loads.yaml").write_text(text)
    by_path = simulate(Job(EXAMPLE, str(tmp_path / "mine.jsonl"), ("auto",))).numbers
    by_name = simulate(Job(tmp_path / "loads.yaml", "mine", ("auto",))).numbers

    assert 10 == by_path["results"][0]["requests"]
    assert 9.0 == by_path["results"][0]["duration_s"]
    assert by_path["results"] == by_name["results"]


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (short("autp"), "--policy autp is not known here; did you mean auto"),
        (Job(EXAMPLE, "day", ("auto",)), "--load day is not known here"),
        (short("static", split={"tiny": 1}), "--split tiny is not known here"),
        (
            short("auto", "lru", split={"small": 4}),
            "--split is for --policy static, and auto, lru was asked for",
        ),
        (short("static", split={"small": 1000}), "take 1004.4 GiB"),
    ],
)
def test_what_cannot_be_done_is_said(job, said):
    """As a sentence that names the option."""
    with pytest.raises(ConfigError) as caught:
        simulate(job)
    assert said in caught.value.message
