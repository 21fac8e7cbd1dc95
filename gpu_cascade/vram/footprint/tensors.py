"""The tensors in a model's safetensors files, read from the headers alone."""

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelError

MOST_HEADER_BYTES = 100_000_000  # what safetensors itself allows (safetensors 0.6, src/tensor.rs)
FLOAT_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}  # types that a model is converted from and to


@dataclass(frozen=True, slots=True)
class Tensor:
    """`dtype` as safetensors spells it; `bytes` as stored, which packed types have fewer of than elements."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int

    @property
    def elements(self) -> int:
        """Numbers in it, packed ones as they are stored."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether vLLM converts it to the model's type. Quantised tensors stay as they are."""
        return self.dtype in FLOAT_BYTES


def stored(model_dir: Path) -> list[Tensor] | None:
    """Every tensor in the folder's files, None where one is missing. Raises `ModelError` for a broken one."""
    files = _files(model_dir)
    if not files or not all(file.is_file() for file in files):
        return None
    return [tensor for file in files for tensor in _header(file)]


def indexed_bytes(model_dir: Path) -> int | None:
    """What the index says that all files hold; None without an index, or where it does not say."""
    total = _index(model_dir).get("metadata", {}).get("total_size")
    return int(total) if isinstance(total, (int, float)) and total > 0 else None


def _files(model_dir: Path) -> list[Path]:
    """The files that are loaded: a folder may hold the same weights twice, as one file and as shards."""
    names = _index(model_dir).get("weight_map", {}).values()
    if names:
        return sorted(model_dir / name for name in set(names))
    return sorted(model_dir.glob("*.safetensors"))


def _index(model_dir: Path) -> dict[str, dict[str, Any]]:
    file = model_dir / "model.safetensors.index.json"
    if not file.is_file():
        return {}
    try:
        index = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} cannot be read ({error}); fetch the model again") from error
    return index if isinstance(index, dict) else {}


def _header(file: Path) -> Iterator[Tensor]:
    """Eight bytes of length, then JSON. The data behind it is not touched."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > MOST_HEADER_BYTES:
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(stream.read(length))
            size = file.stat().st_size - 8 - length
            if size < 0:
                raise ValueError(f"its header ends {-size} bytes behind it")
        for name, about in header.items():
            if name != "__metadata__":
                start, end = about["data_offsets"]
                if end > size:
                    raise ValueError(f"{name} ends at {end} of {size} bytes")
                yield Tensor(name, tuple(about["shape"]), about["dtype"], end - start)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error) as error:
        raise ModelError(
            f"{file} is no complete safetensors file ({error}); fetch the model again"
        ) from error
