"""Several rankings of the same passages, made one."""

from collections.abc import Iterable, Sequence

K = 60  # reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, who found that it hardly matters


def fuse(rankings: Iterable[Sequence[int]]) -> list[int]:
    """All passages, best first: by the sum of 1 / (60 + rank) over the rankings, ranks from 1.

    Ranks alone count, so scores of unlike scales need no weights. Equal sums come in the order of the first
    ranking that holds them.
    """
    sums: dict[int, float] = {}
    for ranking in rankings:
        for rank, passage in enumerate(ranking, start=1):
            sums[passage] = sums.get(passage, 0.0) + 1 / (K + rank)
    return sorted(sums, key=lambda passage: -sums[passage])
