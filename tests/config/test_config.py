"""What models.yaml may say, and what becomes of it."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from gpu_cascade.config import Config, EngineConfig, GatewayConfig, at, from_pair, load
from gpu_cascade.config.document import parse
from gpu_cascade.errors import ConfigError

from .texts import GOOD


def test_a_short_file_is_enough(write):
    """Engines, tiers and a threshold are all that must be written; the rest has defaults."""
    config = load(write(GOOD))

    assert config.cascades["policy"].tiers == ["small", "large"]
    assert config.cascades["policy"].threshold == -0.9
    assert config.cascades["policy"].sampling == {"temperature": 0}
    assert config.engines["small"] == EngineConfig(model="org/small")
    assert config.gateway == GatewayConfig()
    assert config.vram.mode == "auto"


def test_a_config_cannot_be_changed(write):
    """What was checked stays what was checked."""
    config = load(write(GOOD))

    with pytest.raises(ValidationError):
        config.gateway.port = 1  # type: ignore[misc]


def test_a_config_that_does_not_hold_together_cannot_be_made():
    """The rules hold for a `Config` made in Python too."""
    with pytest.raises(ValidationError, match="nobody is not known here"):
        Config.model_validate(
            {"engines": {"a": {"model": "m"}}, "cascades": {"c": {"tiers": ["a", "nobody"], "threshold": 0}}}
        )


@pytest.mark.parametrize(
    ("written", "value"),
    [("-1e9", -1e9), ("-1", -1.0), ("-.5", -0.5), ("keep_all", "keep_all"), ("escalate_all", "escalate_all")],
)
def test_thresholds_as_people_write_them(write, written, value):
    """A threshold is any finite number, with or without a dot, or one of two words."""
    threshold = load(write(GOOD.replace("-0.9", written))).cascades["policy"].threshold

    assert threshold == value
    assert type(threshold) is type(value)


@pytest.mark.parametrize("written", ["off", "OFF", "false", "no", "'off'"])
def test_off_is_off_in_every_spelling(write, written):
    """YAML readers disagree whether `off` is a word or false; here both mean off."""
    text = GOOD + f"    gate: {written}\n    early_abort: {written}\n    sticky: {{mode: {written}}}\n"
    cascade = load(write(text)).cascades["policy"]

    assert (cascade.gate, cascade.early_abort, cascade.sticky.mode) == ("off", "off", "off")


@pytest.mark.parametrize("mode", ["skip", "stricter"])
def test_conversations_may_stick(write, mode):
    """What an escalation means for later turns, and for how long."""
    sticky = load(write(GOOD + f"    sticky: {{mode: {mode}, ttl_s: 60}}\n")).cascades["policy"].sticky

    assert (mode, 60) == (sticky.mode, sticky.ttl_s)


@pytest.mark.parametrize(
    ("written", "value"), [("on", True), ("'yes'", True), ("true", True), ("off", False)]
)
def test_a_yes_or_no_in_every_spelling(write, written, value):
    """True and false may be written as on, off, yes and no."""
    assert load(write(GOOD + f"traces: {{content: {written}}}\n")).traces.content is value


def test_names_that_look_like_something_else(write):
    """Keys are text: engines may be called `on` or `7`."""
    text = GOOD.replace("small:", "on:").replace("large:", "7:").replace("[small, large]", "['on', '7']")

    assert list(load(write(text)).engines) == ["on", "7"]


def test_times_and_octals_are_not_numbers(write):
    """YAML 1.1 reads 8:30 as 510 and 010 as 8; nobody who writes a port means that."""
    assert parse("a: 8:30", "f").data == {"a": "8:30"}
    assert parse("a: 010", "f").data == {"a": 10}


def test_a_byte_order_mark_is_no_harm(write):
    """Editors that put a byte order mark first are understood."""
    assert load(write(b"\xef\xbb\xbf" + GOOD.encode())).engines.keys() == {"small", "large"}


def test_an_alias_stands_for_what_it_names(write):
    """Anchors and aliases work as YAML means them."""
    text = GOOD.replace("{model: org/small}", "{model: org/small, kv: &kv {min_tokens: 99}}")
    text = text.replace("{model: org/large}", "{model: org/large, kv: *kv}")

    assert load(write(text)).engines["large"].kv.min_tokens == 99


def test_args_are_spelled_as_vllm_spells_them(write):
    """Underscores and leading dashes are a matter of taste; a name after a dot is not."""
    args = "args: {enforce_eager: true, --max-logprobs: 20, compilation_config.cudagraph_mode: null}"
    config = load(write(GOOD.replace("org/small", "org/small, " + args)))

    assert config.engines["small"].args == {
        "enforce-eager": True,
        "max-logprobs": 20,
        "compilation-config.cudagraph_mode": None,
    }


def test_an_engine_elsewhere(write):
    """A url with the model's name there makes an engine that is attached to."""
    remote = "{url: 'https://example.org/v1/', name: theirs, api_key_env: THEIR_KEY, max_model_len: 4096}"
    engine = load(write(GOOD.replace("{model: org/large}", remote))).engines["large"]

    assert (engine.url, engine.name, engine.model) == ("https://example.org/v1", "theirs", None)


