"""Vectors of passages, kept as half floats: 384 numbers in 768 bytes, exact to three digits."""

import math
import struct
from collections.abc import Callable, Sequence

from ...embedding.embedder import Embedder
from ...errors import ModelError
from .store import Store

BATCH = 64  # passages that are embedded, and stored, at a time


def fill(store: Store, embedder: Embedder, progress: Callable[[int, int, str], None]) -> int:
    """Embed every passage that lacks a vector of this model, and drop other models' vectors; how many.

    What is stored stays when it is broken off. `progress` hears how many are done, of how
    many, and the model. Raises `ModelError` for vectors that cannot be used.
    """
    store.drop_vectors_but(embedder.name)
    done, total = 0, store.lacking(embedder.name)
    while lacking := store.without_vector(embedder.name, BATCH):
        vectors = embedder.embed([text for _, text in lacking])
        if len(vectors) != len(lacking):
            raise ModelError(f"{embedder.name} made {len(vectors)} vectors of {len(lacking)} texts")
        packed = [(passage, pack(vector)) for (passage, _), vector in zip(lacking, vectors, strict=True)]
        store.put_vectors(embedder.name, packed)
        done += len(lacking)
        progress(done, total, embedder.name)
    return done


def pack(vector: Sequence[float]) -> bytes:
    """Little-endian half floats. Raises `ModelError` for an empty, infinite or too large one."""
    if not vector or not all(math.isfinite(number) and abs(number) < 65504 for number in vector):
        raise ModelError(f"an embedding of {len(vector)} numbers is empty, infinite or above 65,504")
    return struct.pack(f"<{len(vector)}e", *vector)


def unpack(blob: bytes) -> tuple[float, ...]:
    """The numbers of a packed vector."""
    return struct.unpack(f"<{len(blob) // 2}e", blob)
