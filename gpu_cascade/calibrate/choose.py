"""Which number judges a tier's drafts: one that was named, or the one that sorts held-out rows best."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cascade.learned import Learned
from ..embedding.encoder import Encoder
from ..embedding.folder import packaged
from ..errors import BadRows
from . import columns as vectors
from .arrays import Floats, Ints
from .certificate import Kind
from .family import Table
from .fit import Weights, fit, out_of_fold, worth
from .fit_gate import prompt_table, router
from .rows import Row
from .scorers import RIGHT
from .select import DEFAULT, LEARNED, Selection, select
from .tables import columns, keepable, table

AUTO = "auto"
EMBEDDED = 2000  # rows: some 0.3 s each on two cores


@dataclass(frozen=True, slots=True)
class Choice:
    """A tier's signal and its score of every row (n,), NaN for drafts that are never kept."""

    signal: str
    scores: Floats
    learned: Learned | None = None
    selection: Selection | None = None


def choose(
    rows: Sequence[Row],
    numbers: Table,
    tier: int,
    name: str,
    wanted: str,
    fitting: Ints,
    seed: int,
    first_tokens: int | None,
) -> Choice:
    """The signal of one tier. `fitting` are the rows that may be looked at; none of them certifies.

    1. A signal by name. 2. The learned rule by name: `BadRows` where it cannot be fitted. 3. `auto`: by
    cross-validation on the fitting rows, the default where nothing can be told. Where the `first_tokens` of a
    draft decide, the learned rule is no candidate: two of its numbers are known at the end only.
    """
    tokens = columns(rows, name, first_tokens)
    signals = {
        key: keepable(rows, name, values, first_tokens) for key, values in vectors.scores(tokens).items()
    }
    if wanted not in {AUTO, LEARNED}:  # (1)
        return Choice(wanted, signals[wanted])
    features = vectors.features(tokens)
    small, large = numbers.quality[fitting, tier], numbers.quality[fitting, -1]
    selection = None
    if wanted == AUTO:  # (3)
        of_fitting = {key: values[fitting] for key, values in signals.items()}
        learnable = features[fitting] if first_tokens is None else None
        selection = select(of_fitting, learnable, small, large, numbers.groups[fitting], seed)
        chosen = DEFAULT if selection is None else selection.chosen
        if chosen != LEARNED:
            return Choice(chosen, signals[chosen], selection=selection)
    learned = fit(features[fitting], worth(small, large), small >= RIGHT, numbers.groups[fitting], seed)
    if learned is None:  # (2)
        raise BadRows(
            f"the learned rule cannot be fitted to {len(fitting)} rows of {name}: too few, or all alike; "
            f"name a signal that is not trained (--signal {DEFAULT})"
        )
    return Choice(LEARNED, keepable(rows, name, learned_scores(learned, features)), learned, selection)


def learned_scores(learned: Learned, features: Floats) -> Floats:
    """The rule's score of each row of features (n, 20); NaN where one is NaN."""
    numbers = (np.asarray(learned.mean), np.asarray(learned.scale), np.asarray(learned.coefficients))
    return Weights(*numbers, learned.intercept).score(features)


def out_of_fold_scores(rows: Sequence[Row], tiers: Sequence[str]) -> dict[str, Floats] | None:
    """What a learned rule would say of each drafting tier's rows, (n,) each, by rules that did not see them.

    None where one cannot be fitted. For reports: a rule that serves is fitted once, and certified.
    """
    numbers = table(rows, tiers, Kind.PAIRED)
    found = {}
    for place, name in enumerate(tiers[:-1]):
        features = vectors.features(columns(rows, name))
        small, large = numbers.quality[:, place], numbers.quality[:, -1]
        scores = out_of_fold(features, worth(small, large), numbers.groups, seed=0)
        if scores is None:
            return None
        found[name] = scores
    return found


def router_scores(rows: Sequence[Row], tiers: Sequence[str]) -> Floats | None:
    """How well the first tier would do by the prompts alone, (n,): what every cascade has to beat.

    By rules that did not see the row's group; None where none can be fitted.
    """
    numbers = table(rows, tiers, Kind.PAIRED)
    prompts = prompt_table([row.messages for row in rows])
    quality = numbers.quality[:, 0], numbers.quality[:, -1]
    return router(prompts, *quality, numbers.groups, seed=0, embedded=_embedded(rows))


def _embedded(rows: Sequence[Row]) -> Floats | None:
    """Sentence embeddings of the last messages, where a packaged model is installed and rows are few."""
    folder = packaged()
    if folder is None or len(rows) > EMBEDDED:
        return None
    with Encoder(folder, keep="end") as encoder:
        return np.asarray(encoder.embed([str(row.messages[-1].get("content", "")) for row in rows]))
