"""What turns texts into vectors."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into unit vectors. `name` says which model: vectors of two are never mixed."""

    name: str

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, all of one length; blocks meanwhile. Raises `ModelError`."""


class Owned(Embedder, Protocol):
    """One that has to be started and closed: an `Encoder`."""

    def start(self) -> None:
        """Begin to load."""

    def close(self) -> None:
        """End, in the middle of a batch too."""