def test_temperature_stays_zero_beside_other_sampling(write):
    """Naming a seed does not turn random drafts on."""
    cascade = load(write(GOOD + "    sampling: {seed: 7}\n")).cascades["policy"]

    assert cascade.sampling == {"temperature": 0, "seed": 7}


def test_paths_start_from_the_file(write, tmp_path, monkeypatch):
    """Relative paths mean the file's folder, wherever the command runs."""
    monkeypatch.delenv("GPU_CASCADE_STATE", raising=False)
    monkeypatch.chdir("/")
    path = Path(os.path.relpath(write(GOOD + "traces: {store: sqlite:///mine/t.db}\n"), "/"))
    config = load(path)

    assert config.base == tmp_path
    assert config.path == tmp_path / "models.yaml"
    assert config.state_dir == tmp_path / "state"
    assert config.traces_path == tmp_path / "mine" / "t.db"
    assert config.resolve("/a/b") == Path("/a/b")


def test_the_environment_moves_the_state_and_what_lies_in_it_by_default(write, tmp_path, monkeypatch):
    """GPU_CASCADE_STATE moves logs and the default store; a store that was named stays."""
    monkeypatch.setenv("GPU_CASCADE_STATE", str(tmp_path / "elsewhere"))

    assert load(write(GOOD)).state_dir == tmp_path / "elsewhere"
    assert load(write(GOOD)).traces_path == tmp_path / "elsewhere" / "traces.db"
    named = load(write(GOOD + "traces: {store: sqlite:////srv/t.db}\n"))
    assert named.traces_path == Path("/srv/t.db")


def test_a_pair_needs_no_file(tmp_path, monkeypatch):
    """Two models make a cascade; state lies where the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPU_CASCADE_STATE", raising=False)
    config = from_pair("org/small", "./large", threshold=-1.5)

    assert [engine.model for engine in config.engines.values()] == ["org/small", "./large"]
    assert config.cascades["cascade"].tiers == ["small", "large"]
    assert config.cascades["cascade"].threshold == -1.5
    assert config.path is None
    assert config.state_dir == tmp_path / "state"


def test_another_address_is_checked_like_the_file(write):
    """The command line may move the gateway, not where it cannot be; the rest stays as it was."""
    config = load(write(GOOD + "gateway: {max_queue: 7}\n"))
    moved = at(config, port=0)

    assert (moved.gateway.host, moved.gateway.port, moved.gateway.max_queue) == ("127.0.0.1", 0, 7)
    assert 3 == at(config, workers=3).gateway.workers
    assert (moved.engines, moved.path, moved.base) == (config.engines, config.path, config.base)
    with pytest.raises(ConfigError, match=r"gateway\.workers: 0 must be at least 1"):
        at(config, workers=0)
    with pytest.raises(ConfigError, match=r"gateway\.port: 99999 must be at most 65535"):
        at(config, host="0.0.0.0", port=99999)


def test_a_pair_that_cannot_be():
    """An id that is none and a threshold that is no number are told together."""
    with pytest.raises(ConfigError) as caught:
        from_pair("--trust-remote-code", "org/large", threshold=float("nan"))

    assert "engines.small.model: '--trust-remote-code' must not start with '-'" in caught.value.message
    assert "threshold: nan must be a finite number" in caught.value.message
