"""What a calibration is bound to: everything that could move a draft's tokens or their probabilities.

Not bound: KV bytes, shares of memory, ports, places in the batch, which the scheduler may move.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..config import CascadeConfig, EngineConfig

# vLLM flags that change how fast or where something is computed, not what.
FREE_ARGS = frozenset(
    {
        "block-size",
        "distributed-executor-backend",
        "enable-prefix-caching",
        "max-num-batched-tokens",
        "max-num-queued-reqs",
        "stream-interval",
    }
)
TEXTS = ("config.json", "generation_config.json")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt")
TEMPLATES = ("chat_template.jinja", "chat_template.json")
SAMPLES, SAMPLE_BYTES = 64, 1 << 16


@dataclass(frozen=True, slots=True)
class Place:
    """What the calibration ran on: vLLM's minor version, and the kind of device."""

    vllm: str
    device: str


def bound(
    cascade: CascadeConfig, engines: Mapping[str, EngineConfig], folders: Mapping[str, Path], place: Place
) -> dict[str, str]:
    """Part by part, each as a short text that is compared as it is. `folders` of engines started here."""
    parts = {"tiers": " > ".join(cascade.tiers), "sampling": _json(cascade.sampling), "gate": cascade.gate}
    parts |= {"logprobs_mode": "raw_logprobs", "vllm": place.vllm, "device": place.device}
    parts |= {"checks": _json(cascade.checks.model_dump(mode="json", exclude_none=True, by_alias=True))}
    if cascade.first_tokens is not None:
        parts |= {"commit_after": str(cascade.first_tokens)}
    for name in cascade.tiers:
        engine = engines[name]
        own = _files(folders[name]) if name in folders else _address(engine)
        parts |= {f"{name}.{part}": value for part, value in (*own, *_settings(engine))}
    return parts


def _settings(engine: EngineConfig) -> Iterator[tuple[str, str]]:
    yield "max_model_len", str(engine.max_model_len or "the model's own")
    if engine.url is None:
        args = {key: value for key, value in sorted(engine.args.items()) if key not in FREE_ARGS}
        yield "dtype", engine.dtype
        yield "quantization", engine.quantization or "as the weights say"
        yield "args", _json(args)


def _address(engine: EngineConfig) -> Iterator[tuple[str, str]]:
    """An engine elsewhere, or a scripted one: what it runs cannot be seen, so only its name is bound."""
    for part in ("url", "name", "model"):
        if getattr(engine, part) is not None:
            yield part, str(getattr(engine, part))


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    yield "weights", _digest(_weights(folder))
    yield "tokenizer", _digest(_texts(folder, TOKENIZER))
    yield "chat_template", _digest(_texts(folder, TEMPLATES))
    yield "model_config", _digest(_texts(folder, TEXTS))


def _texts(folder: Path, names: tuple[str, ...]) -> Iterator[bytes]:
    for name in names:
        path = folder / name
        if path.is_file():
            yield name.encode() + b"\0" + path.read_bytes()


def _weights(folder: Path) -> Iterator[bytes]:
    """Name, size and 64 places of each file: a 61 GiB model would take minutes to read whole at every start.

    Another revision, quantisation or fine-tune changes all tensors or the header, so it is seen; one changed
    number between two places is not.
    """
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        yield f"{path.name}:{size}".encode()
        with path.open("rb") as file:
            for place in range(SAMPLES):
                file.seek(max(0, size - SAMPLE_BYTES) * place // (SAMPLES - 1))
                yield file.read(SAMPLE_BYTES)


def _digest(parts: Iterator[bytes]) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part)
    return sha.hexdigest()[:16]


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
