"""From `stream` in models.yaml to a cascade that answers so."""

from dataclasses import dataclass

import pytest

from gpu_cascade.cascade.budget import Load
from gpu_cascade.config import load
from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.engines.leased import IfAwake
from gpu_cascade.launch import only_read
from gpu_cascade.types import Delta, Request
from gpu_cascade.wiring.by_hand import by_hand

ASK = Request([{"role": "user", "content": "Is travel refundable?"}])
YAML = """
engines: {{small: {{model: org/small}}, large: {{model: org/large}}}}
cascades: {{cascade: {{tiers: [small, large], {more}}}}}
"""


@dataclass
class Here:
    """The engines as cascades are made of them; all `awake`, or none."""

    leased: dict
    awake: bool

    def judge(self, name):
        return IfAwake(self.leased[name], lambda: self.awake)

    def version(self, _name):
        return "fake"

    def load(self, _name):
        return Load()


def configured(tmp_path, more):
    path = tmp_path / "models.yaml"
    path.write_text(YAML.format(more=more))
    return load(path)


async def asked(config, awake=True):
    """How many pieces come, and which engines were asked."""
    engines = {
        "small": Fake("small", Line(text="one two three four", token_s=0.005)),
        "large": Fake("large", Line(text="Only with a receipt.")),
    }
    made = by_hand("cascade", config, Here(engines, awake))
    pieces = [piece async for piece in made.stream(ASK)]
    texts = [piece.text for piece in pieces if isinstance(piece, Delta) and piece.text]
    return texts, {name: len(engine.seen) for name, engine in engines.items()}


@pytest.mark.parametrize(
    ("more", "texts", "seen"),
    [
        ("stream: hold, threshold: -0.9", ["one two three four"], {"small": 1, "large": 0}),
        (
            "stream: commit, commit_after: 2, threshold: -0.9",
            ["one", " two", " three", " four"],
            {"small": 1, "large": 0},
        ),
        ("stream: commit, threshold: -0.9", ["one two three four"], {"small": 1, "large": 0}),
        ("stream: race, threshold: -0.9", ["Only", " with", " a", " receipt."], {"small": 1, "large": 1}),
    ],
)
async def test_each_stream_does_what_it_is_called(tmp_path, more, texts, seen):
    """Held to the end; live from the third token on; held, for it has fewer than 16; the faster engine's."""
    assert (texts, seen) == await asked(configured(tmp_path, more))


async def test_a_race_wakes_nobody(tmp_path):
    """An engine that sleeps is not asked for a draft that is kept."""
    texts, seen = await asked(configured(tmp_path, "stream: race, threshold: -0.9"), awake=False)

    assert (["one two three four"], {"small": 1, "large": 0}) == (texts, seen)


@pytest.mark.parametrize(("stream", "read"), [("hold", True), ("race", True), ("commit", False)])
def test_an_engine_whose_drafts_go_out_live_sends_each_token(tmp_path, stream, read):
    """Pieces of several tokens are for drafts that only the gateway reads."""
    config = configured(tmp_path, f"calibration: c.json, stream: {stream}")

    assert read == only_read(config, "small")
