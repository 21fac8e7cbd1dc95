"""What models.yaml says of memory, and what vLLM takes where it says nothing."""

import pytest

from gpu_cascade.config import EngineConfig
from gpu_cascade.vram.footprint.arguments import (
    Hardware,
    batched_tokens,
    beyond,
    captured_sizes,
    in_flight_tokens,
    is_on,
    whole,
)

GIB = 2**30
CPU = Hardware(cpu=True, device_bytes=64 * GIB)
H100 = Hardware(cpu=False, device_bytes=80 * GIB, device_name="NVIDIA H100 80GB HBM3")


def engine(more=None, **args):
    return EngineConfig(
        model="m", args={key.replace("_", "-"): value for key, value in args.items()}, **more or {}
    )


@pytest.mark.parametrize(
    ("hardware", "tokens"),
    [
        (CPU, 2048),
        (H100, 8192),
        (Hardware(cpu=False, device_bytes=80 * GIB, device_name="NVIDIA A100-SXM4-80GB"), 2048),
        (Hardware(cpu=False, device_bytes=24 * GIB, device_name="NVIDIA GeForce RTX 4090"), 2048),
        (Hardware(cpu=False, device_bytes=180 * GIB, device_name="NVIDIA B200"), 16384),
    ],
)
def test_tokens_of_a_step(hardware, tokens):
    """More on large GPUs; never more than all requests together."""
    assert tokens == batched_tokens(engine(), hardware, 8192)
    assert 300 == batched_tokens(engine({"max_num_seqs": 3}), hardware, 100)
    assert 512 == batched_tokens(engine(max_num_batched_tokens="512"), hardware, 8192)


def test_the_processor_takes_as_many_for_each_part():
    """vLLM multiplies by what it calls the world."""
    assert 4096 == batched_tokens(engine({"tensor_parallel": 2}), CPU, 8192)


def test_two_steps_are_under_way_on_a_gpu():
    """One is planned while the other runs, unless that is turned off."""
    assert 16384 == in_flight_tokens(engine(), H100, 8192)
    assert 8192 == in_flight_tokens(engine(async_scheduling=False), H100, 8192)
    assert 2048 == in_flight_tokens(engine(), CPU, 2048)


@pytest.mark.parametrize(
    ("more", "args", "count"),
    [
        ({}, {}, 3 + 16),  # 1, 2, 4, then 8 to 128
        ({"max_num_seqs": 256}, {}, 3 + 31 + 17),  # to 248 by eights, 256 to 512 by sixteens
        ({"max_num_seqs": 1024}, {}, 3 + 31 + 17),
        ({}, {"enforce_eager": True}, 0),
        ({}, {"enforce_eager": False}, 3 + 16),
        ({}, {"max_cudagraph_capture_size": 16}, 3 + 2),
        ({}, {"max_num_batched_tokens": 16}, 3 + 2),
        ({}, {"compilation_config": '{"cudagraph_capture_sizes": [1, 2]}'}, 2),
        ({}, {"compilation_config": '{"max_cudagraph_capture_size": 8}'}, 3 + 1),
        ({}, {"compilation_config": '{"cudagraph_mode": "NONE"}'}, 0),
        ({}, {"compilation_config": "no JSON"}, 3 + 16),
        ({}, {"compilation_config": "3"}, 3 + 16),
    ],
)
def test_graphs(more, args, count):
    """How many batch sizes are captured, by any of the ways to say it."""
    asked = engine(more, **args)

    assert count == captured_sizes(asked, batched_tokens(asked, H100, 8192))


def test_what_is_not_counted_is_named():
    """Arguments that add or move memory, unless they are turned off."""
    assert ["enable-lora", "speculative-config"] == beyond(engine(speculative_config="{}", enable_lora=True))
    assert [] == beyond(engine(enable_lora=False, pipeline_parallel_size=1, block_size=16))


def test_flags_and_numbers():
    """True is on; a number may be written as text, and what is none says nothing."""
    assert is_on(engine(enforce_eager=True), "enforce-eager")
    assert not is_on(engine(enforce_eager=None), "enforce-eager")
    assert (32, 32, None, None) == (
        whole(engine(block_size=32), "block-size"),
        whole(engine(block_size="32"), "block-size"),
        whole(engine(block_size="many"), "block-size"),
        whole(engine(), "block-size"),
    )
