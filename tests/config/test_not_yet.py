"""What a models.yaml may ask for, and what of it waits for a later version."""

import pytest

from gpu_cascade.config import VramConfig, load
from gpu_cascade.config.rules import NOT_YET

from .texts import GOOD, refusal

ASKED = {
    "store": ("traces: {store: 'postgresql://h/db'}\n", "traces.store"),
}


@pytest.mark.parametrize("rule", NOT_YET, ids=lambda rule: f"{rule.section}.{rule.key}")
def test_what_is_not_built_is_refused_by_name(write, rule):
    """A key of a later version is not ignored: it is refused, with what to write instead."""
    text, place = ASKED[rule.key]
    told = refusal(write(GOOD + text))

    assert f"{place}" in told
    assert f"is not available yet; {rule.instead}" in told


@pytest.mark.parametrize("mode", ["auto", "static", "sleep", "restart", "kvcached"])
def test_every_way_to_share_memory_is_taken(write, mode):
    """Whether it fits this machine is for the planner to say."""
    assert load(write(GOOD + f"vram: {{mode: {mode}}}\n")).vram == VramConfig(mode=mode)
