"""The shapes of well-known models, before they are fetched."""

import pytest

from gpu_cascade.planning.known import known_config
from gpu_cascade.vram.footprint.implied import implied


@pytest.mark.parametrize(
    ("hub_id", "parameters"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 494_032_768),
        ("Qwen/Qwen2.5-Coder-1.5B-Instruct", 1_543_714_304),
        ("Qwen/Qwen2.5-3B", 3_085_938_688),
        ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
        ("Qwen/Qwen2.5-14B-Instruct", 14_770_033_664),
        ("Qwen/Qwen2.5-32B-Instruct", 32_763_876_352),
        ("Qwen/Qwen2.5-72B-Instruct", 72_706_203_648),
        ("Qwen/Qwen3-0.6B", 596_049_920),
        ("Qwen/Qwen3-1.7B", 1_720_574_976),
        ("Qwen/Qwen3-4B", 4_022_468_096),
        ("Qwen/Qwen3-8B", 8_190_735_360),
        ("Qwen/Qwen3-14B", 14_768_307_200),
        ("Qwen/Qwen3-32B", 32_762_123_264),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("meta-llama/Meta-Llama-3.1-70B-Instruct", 70_553_706_496),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 134_515_008),
        ("HuggingFaceTB/SmolLM2-360M-Instruct", 361_821_120),
    ],
)
def test_known_shapes_have_the_published_parameters(hub_id, parameters):
    """To the last one."""
    assert parameters == sum(tensor.elements for tensor in implied(known_config(hub_id)))


@pytest.mark.parametrize("hub_id", ["Qwen/Qwen2.5-9B", "Qwen/Qwen2.5-VL-7B-Instruct", "x/Qwen3-8B", ""])
def test_what_is_not_known_is_not_guessed(hub_id):
    """Another size, another family, another owner."""
    assert known_config(hub_id) is None
