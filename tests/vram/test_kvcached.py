"""A shared KV cache by kvcached: refused wherever it cannot work, each time with the reason."""

import pytest

from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import ConfigError
from gpu_cascade.vram.kvcached import refuse


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (Build("0.32.0", cpu=True), "the installed vLLM computes on the processor"),
        (Build("0.33.1", cpu=False), "fits vLLM 0.17 to 0.30, and 0.33.1 is installed"),
        (Build("0.16.0", cpu=False), "fits vLLM 0.17 to 0.30, and 0.16.0 is installed"),
        (Build("dev", cpu=False), "fits vLLM 0.17 to 0.30, and dev is installed"),
        (Build("0.30.2", cpu=False), "nobody has measured yet what it gives back"),
        (Build("0.17.0", cpu=False), "nobody has measured yet what it gives back"),
        (None, "there is no split to plan"),
    ],
)
def test_each_vllm_has_its_reason(build, why):
    """Whoever asks for it learns what stands against it here, and what to write instead."""
    with pytest.raises(ConfigError, match=r"vram\.mode: kvcached is not available: .*; use auto") as refused:
        refuse(build)

    assert why in refused.value.message
