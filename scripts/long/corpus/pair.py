"""A request and what vLLM itself answered to it, and the file of all of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
FILE = Path(__file__).parents[3] / "benchmarks" / "gateway" / "corpus.jsonl"


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request. `refused`: the parameter that the gateway refuses by name before an engine is asked."""

    name: str
    path: str
    body: Mapping[str, Any]
    refused: str | None = None

    @property
    def stream(self) -> bool:
        """Whether the answer comes in pieces."""
        return bool(self.body.get("stream"))


class Pair(msgspec.Struct, frozen=True):
    """`answer` are the engine's bytes: JSON, or the server-sent events of a stream. They are UTF-8."""

    asked: Asked
    status: int
    answer: str


def read(file: Path = FILE) -> list[Pair]:
    """The recorded pairs, in their order."""
    return msgspec.json.Decoder(Pair).decode_lines(file.read_bytes())


def write(pairs: Iterable[Pair], file: Path = FILE) -> None:
    """One pair a line."""
    file.write_bytes(msgspec.json.Encoder().encode_lines(pairs))
