"""A budget of this machine's RAM in place of VRAM: what runs where there is no GPU, and is real."""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from .proc import machine_bytes, members, pss_bytes, rss_bytes
from .reading import HOST, NOTICEABLE_BYTES, Device, Process

log = logging.getLogger(__name__)

# PSS costs a walk over all pages, 18 ms of a core for each GiB: two CPU engines of 3 GiB, ten times a second,
# would keep a core busy. RSS costs 30 µs at any size and says in between what has changed.
FRESH_S = 1.0
WALKING = 0.05  # the share of one core that walks may take


class _Walked(NamedTuple):
    """A process at its last walk."""

    pss: int
    rss: int


class HostRamProbe:
    """A `GpuProbe` with one device, `budget_bytes` of RAM; used is what the processes of `sessions` hold.

    A session is the guard's of one engine (`GuardedProcess.session`). Pages that they share count once (PSS).
    Between two walks over their pages, a second apart or more, only growth is added: the figure errs high for
    that long. Where a process ends or gives back 64 MiB all are walked at once. One reading at a time, and it
    blocks: with engines of many GiB, in a thread.
    """

    def __init__(
        self,
        budget_bytes: int,
        sessions: Callable[[], Collection[int]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._sessions, self._clock = sessions, clock
        self._walked: dict[int, _Walked] = {}
        self._due = clock()
        self._said = False

    def devices(self) -> list[Device]:
        """The budget as it is now. Free is never more than the machine has available."""
        rss = {pid: held for pid in members(self._sessions()) if (held := rss_bytes(pid))}
        self._walk(rss)
        used = {pid: then.pss + max(0, rss[pid] - then.rss) for pid, then in self._walked.items()}
        free_bytes = min(self._budget_bytes - sum(used.values()), machine_bytes()[1])
        processes = tuple(Process(pid, held) for pid, held in sorted(used.items()))
        return [Device(HOST, 0, "host memory", self._budget_bytes, max(0, free_bytes), processes)]

    def _walk(self, rss: Mapping[int, int]) -> None:
        began = self._clock()
        anew = began >= self._due or any(_gave(then, rss.get(pid)) for pid, then in self._walked.items())
        if anew:
            self._walked = {}
        for pid in rss.keys() - self._walked.keys():
            self._walked[pid] = _Walked(self._pss_bytes(pid), rss[pid])
        if anew:
            ended = self._clock()
            self._due = ended + max(FRESH_S, (ended - began) / WALKING)

    def _pss_bytes(self, pid: int) -> int:
        """What it holds, 0 where it has just ended, its RSS where PSS is not to be had."""
        pss = pss_bytes(pid)
        if pss is not None:
            return pss
        rss = rss_bytes(pid)
        if rss and not self._said:
            self._said = True
            log.warning(
                "/proc/%d/smaps_rollup cannot be read: pages that engines share now count for each of them; "
                "start gpu-cascade as the user of its engines, on Linux 4.14 or newer",
                pid,
            )
        return rss


def _gave(then: _Walked, rss: int | None) -> bool:
    """Whether a process has ended, or holds noticeably less: pages that it shared weigh on others now."""
    return rss is None or rss < then.rss - NOTICEABLE_BYTES
