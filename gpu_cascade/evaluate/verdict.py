"""What the numbers come to, in sentences that promise no more than they show."""

from collections.abc import Iterable, Mapping, Sequence

from .results import Matched, Pair, Policy
from .sheet import ROUTER
from .words import interval, points, share


def verdict(
    tiers: Sequence[str],
    policies: Sequence[Policy],
    matched: Sequence[Matched],
    pair: Pair,
    target_loss: float,
) -> tuple[str, ...]:
    """Whether a cascade pays; the chosen signal's is the first of `matched`, the first tier's pair is `pair`.

    1. Without engine-seconds nobody can say.
    2. A tier below the last is good enough alone: then nothing else matters, if these rows can show it.
    """
    if policies[0].engine_s.value is None:  # (1)
        return ("Without engine-seconds nobody can say whether a cascade pays.",)
    allowed = f"{points(target_loss)} against {tiers[-1]}"
    for tier, alone in zip(tiers[:-1], policies, strict=False):
        if (alone.lost.value or 0) <= target_loss:  # (2)
            said = f"{tier} alone loses {interval(alone.lost, points)}, of {allowed} that are allowed"
            if alone.lost.ci is not None and alone.lost.ci[1] <= target_loss:
                return (f"{said}: {tiers[-1]} is not needed.",)
            said += f": {tiers[-1]} may not be needed, but these rows are too few to show it."
            return (said, *_cascades(policies, matched, pair, target_loss, allowed))
    return tuple(_cascades(policies, matched, pair, target_loss, allowed))


def _cascades(
    policies: Sequence[Policy], matched: Sequence[Matched], pair: Pair, target_loss: float, allowed: str
) -> Sequence[str]:
    """1. None is cheaper than the last tier where its curve matches it, though these very rows flatter it.

    2. The chosen one is cheaper; by how much when its threshold comes from other rows.
    3. Only another one is.
    """
    by_name = {policy.name: policy for policy in policies}
    cascades = [one for one in matched if one.name != ROUTER]
    chosen, best = cascades[0], max(cascades, key=_saved)
    if _saved(best) <= 0:  # (1)
        said = [_none_pays(allowed, best, pair)]
    elif _saved(chosen) > 0:  # (2)
        said = [_pays(allowed, chosen), _held_out(by_name[chosen.name], target_loss)]
    else:  # (3)
        said = [_another_pays(allowed, chosen, best), _held_out(by_name[best.name], target_loss)]
    return [*said, *_router(by_name, by_name[best.name])]


def _saved(one: Matched) -> float:
    return one.saved.value or 0.0


def _none_pays(allowed: str, best: Matched, pair: Pair) -> str:
    said = (
        f"No cascade pays on these rows: to lose at most {allowed}, the cheapest ({best.name}) escalates "
        f"{interval(best.escalation)} and takes {share(-_saved(best))} more engine time than asking "
        f"{pair.last} at once. "
    )
    if (pair.break_even or 0) <= 0:
        return f"{said}A draft of {pair.draft} costs as much as an answer of {pair.last}."
    return f"{said}From {share(pair.break_even)} escalated on, drafting costs more than it saves."


def _pays(allowed: str, one: Matched) -> str:
    shown = one.saved.ci is not None and one.saved.ci[0] > 0
    return (
        f"To lose at most {allowed}, the cascade on {one.name} escalates {interval(one.escalation)} and "
        f"saves {interval(one.saved)} of the engine time"
        + ("." if shown else "; that it saves anything is not shown, for the interval holds 0.")
    )


def _another_pays(allowed: str, chosen: Matched, best: Matched) -> str:
    return (
        f"To lose at most {allowed}, the cascade on {chosen.name} takes {share(-_saved(chosen))} more engine "
        f"time than no cascade: it does not pay. The one on {best.name} saves {interval(best.saved)}, but "
        "it is the best of several on these very rows: confirm it on others."
    )


def _held_out(policy: Policy, target_loss: float) -> str:
    missed = (policy.lost.value or 0) > target_loss
    return (
        f"With a threshold from the other half of the rows, the cascade on {policy.name} loses "
        f"{interval(policy.lost, points)} and saves {interval(policy.saved)}"
        + (
            "; this misses the target, as a threshold picked like this does about every second time." * missed
            or "."
        )
    )


def _router(by_name: Mapping[str, Policy], cascade: Policy) -> Sequence[str]:
    """How a router before drafting compares: a cascade pays for a draft of every question."""
    router = by_name.get(ROUTER)
    if router is None or router.saved.value is None or cascade.saved.value is None:
        return []
    word = "more" if router.saved.value > cascade.saved.value else "less"
    lost, saved = interval(router.lost, points), interval(router.saved)
    return [f"The router, asked before any draft, loses {lost} and saves {saved}: {word} than that cascade."]


def silences(pairs: Iterable[Pair], signal: str) -> tuple[str, ...]:
    """A sentence for each tier with drafts that the signal says nothing about."""
    silent = {pair.draft: one.silent for pair in pairs for one in pair.rankings if one.name == signal}
    return tuple(
        f"{share(part)} of the drafts of {draft} were empty, cut off or without evidence for {signal}: "
        "whatever the threshold, these escalate."
        for draft, part in silent.items()
        if part
    )
