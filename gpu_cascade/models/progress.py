"""What a long wait tells whoever watches."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """How far one step of one model is. `total` is 0 while it is not known."""

    model: str
    what: str  # "download", "convert", "waiting for another pull"
    done: int = 0
    total: int = 0
    unit: str = "bytes"  # or "tensors", "files"


Progress = Callable[[Step], None]  # called from several threads


def silent(step: Step) -> None:
    """Nobody watches."""
