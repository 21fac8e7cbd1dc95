"""The file of loads: what it may say, and the sentence for what it may not."""

import pytest

from gpu_cascade.config.schema import GatewayConfig
from gpu_cascade.errors import ConfigError
from gpu_cascade.vram.simulate.load import Lognormal, chosen, read_loads

from .toy import EXAMPLE


def changed(tmp_path, old, new):
    """The example with one place changed."""
    text = EXAMPLE.read_text()
    assert old in text
    path = tmp_path / "loads.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_example_has_the_three_loads():
    """The loads that policies are compared on, with the rates of their phases."""
    loads = read_loads(EXAMPLE)

    assert {"day_night", "two_large_by_turns", "bursts_of_hard_questions"} <= loads.loads.keys()
    assert [6, 18, 6, 3] == [phase.rate for phase in loads.loads["day_night"].phases]
    assert round(64.5 * 2**30) == loads.engines["large"].base_bytes


def test_a_distribution_may_be_written_as_a_call(tmp_path):
    """`lognormal(mean=700, sigma=0.8)` means the same as a mapping."""
    path = changed(tmp_path, "{mean: 700, sigma: 0.8}", "lognormal(mean=700, sigma=0.8)")

    assert read_loads(EXAMPLE) == read_loads(path)


def test_the_mean_is_that_of_the_tokens():
    """exp(mu + sigma² / 2) is the mean of a lognormal distribution."""
    assert pytest.approx(6.231, abs=0.001) == Lognormal(700, 0.8).mu


def test_who_waits_waits_as_in_models_yaml():
    """Queue and deadline are the gateway's defaults."""
    loads, gateway = read_loads(EXAMPLE), GatewayConfig()

    assert (gateway.max_queue, gateway.deadline_s) == (loads.gateway.max_queue, loads.gateway.deadline_s)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("vram_gib: 139", "vram_gib: -1", "`float` > 0.0 - at `$.gpu.vram_gib`"),
        ("vram_gib: 139", "vram: 139", "unknown field `vram`"),
        ("esc: 0.80", "esc: 1.8", "`float` <= 1.0"),
        ("tiers: [small, large, huge]", "tiers: [small, large, hugo]", "did you mean huge?"),
        ("top: huge", "top: small", "top small is not known here"),
        ("tiers: [small, large]", "tiers: [small, small]", "has one twice"),
        ("decode_tok_s_one: 260", "decode_tok_s_one: 9001", "is above decode_tok_s_max"),
        ("gpu: {", "gpu: [", "expected"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, said):
    """One sentence with the file, the place and what belongs there."""
    path = changed(tmp_path, old, new)

    with pytest.raises(ConfigError) as caught:
        read_loads(path)
    assert str(path) in caught.value.message
    assert said in caught.value.message


def test_a_missing_file_is_said(tmp_path):
    """With how to name another one."""
    with pytest.raises(ConfigError, match="--file"):
        read_loads(tmp_path / "none.yaml")


def test_a_load_needs_somebody_who_asks(tmp_path):
    """Neither phases nor a recording, or both, is no load."""
    text = "    phases:\n      - {s: 540, rate: 10, esc: 0.05}\n      - {s: 60, rate: 25, esc: 0.80}\n"
    path = changed(tmp_path, text, "")

    with pytest.raises(ConfigError, match="either phases or recorded"):
        read_loads(path)


def test_a_load_is_chosen_by_name_or_is_a_recording():
    """A recording is asked of the first two engines; an unknown name is refused with the nearest one."""
    loads = read_loads(EXAMPLE)

    assert ("small", "large") == chosen(loads, "somewhere/mine.jsonl").tiers
    assert loads.loads["day_night"] == chosen(loads, "day_night")
    with pytest.raises(ConfigError, match="did you mean day_night"):
        chosen(loads, "day_nigth")
