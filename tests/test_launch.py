"""From an engine's section to its command line: where the model lies, who is ranked."""

from pathlib import Path

import pytest

from gpu_cascade.config import load
from gpu_cascade.errors import ModelError
from gpu_cascade.launch import fake_command, find_model, ranks

from .tiny import write_tiny

YAML = """
engines:
  small: {model: ./tiny, max_model_len: 100, kv: {min_tokens: 200}%s}
  elsewhere: {url: "http://127.0.0.1:9/v1", name: theirs}
cascades:
  cascade: {tiers: [small, elsewhere], threshold: -0.9}
"""


@pytest.fixture
def config(tmp_path):
    """A models.yaml beside a folder that looks like a model."""
    write_tiny(tmp_path / "tiny")

    def make(more=""):
        (tmp_path / "models.yaml").write_text(YAML % more)
        return load(tmp_path / "models.yaml")

    return make


def test_models_beside_the_file(config, tmp_path):
    """A relative path starts at models.yaml, and a missing one is named in full."""
    made = config()

    assert tmp_path / "tiny" == find_model(made, "./tiny")
    with pytest.raises(ModelError, match=str(tmp_path / "gone")):
        find_model(made, "./gone")


def test_scripted_engines_need_no_model(config, tmp_path):
    """`--fake` starts one in place of each, whatever its model."""
    made = fake_command(config(), "small", tmp_path / "small.sock", Path("script.json"))

    assert ["--name", "small", "--script", "script.json"] == list(made.argv[-4:])


def test_last_tiers_rank_their_requests(config):
    """Escalated ones meet others there; what the user sets wins."""
    made = config()
    assert [False, True] == [ranks(made, name) for name in ("small", "elsewhere")]

    text = made.path.read_text().replace("[small, elsewhere]", "[elsewhere, small]")
    for more, ranked in (("", True), (", args: {scheduling-policy: fcfs}", False)):
        made.path.write_text(text.replace("200}", "200}" + more))
        assert ranked is ranks(load(made.path), "small")
