"""A GPU's memory as a file that scripted engines share, and what one of them holds of it."""

import fcntl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

PAGE = 4096
WEIGHTS, KV = "weights", "kv_cache"  # vLLM's tags of what can be asleep
OTHER = "other"  # context, graphs, activations: comes back with whatever wakes first


class OutOfMemoryError(Exception):
    """The device has less than was wanted; what it had is taken."""


class Reading(NamedTuple):
    """The device as its driver shows it. `held` are pids and their bytes, living processes only."""

    total_bytes: int
    free_bytes: int
    held: tuple[tuple[int, int], ...]


class _Book(msgspec.Struct):
    total_bytes: int
    held: dict[int, int] = {}

    def free(self) -> int:
        return self.total_bytes - sum(self.held.values())


class Vram:
    """A modelled device. Any process may read it; each change is one step for all of them.

    What a process held is free once it has ended, a zombie included, as with a driver.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def create(cls, path: Path, total_bytes: int) -> "Vram":
        """An empty device; the file is made new."""
        path.write_bytes(_page(_Book(total_bytes)))
        return cls(path)

    def read(self) -> Reading:
        """What is there now."""
        with self._book() as book:
            return Reading(book.total_bytes, book.free(), tuple(sorted(book.held.items())))

    def take(self, pid: int, wanted_bytes: int) -> int:
        """As much of `wanted_bytes` as is free; what that was."""
        with self._book() as book:
            taken = min(wanted_bytes, book.free())
            book.held[pid] = book.held.get(pid, 0) + taken
            return taken

    def give(self, pid: int, given_bytes: int) -> None:
        """Give back what `pid` holds."""
        with self._book() as book:
            assert book.held[pid] >= given_bytes, f"{pid} gives {given_bytes} and holds {book.held[pid]}"
            book.held[pid] -= given_bytes

    @contextmanager
    def _book(self) -> Iterator[_Book]:
        with self._path.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            book = msgspec.json.decode(file.read(), type=_Book)
            book.held = {pid: held for pid, held in book.held.items() if _lives(pid)}
            yield book
            file.seek(0)
            # In one write of whole pages: a process that is killed here leaves the old book or the new one.
            file.write(_page(book))


def _page(book: _Book) -> bytes:
    data = msgspec.json.encode(book)
    return data.ljust(-len(data) % PAGE + len(data))


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(b")")[2].split()[0] not in {b"Z", b"X"}


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong with sleeping and waking."""

    wake_oom: int = 0  # so many wakes run out of memory, after half of what was missing
    hang: tuple[Literal["sleep", "wake", "release"], ...] = ()  # calls that never return, and do nothing
    lies: bool = False  # a rest answers 200 and gives nothing back
    gibberish: bool = False  # a wake brings other weights


class Sizes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an engine takes of the device, in bytes, and how long it takes, in seconds."""

    weights_bytes: int
    kv_bytes: int
    other_bytes: int = 0
    residue_bytes: tuple[int, int] = (0, 0)  # of the other bytes, what stays asleep at level 1 and 2
    boot_s: float = 0.0  # from the weights to the KV cache
    sleep_s: float = 0.0
    wake_s: float = 0.0
    orphan: bool = False  # a child process holds it all, and outlives a SIGKILL of the server
    faults: Faults = Faults()


class Memory:
    """What one engine holds: vLLM's executor and cumem allocator, as of 0.32, without a GPU.

    `asleep` are the tags that vLLM believes asleep, which is not always what is mapped. `garbled`: the
    weights are not those that were loaded.
    """

    def __init__(self, vram: Vram, pid: int, sizes: Sizes) -> None:
        self.asleep: set[str] = set()
        self.garbled = False
        self.pid, self.sizes, self.faults = pid, sizes, sizes.faults
        self._vram = vram
        self._whole = {OTHER: sizes.other_bytes, WEIGHTS: sizes.weights_bytes, KV: sizes.kv_bytes}
        self._mapped = dict.fromkeys(self._whole, 0)

    def load(self, *tags: str) -> None:
        """Map all of these; raises `OutOfMemoryError`, and what was mapped by then stays."""
        for tag in tags:
            self._mapped[tag] += self._vram.take(self.pid, self._missing(tag))
            if lacking := self._missing(tag):
                raise OutOfMemoryError(f"{lacking} of {self._whole[tag]} bytes of {tag} do not fit")

    def sleep(self, level: int) -> None:
        """Give back weights and KV cache; nothing where the weights are believed asleep."""
        if WEIGHTS in self.asleep:
            return
        self.asleep |= {WEIGHTS, KV}
        if self.faults.lies:
            return
        for tag, left in ((WEIGHTS, 0), (KV, 0), (OTHER, self.sizes.residue_bytes[level - 1])):
            self._shrink(tag, left)
        self.garbled = self.garbled or level == 2

    def release(self) -> None:
        """Give back the KV cache."""
        self.asleep.add(KV)
        if not self.faults.lies:
            self._shrink(KV, 0)

    def wake(self, tags: Collection[str]) -> None:
        """Take these back, all without tags; nothing where one of them is awake already."""
        wanted = tags or tuple(self.asleep)
        if not wanted or not set(wanted) <= self.asleep:
            return
        if self.faults.wake_oom:
            self._fail_half()
        self.load(OTHER, *(tag for tag in (WEIGHTS, KV) if tag in wanted))
        self.asleep -= set(wanted)
        self.garbled = self.garbled or self.faults.gibberish

    def reload(self) -> None:
        """Read the weights from disk again, where they are mapped."""
        if self._missing(WEIGHTS):
            raise OutOfMemoryError("the weights are not mapped")
        self.garbled = self.faults.gibberish

    def _fail_half(self) -> None:
        self.faults = msgspec.structs.replace(self.faults, wake_oom=self.faults.wake_oom - 1)
        tag = WEIGHTS if self._missing(WEIGHTS) else KV
        self._mapped[tag] += self._vram.take(self.pid, self._missing(tag) // 2)
        raise OutOfMemoryError(f"{self._missing(tag)} of {self._whole[tag]} bytes of {tag} do not fit")

    def _missing(self, tag: str) -> int:
        return self._whole[tag] - self._mapped[tag]

    def _shrink(self, tag: str, left: int) -> None:
        given = max(0, self._mapped[tag] - left)
        self._mapped[tag] -= given
        self._vram.give(self.pid, given)
