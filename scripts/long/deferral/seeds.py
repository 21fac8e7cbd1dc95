"""The tables of the papers that this project grew from, on our own record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from recorded import CHAINS, SEED, TIERS, answered, enough, held_out, matching, sheet_of

from gpu_cascade.calibrate.select import DEFAULT, LEARNED
from gpu_cascade.evaluate.sheet import Sheet

LOSSES = (0.02, 0.05)
FRUGAL = "headlines"  # the set of FrugalGPT's headline figure
VARSHNEY = ("max_prob", "distance_to_uniform")
RANDOM_DRAWS = 20


@dataclass(frozen=True)
class Way:
    """A way to answer: share escalated and engine-seconds at matched quality, and both held out."""

    tiers: tuple[str, ...]
    signal: str
    escalation: float
    quality: float  # reached: below what was to be matched where no threshold does
    engine_s: float
    held_out_quality: float
    held_out_s: float


@dataclass(frozen=True)
class Chain:
    """A set under all three tiers, on the rows that all three answered."""

    set: str
    rows: int
    quality: Mapping[str, float]
    engine_s: Mapping[str, float]
    against_pairs: Mapping[float, Sequence[Way]]  # loss against the last tier -> every way that ends in it
    frugal: Sequence[Way]  # against the best single tier, for FrugalGPT's set
    saved: Mapping[tuple[str, ...], Mapping[str, float]]  # tiers -> score -> share of time saved


def chain(path: Path) -> Chain | None:
    """The figures; None where too few rows were answered by all three."""
    rows = answered(path, TIERS)
    if not enough(rows):
        return None
    frugal = path.stem == FRUGAL
    sheets = {tiers: sheet_of(rows, tiers, learned=frugal) for tiers in CHAINS}
    whole = sheets[TIERS]
    quality, seconds = whole.score.mean(axis=0).tolist(), whole.seconds.mean(axis=0).tolist()
    to_last = [sheet for tiers, sheet in sheets.items() if tiers[-1] == TIERS[-1]]
    return Chain(
        path.stem,
        len(rows),
        dict(zip(TIERS, quality, strict=True)),
        dict(zip(TIERS, seconds, strict=True)),
        {loss: [way(sheet, DEFAULT, quality[-1] - loss) for sheet in to_last] for loss in LOSSES},
        [way(sheet, name, max(quality)) for sheet in sheets.values() for name in _judges(sheet)]
        if frugal
        else [],
        {tiers: _saved(sheet) for tiers, sheet in sheets.items()},
    )


def _judges(sheet: Sheet) -> list[str]:
    return [name for name in (DEFAULT, LEARNED) if name in sheet.sure]


def way(sheet: Sheet, name: str, quality: float) -> Way:
    """One cascade at a quality to be matched."""
    matched, measured = matching(sheet, name, quality), held_out(sheet, name, quality)
    return Way(sheet.tiers, name, *matched, *measured)


def _saved(sheet: Sheet) -> dict[str, float]:
    """Share of the last tier's engine-seconds saved at its own quality, by score; a coin's the mean of 20."""
    quality, alone = float(sheet.score[:, -1].mean()), float(sheet.seconds[:, -1].mean())
    found = {name: 1 - matching(sheet, name, quality)[2] / alone for name in VARSHNEY}
    rng = np.random.default_rng(SEED)
    coins = [
        replace(sheet, sure={"coin": rng.random(sheet.sure[DEFAULT].shape)}) for _ in range(RANDOM_DRAWS)
    ]
    thrown = [1 - matching(coin, "coin", quality)[2] / alone for coin in coins]
    return {**found, "random": float(np.mean(thrown))}
