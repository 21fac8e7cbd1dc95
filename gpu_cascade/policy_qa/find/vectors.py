"""Finding by meaning: cosines between a question and every passage that its asker may see."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..index.bm25 import best
from ..index.reader import Hit, Reader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_BYTES = 1 << 29  # of matrices; 100,000 passages of 384 numbers take 154 MB


@dataclass(frozen=True, slots=True)
class _Matrix:
    """One row for each passage, as floats that processors multiply fast: half floats are for the disk."""

    passages: "npt.NDArray[np.int64]"
    rows: "npt.NDArray[np.float32]"


class Vectors:
    """The vectors of `model` in an index, in memory: a matrix for each set of documents that may be seen.

    One thread at a time may use it, as its reader. The matrices asked for last stay, but none of an index
    that has changed.
    """

    def __init__(self, reader: Reader, model: str) -> None:
        self.model = model
        self._reader = reader
        self._kept: OrderedDict[tuple[int, frozenset[int]], _Matrix] = OrderedDict()

    def search(self, vector: Sequence[float], groups: frozenset[str], limit: int) -> list[Hit] | None:
        """The `limit` passages that somebody in `groups` may see and that are closest to a unit vector.

        By cosine, those above 0. None where no passage that may be seen has a vector of this model.
        """
        import numpy as np

        matrix = self._matrix(groups)
        if not len(matrix.passages):
            return None
        # Row by row: no score depends on which rows stand beside. And not `@`, whose threads wait for each
        # other where other work runs: 100,000 rows took that 45 to 69 ms on two busy cores, this 15 to 24.
        cosines = np.vecdot(matrix.rows, np.asarray(vector, dtype=np.float32)).astype(np.float64)
        return [Hit(int(matrix.passages[place]), float(cosines[place])) for place in best(cosines, limit)]

    def _matrix(self, groups: frozenset[str]) -> _Matrix:
        key = (self._reader.version(), self._reader.visible(groups))
        if key not in self._kept:
            for old in [old for old in self._kept if old[0] != key[0]]:
                del self._kept[old]
            self._kept[key] = _stacked(self._reader.vectors(self.model, groups))
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(matrix.rows.nbytes for matrix in self._kept.values()) > MOST_BYTES:
            self._kept.popitem(last=False)
        return self._kept[key]


def _stacked(vectors: list[tuple[int, bytes]]) -> _Matrix:
    import numpy as np

    passages = np.array([passage for passage, _ in vectors], dtype=np.int64)
    numbers = np.frombuffer(b"".join(blob for _, blob in vectors), "<f2").astype(np.float32)
    return _Matrix(passages, numbers.reshape(len(vectors), -1) if vectors else numbers.reshape(0, 0))
