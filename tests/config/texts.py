"""A models.yaml that is right, and what is said of one that is not."""

import time
from pathlib import Path

import pytest

from gpu_cascade.config import load
from gpu_cascade.errors import ConfigError

ROOT = Path(__file__).parents[2]

GOOD = """\
engines:
  small: {model: org/small}
  large: {model: org/large}
cascades:
  policy:
    tiers: [small, large]
    threshold: -0.9
"""


def refusal(path: Path) -> str:
    """What `load` says of a file that it refuses, which must cost less than a second of CPU."""
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert time.process_time() - start < 1.0
    return caught.value.message
