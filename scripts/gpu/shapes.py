"""Models that are a shape and a tokenizer: vLLM fills them with random weights (`--load-format dummy`)."""

import json
import shutil
from pathlib import Path

from gpu_cascade.config import Config, load
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.errors import DoesNotFit, ModelError
from gpu_cascade.models import installed
from gpu_cascade.planning.known import known_config
from gpu_cascade.staging.machine import machine
from gpu_cascade.staging.stage import planned
from gpu_cascade.staging.wants import wants
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.plan.want import Want

SHAPES = [f"Qwen2.5-{size}B-Instruct" for size in ("1.5", "32", "14", "7", "3")]  # small; large by size
TOKENIZER = ("tokenizer*", "chat_template.jinja", "special_tokens_map.json", "vocab.json", "merges.txt")
ENGINE = {"max_model_len": 4096, "max_num_seqs": 32, "kv": {"min_tokens": 8192}, "boot_timeout_s": 300}


def pair(folder: Path, tokenizer: Path, build: Build) -> Config:
    """The small shape and the largest that can take turns with it here, on a budget that holds one of them.

    Raises `DoesNotFit` where none can.
    """
    for large in SHAPES[1:]:
        config = _written(folder, large, tokenizer)
        budget_gib = turns_bytes(*wants(config, machine(config, build))) / GIB
        vram = config.vram.model_copy(update={"budget_gib": budget_gib})
        config = config.model_copy(update={"vram": vram})
        found = planned(config, machine(config, build))
        if found.fits:
            return config
    raise DoesNotFit(f"not even {SHAPES[0]} and {large} can take turns on this GPU: {found.why}")


def turns_bytes(small: Want, large: Want) -> int:
    """Midway between `large` awake beside `small` asleep, and both awake, with the least KV caches."""
    awake = large.base_bytes + large.floor_bytes
    return awake + (small.footprint.asleep + small.base_bytes + small.floor_bytes) // 2


def tokenizer_folder(given: Path | None) -> Path:
    """Where a tokenizer lies: as given, else that of a model that is here, a Qwen one first.

    Raises `ModelError` where there is none.
    """
    here = sorted(installed(), key=lambda one: not one.hub_id.startswith("Qwen/"))
    found = given or next((one.path for one in here if one.path), None)
    if found is None or not (found / "tokenizer.json").is_file():
        raise ModelError(
            f"there is no tokenizer.json in {found or 'any model here'}: name a folder with --tokenizer, or "
            "fetch a model with `gpu-cascade models pull`"
        )
    return found


def _written(folder: Path, large: str, tokenizer: Path) -> Config:
    """A models.yaml (JSON is YAML too) with both shapes beside it."""
    engines = {
        name: {"model": f"./{_write_shape(folder, shape, tokenizer)}", "args": {"load-format": "dummy"}}
        | ENGINE
        for name, shape in (("small", SHAPES[0]), ("large", large))
    }
    cascades = {"cascade": {"tiers": ["small", "large"], "threshold": "keep_all"}}
    vram = {"mode": "sleep", "patience_s": 5}
    path = folder / "models.yaml"
    path.write_text(json.dumps({"engines": engines, "cascades": cascades, "vram": vram}), encoding="utf-8")
    return load(path)


def _write_shape(folder: Path, shape: str, tokenizer: Path) -> str:
    """The model's folder, which bears its name."""
    model = folder / shape
    model.mkdir(exist_ok=True)
    config = {**(known_config(f"Qwen/{shape}") or {}), "architectures": ["Qwen2ForCausalLM"]}
    (model / "config.json").write_text(json.dumps(config))
    # Says that no file of weights is missing: the footprint is computed from config.json then.
    (model / "model.safetensors.index.json").write_text('{"weight_map": {}}')
    for pattern in TOKENIZER:
        for file in tokenizer.glob(pattern):
            shutil.copy(file, model)
    return shape
