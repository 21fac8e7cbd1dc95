"""The files of a folder: which there are to read, and reading one without being led astray."""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...errors import ConfigError
from .document import Skipped, Unreadable

MARKDOWN = frozenset({".md", ".markdown"})
HTML = frozenset({".html", ".htm"})
SUFFIXES = MARKDOWN | HTML | {".txt", ".pdf", ".docx"}  # in lower case, of what is read
ACCESS = ".groups.yaml"
# What somebody wrote who meant ACCESS: the folder is then hidden, not public.
MEANT = re.compile(r"\.groups(\.ya?ml)?", re.IGNORECASE)
TRIES = 3
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO would wait for a writer


@dataclass(slots=True)
class Listing:
    """What a folder holds; paths are relative to it, with "/"."""

    files: list[str] = field(default_factory=list)
    access: list[str] = field(default_factory=list)  # files that say who may see a folder
    skipped: list[Skipped] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)  # endings that no reader is for


def listing(root: Path) -> Listing:
    """Everything under `root` in the order of names. What begins with a dot is left out.

    Links are not followed: a link in a public folder would show a restricted document. Raises `ConfigError`
    where the folder is missing or cannot be listed.
    """
    found = Listing()
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        raise ConfigError(f"{root} cannot be listed: {error.strerror}; name a folder that can") from error
    for entry in entries:
        _entry(entry, entry.name, found)
    return found


def _entry(entry: os.DirEntry[str], path: str, found: Listing) -> None:
    if MEANT.fullmatch(entry.name):
        found.access.append(path)
    elif entry.name.startswith("."):
        return
    elif why := _unfit(entry):
        found.skipped.append(Skipped(_writable(path), why))
    elif entry.is_dir(follow_symlinks=False):
        for inner in _entries(entry, path, found):
            _entry(inner, f"{path}/{inner.name}", found)
    elif (suffix := PurePosixPath(entry.name).suffix.lower()) in SUFFIXES:
        found.files.append(path)
    else:
        found.others[suffix or "no ending"] += 1


def _entries(folder: os.DirEntry[str], path: str, found: Listing) -> Iterator[os.DirEntry[str]]:
    try:
        yield from sorted(os.scandir(folder.path), key=lambda entry: entry.name)
    except OSError as error:
        found.skipped.append(
            Skipped(path, f"it cannot be listed: {error.strerror}; give this user the right")
        )


def _unfit(entry: os.DirEntry[str]) -> str | None:
    """Why an entry is neither a folder nor a file to read; None where it is."""
    if _writable(entry.name) != entry.name:
        return "its name is not UTF-8; rename it"
    if entry.is_symlink():
        target = _writable(str(Path(entry.path).readlink()))
        return f"it is a link to {target}; links are not followed, put the file itself here"
    known = PurePosixPath(entry.name).suffix.lower() in SUFFIXES
    if known and not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
        return "it is no regular file but a pipe, socket or device; put a file there"
    return None


def _writable(path: str) -> str:
    """The path with what is not UTF-8 replaced: a lone surrogate can neither be stored nor printed."""
    return path.encode("utf-8", "replace").decode()


def load(root: Path, path: str, most_bytes: int) -> bytes:
    """The content of the regular file `path` under `root`, as it was at one moment. Raises `Unreadable`."""
    try:
        for _ in range(TRIES):
            if (data := _load(root, path, most_bytes)) is not None:
                return data
    except OSError as error:
        raise Unreadable(f"it cannot be read: {error.strerror}; look at its rights") from error
    raise Unreadable(f"it changed while it was read, {TRIES} times; index again when it rests")


def _load(root: Path, path: str, most_bytes: int) -> bytes | None:
    """None where the file changed in the meantime."""
    with open(os.open(root / path, _FLAGS), "rb") as file:  # noqa: PTH123 - of a descriptor
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise Unreadable("it is no regular file; put a file there")
        # A folder on the way may have become a link since it was listed; the kernel knows where we are.
        if not Path(f"/proc/self/fd/{file.fileno()}").readlink().is_relative_to(root.resolve()):
            raise Unreadable(f"it lies outside of {root}; links are not followed, put the file itself there")
        if before.st_size > most_bytes:
            raise Unreadable(f"it has {before.st_size:,} bytes, {most_bytes:,} may be; split it")
        data = file.read(most_bytes + 1)
        after = os.fstat(file.fileno())
    return data if _stamp(before) == _stamp(after) and len(data) == after.st_size else None


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
