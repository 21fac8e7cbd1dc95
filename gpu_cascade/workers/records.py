"""A worker's places for decision records: reserved ahead in the supervisor's store, so none is asked for."""

from typing import Literal, Self

from ..errors import StoreFull
from ..traces import Record
from .link import Link
from .messages import Recorded

RETRY_S = 1.0  # what a client is told to wait where there is none


class RemotePlace:
    """A place for one record. Used once: by `keep`, or given back."""

    __slots__ = ("_link", "_open", "_placed")

    def __init__(self, link: Link, placed: bool) -> None:
        self._link, self._placed, self._open = link, placed, True

    async def keep(self, record: Record) -> None:
        """Send it; when this returns it arrives, whatever becomes of this process."""
        assert self._open, "a place is used once"
        self._open = False
        self._link.send(Recorded(record, self._placed))
        await self._link.through()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            self._open = False
            self._link.free += self._placed


class RemoteRecords:
    """`Records` of the gateway over a link: places come ahead, and a record takes its own along.

    Where all are taken `on_full` holds as it does for the store: `refuse`, or answer all the same; whether
    such a record is kept is for the store to say when it arrives.
    """

    def __init__(self, link: Link, on_full: Literal["refuse", "drop"]) -> None:
        self._link, self._on_full = link, on_full

    def reserve(self) -> RemotePlace:
        """One of them. Raises `StoreFull` where there is none and no record may be dropped."""
        if self._link.free:
            self._link.free -= 1
            return RemotePlace(self._link, placed=True)
        if self._on_full == "drop":
            return RemotePlace(self._link, placed=False)
        why = f"; the last write failed: {self._link.trouble}" if self._link.trouble else ""
        raise StoreFull(
            f"no answer without a decision record: every place of this gateway process is taken{why}; "
            f"try again later, or set traces.on_full: drop",
            retry_after_s=RETRY_S,
        )
