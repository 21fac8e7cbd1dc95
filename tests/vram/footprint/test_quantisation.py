"""How many bits a weight has."""

import pytest

from gpu_cascade.vram.footprint.quantisation import Bits, of_checkpoint, online

GROUPS = {"config_groups": {"group_0": {"weights": {"num_bits": 4}}}}


@pytest.mark.parametrize(
    ("how", "bits"),
    [
        ({}, None),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, Bits(4 + 20 / 128)),
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, Bits(4 + 20 / 32)),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1}, Bits(8)),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, Bits(4 + 20 / 128)),
        ({"quant_method": "awq", "w_bit": 4}, Bits(4 + 20 / 128)),
        ({"quant_method": "compressed-tensors", **GROUPS}, Bits(4 + 20 / 128)),
        ({"quant_method": "fp8"}, Bits(8)),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, Bits(4.5)),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, Bits(8)),
        ({"quant_method": "mxfp4"}, Bits(4.25, experts_only=True)),
        ({"quant_method": "modelopt_fp4"}, Bits(4.5)),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, Bits(4.5)),
    ],
)
def test_of_a_checkpoint(how, bits):
    """Scales and zero points are counted in."""
    assert bits == of_checkpoint({"quantization_config": how})


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        (None, None),
        ("awq", None),
        ("fp8", Bits(8)),
        ("fp8_per_tensor", Bits(8)),
        ("bitsandbytes", Bits(4.5)),
        ("experts_int8", Bits(8, experts_only=True)),
    ],
)
def test_what_vllm_makes_while_it_loads(name, bits):
    """Formats that a checkpoint must be stored in make nothing of one in floats."""
    assert bits == online(name)
