"""What work cost that was ended before its end: closing or cancelling it gives no value back."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..types import Use

_OPEN: ContextVar[list[Use] | None] = ContextVar("bill", default=None)


@contextmanager
def billing(uses: list[Use]) -> Iterator[None]:
    """Answers that are closed or cancelled inside add to `uses` what they had cost by then."""
    token = _OPEN.set(uses)
    try:
        yield
    finally:
        _OPEN.reset(token)


def bill(use: Use) -> None:
    """Put it on the open bill; nobody asked where there is none."""
    uses = _OPEN.get()
    if uses is not None:
        uses.append(use)
