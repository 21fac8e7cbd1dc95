"""The process that embeds: it loads a model, says so, and answers until the other end closes."""

import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from .process import Told

Encode = Callable[[list[str]], tuple[bytes, int]]  # to vectors as native float32, and their size


def serve(pipe: Connection, load: Callable[[], Encode]) -> None:
    """Load, then answer batch after batch."""
    try:
        encode = load()
    except Exception as error:  # noqa: BLE001 - no text has been seen yet: all of it may be told
        _tell(pipe, Told(failed=f"{type(error).__name__}: {error}".partition("\n")[0][:300]))
        return
    _tell(pipe, Told())
    while True:
        try:
            texts = msgspec.msgpack.decode(pipe.recv_bytes(), type=list[str])
        except EOFError:
            return
        _tell(pipe, answer(texts, encode))


def answer(texts: list[str], encode: Encode) -> Told:
    """The vectors, or the error's kind alone: its message may quote a text."""
    try:
        return Told(*encode(texts))
    except Exception as error:  # noqa: BLE001 - the next batch may do
        return Told(failed=type(error).__name__)


def _tell(pipe: Connection, told: Told) -> None:
    pipe.send_bytes(msgspec.msgpack.encode(told))


def _load() -> Encode:
    from .model import Model

    return Model(Path(sys.argv[2]), "start" if sys.argv[3] == "start" else "end").encode


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), _load)
