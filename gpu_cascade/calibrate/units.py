"""What is drawn at random: a group of rows that belong together, or a row that stands alone. Pure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import Bools, Floats, Ints
from .pvalues import checked


@dataclass(frozen=True, slots=True)
class Units:
    """Means over the rows of each unit, one column per policy; `sizes` are the rows in each.

    Rows of one document or user share what is hard about it, so they are not independent; documents are taken
    to be. Where each row is its own group the units are the rows themselves.
    """

    losses: Floats  # (units, policies)
    kept: Floats  # (units, policies), the share kept
    sizes: Ints  # (units,)

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return int(self.sizes.sum())

    @property
    def repeat(self) -> bool:
        """Whether any unit has more than one row."""
        return len(self.sizes) < self.rows

    def only(self, start: int, stop: int) -> "Units":
        """The same rows under the policies from `start` up to `stop`, `stop` left out."""
        return Units(self.losses[:, start:stop], self.kept[:, start:stop], self.sizes)


def by_group(losses: Floats, kept: Bools, groups: npt.NDArray[Any]) -> Units:
    """Rows to units; losses and kept (n, m), groups (n,) any labels that compare."""
    _, where, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(where, kind="stable")
    first = np.cumsum(sizes) - sizes

    def means(values: Floats) -> Floats:
        rows = values[order]
        if len(first) == len(rows):
            return rows
        return np.asarray(np.add.reduceat(rows, first, axis=0) / sizes[:, np.newaxis])

    return Units(means(checked(losses, -1.0)), means(kept.astype(np.float64)), sizes.astype(np.int64))
