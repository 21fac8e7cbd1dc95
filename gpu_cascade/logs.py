"""`gpu-cascade logs`: what the engines wrote, the last lines first, then as it comes."""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from .config import Config
from .errors import UnknownModel
from .launch import log_path, started

LOOK_S = 0.2


def lines(config: Config, engine: str | None, count: int, *, follow: bool) -> Iterator[str]:
    """The last `count` lines of each engine's log, each with its engine in front; then new ones, if asked."""
    names = list(started(config))
    if engine is not None and engine not in names:
        raise UnknownModel(f"there is no engine {engine!r} that is started here; known: {', '.join(names)}")
    files = {name: _Tail(log_path(config, name)) for name in names if engine in (None, name)}
    for name, file in files.items():
        yield from (f"{name} | {line}" for line in deque(file.fresh(), count))
    while follow:
        for name, file in files.items():
            yield from (f"{name} | {line}" for line in file.fresh())
        time.sleep(LOOK_S)


class _Tail:
    """The lines of a file that have not been read yet; a rotated file is read from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def fresh(self) -> Iterator[str]:
        """Whole lines since the last look."""
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                self._at = self._at if self._at <= size else 0
                file.seek(self._at)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._at += len(line)
                    yield line.decode(errors="replace")
        except FileNotFoundError:
            return
