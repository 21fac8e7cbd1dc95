"""What models.yaml says of an engine's memory, and what vLLM 0.32 takes where it says nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import GIB

if TYPE_CHECKING:
    from ...config import EngineConfig

# Arguments that change what is kept and are not computed here: with one of these the numbers are an estimate.
_BEYOND = (
    "cpu-offload-gb",
    "data-parallel-size",
    "decode-context-parallel-size",
    "disable-sliding-window",
    "enable-lora",
    "hf-overrides",
    "kv-cache-dtype-skip-layers",
    "kv-transfer-config",
    "num-gpu-blocks-override",
    "offload-backend",
    "pipeline-parallel-size",
    "speculative-config",
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What an engine runs on. `device_bytes`: all memory of one of its devices."""

    cpu: bool
    device_bytes: int
    device_name: str = ""


def is_on(engine: "EngineConfig", flag: str) -> bool:
    """Whether a flag is set. models.yaml writes true for `--flag`, and false for `--no-flag`."""
    return engine.args.get(flag) is True


def whole(engine: "EngineConfig", flag: str) -> int | None:
    """A whole number, None where there is none: vLLM then says what is wrong with it."""
    try:
        return int(engine.args.get(flag) or 0) or None
    except ValueError:
        return None


def beyond(engine: "EngineConfig") -> list[str]:
    """The arguments whose memory is not computed here."""
    return [flag for flag in _BEYOND if _says_something(engine.args.get(flag))]


def _says_something(value: object) -> bool:
    """Off, or a count of one, is what vLLM does anyway. True is equal to 1 in Python, and is on."""
    return value is True or value not in {None, False, 1}


def batched_tokens(engine: "EngineConfig", hardware: Hardware, max_model_len: int) -> int:
    """Tokens of one step at most (engine/arg_utils.py): more on larger GPUs, the A100 left out."""
    if told := whole(engine, "max-num-batched-tokens"):
        return told
    if hardware.cpu:
        most = 2048 * engine.tensor_parallel
    elif hardware.device_bytes >= 160 * GIB:
        most = 16384
    else:
        most = (
            8192 if hardware.device_bytes >= 70 * GIB and "a100" not in hardware.device_name.lower() else 2048
        )
    return min(most, engine.max_num_seqs * max_model_len)


def in_flight_tokens(engine: "EngineConfig", hardware: Hardware, batched: int) -> int:
    """What may be scheduled and not settled: vLLM plans a step while another runs, but not on a processor."""
    ahead = not hardware.cpu and engine.args.get("async-scheduling") is not False
    return batched * (2 if ahead else 1)


def captured_sizes(engine: "EngineConfig", batched: int) -> int:
    """How many batch sizes CUDA graphs are made for (config/vllm.py); 0 without graphs."""
    if is_on(engine, "enforce-eager"):
        return 0
    compiled = _compilation(engine)
    if compiled.get("cudagraph_mode") in {"NONE", 0}:
        return 0
    if isinstance(sizes := compiled.get("cudagraph_capture_sizes"), list):
        return len(sizes)
    told = compiled.get("max_cudagraph_capture_size") or whole(engine, "max-cudagraph-capture-size")
    most = min(batched, int(told or min(2 * engine.max_num_seqs, 512)))
    return 3 + len(range(8, min(most + 1, 256), 8)) + len(range(256, most + 1, 16))


def _compilation(engine: "EngineConfig") -> Mapping[str, Any]:
    """The argument `compilation-config`, which is JSON; empty where it is none: vLLM will say so."""
    try:
        told = json.loads(str(engine.args.get("compilation-config") or "{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
