"""What engines really took, and how long it took them: kept in SQLite from one run to the next."""

import hashlib
import json
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ...database import code, transaction
from ...locks import try_lock
from .readings import Readings, What

if TYPE_CHECKING:
    from ...config import EngineConfig

log = logging.getLogger(__name__)
T = TypeVar("T")

SCHEMA = 1  # in the file's `user_version`
BUSY_S = 5.0  # how long one try waits for another process, which may be waiting for a disk
KEPT = 9  # readings of one kind: a machine changes, and what it takes with it

_CREATE = """
CREATE TABLE IF NOT EXISTS readings
(model TEXT, flags TEXT, device TEXT, vllm TEXT, what TEXT, value REAL, at REAL)
"""
_INSERT = "INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?)"
_SELECT = """
SELECT what, value FROM readings WHERE model = ? AND flags = ? AND device = ? AND vllm = ?
ORDER BY rowid DESC
"""
_PRUNE = """
DELETE FROM readings WHERE rowid IN
(SELECT rowid FROM readings WHERE model = ? AND flags = ? AND device = ? AND vllm = ? AND what = ?
 ORDER BY rowid DESC LIMIT -1 OFFSET ?)
"""
_DAMAGE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


@dataclass(frozen=True, slots=True)
class Key:
    """What a reading belongs to: files, flags that memory depends on, the kind of device, vLLM's version."""

    model: str
    flags: str
    device: str
    vllm: str


def key_of(engine: "EngineConfig", model_dir: Path, device_name: str, vllm: str) -> Key:
    """Files are told apart by config.json and the weights' names and sizes. KV bytes do not matter."""
    digest = hashlib.sha256()
    for file in sorted([model_dir / "config.json", *model_dir.glob("*.safetensors")]):
        if file.is_file():
            told = file.read_bytes() if file.suffix == ".json" else str(file.stat().st_size).encode()
            digest.update(file.name.encode() + b"\0" + told + b"\0")
    names = ("dtype", "max_model_len", "max_num_seqs", "quantization", "tensor_parallel", "args")
    flags = json.dumps({name: getattr(engine, name) for name in names}, sort_keys=True)
    return Key(f"{model_dir.name} {digest.hexdigest()[:16]}", flags, device_name, vllm)


class Learned:
    """The readings in a file. A damaged one is moved aside; one that cannot be used is as good as empty.

    Each call opens the file anew: it is used a few times an hour, and by several processes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, key: Key, what: What, value: float) -> None:
        """Keep one reading, and the last few before it. A failed one, no number above 0, is not kept."""
        if not (math.isfinite(value) and value > 0):
            log.warning("%s of %s was read as %s, which is not kept", what, key.model, value)
            return

        def keep(connection: sqlite3.Connection) -> None:
            connection.execute(_INSERT, (*astuple(key), what, value, time.time()))
            connection.execute(_PRUNE, (*astuple(key), what, KEPT))

        self._done(keep)

    def recall(self, key: Key) -> dict[What, Readings]:
        """What is known of it, by kind; empty where nothing is."""
        rows = self._done(lambda connection: connection.execute(_SELECT, astuple(key)).fetchall()) or []
        kinds = {what: tuple(float(value) for name, value in rows if name == what) for what in What}
        return {what: Readings(values) for what, values in kinds.items() if values}

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What `work` returns; None where the file cannot be used, with a warning that says why."""
        for _ in range(2):
            try:
                with _transaction(self.path) as connection:
                    return work(connection)
            except (sqlite3.Error, OSError) as error:
                if code(error) not in _DAMAGE or not _moved_aside(self.path):
                    log.warning(
                        "%s: %s; what engines took is computed instead of remembered", self.path, error
                    )
                    return None
        return None


@contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """All of it or nothing; the table is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as connection,
        transaction(connection),
    ):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise sqlite3.NotSupportedError(f"made by a newer gpu-cascade (schema {version})")
        if version < SCHEMA:
            connection.execute(_CREATE)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        yield connection


def _moved_aside(path: Path) -> bool:
    """Whether a damaged file is out of the way. One process moves it, unless another has done it before."""
    try:
        with path.with_name(f"{path.name}.lock").open("w") as lock:
            if not try_lock(lock.fileno()) or not _is_damaged(path):
                return True
            aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
            path.rename(aside)
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)  # it belongs to the damaged file
    except OSError:
        return False
    log.warning("%s is damaged: moved to %s, and what engines took is measured anew", path, aside.name)
    return True


def _is_damaged(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
    except sqlite3.Error as error:
        return code(error) in _DAMAGE
