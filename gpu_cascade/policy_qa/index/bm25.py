"""BM25 over the passages that a caller may see: nothing of the others enters a count, a length or a score."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]

K1 = 1.2
B = 0.75


class Row(NamedTuple):
    """A passage in the index: the keys of its words (uint64) and how often each stands in it (uint16)."""

    passage: int
    document: int
    keys: bytes
    counts: bytes


class Postings:
    """Which passage holds which word how often, in memory: 100,000 passages of 80 words take 150 MB.

    numpy is imported with the first one made: what serves models alone leaves it on the disk.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        import numpy as np

        passages, documents, keys, counts = list(zip(*rows, strict=True)) or ((), (), (), ())
        self.passages: Ints = np.array(passages, dtype=np.int64)
        self.documents: Ints = np.array(documents, dtype=np.int64)
        sizes = np.array([len(blob) // 8 for blob in keys], dtype=np.int64)
        owners = np.repeat(np.arange(len(sizes)), sizes)
        every, often = np.frombuffer(b"".join(keys), np.uint64), np.frombuffer(b"".join(counts), np.uint16)
        self.lengths: Floats = np.bincount(owners, often, len(sizes)).astype(np.float64)
        order = np.argsort(every, kind="stable")
        self._owners, self._counts = owners[order], often[order].astype(np.float64)
        self._keys, starts = np.unique(every[order], return_index=True)
        self._bounds: Ints = np.append(starts, len(every))

    def scores(self, keys: Iterable[int], seen: "Mask") -> "Floats":
        """BM25 of every passage for the distinct `keys`, 0 for those that are not `seen`.

        sum over words of ln(1 + (N - n + 0.5) / (n + 0.5)) * f (k1 + 1) / (f + k1 (1 - b + b l / L)), with
        N, n and the mean length L over the seen passages alone (Robertson and Zaragoza, 2009, equation 3.15,
        with the idf of Lucene, which is never negative).
        """
        import numpy as np

        scores = np.zeros(len(self.lengths))
        total = int(np.count_nonzero(seen))
        if not total:
            return scores
        mean = self.lengths[seen].sum() / total or 1.0  # 0 where what is seen has signs and no words
        norm = K1 * (1 - B + B * self.lengths / mean)
        for key in keys:
            owners, counts = self._posting(key)
            kept = seen[owners]
            owners, counts = owners[kept], counts[kept]
            idf = np.log(1 + (total - len(owners) + 0.5) / (len(owners) + 0.5))
            scores[owners] += idf * counts * (K1 + 1) / (counts + norm[owners])
        return scores

    def _posting(self, key: int) -> tuple["Ints", "Floats"]:
        import numpy as np

        place = int(np.searchsorted(self._keys, np.uint64(key)))
        if place == len(self._keys) or self._keys[place] != np.uint64(key):
            return self._owners[:0], self._counts[:0]
        start, stop = self._bounds[place : place + 2]
        return self._owners[start:stop], self._counts[start:stop]


def best(scores: "Floats", limit: int) -> list[int]:
    """The places of the `limit` highest scores above 0, highest first; equal ones in their order."""
    import numpy as np

    found = np.flatnonzero(scores > 0)
    if len(found) > limit > 0:
        least = np.partition(scores[found], -limit)[-limit]
        found = found[scores[found] >= least]
    order = np.lexsort((found, -scores[found]))
    return [int(place) for place in found[order][:limit]]
