"""When to share out the KV caches of those that are awake otherwise. Pure, as `policy` is."""

from collections.abc import Iterator
from dataclasses import dataclass

from .policy import LEAD, Choice, Turns, View
from .standing import Standing
from .words import State

SPARE = 0.8  # an engine's peak must fill no more of the KV cache that it would be left with


@dataclass(frozen=True, slots=True)
class Splits:
    """`Turns`; and where nobody waits for an engine that is not awake, more KV cache for who is short of it.

    A KV cache has its size from boot on, so engines that change are drained and restarted, those that give
    first. A split is taken where those that give have it to spare, and where it pays: an engine that has been
    short for so long (at least one restart) is expected to be for as long again, with `1 - old / new` of its
    requests better off; against that stand those that come to the engines that restart, while they do.
    """

    turns: Turns
    waits: bool = True

    def choose(self, view: View, now: float) -> Choice:
        """The change that is due, or when one may be."""
        choice = self.turns.choose(view, now)
        if choice.layout is not None or view.claims():
            return choice
        worth, place = max(((_worth(view, index, now), -index) for index in _others(view)), default=(0.0, 0))
        if worth <= 0:
            return choice
        return Choice(-place, f"{' and '.join(_growing(view, -place))} short of KV cache")


def _others(view: View) -> Iterator[int]:
    """The layouts with the same engines awake and other KV caches."""
    for index, layout in enumerate(view.layouts):
        if layout.awake.keys() == view.awake.keys() <= view.engines.keys() and layout.awake != view.awake:
            yield index


def _growing(view: View, index: int) -> list[str]:
    return [name for name, size in view.layouts[index].awake.items() if size > view.awake[name]]


def _worth(view: View, index: int, now: float) -> float:
    """Requests that are better off, less `LEAD` times those that wait for a restart; 0 where it cannot be."""
    worth = 0.0
    for name, new in view.layouts[index].awake.items():
        one, old = view.engines[name], view.awake[name]
        if new < old and not _spares(one, new / old, now):
            return 0.0
        if new != old:
            rate, restart_s = one.desk.rate(now), one.profile.out_s(State.ABSENT) + one.profile.boot_s
            short_s = one.pressure.short_s(now)
            worth -= LEAD * rate * restart_s
            worth += rate * short_s * (1 - old / new) if new > old and short_s >= restart_s else 0.0
    return worth


def _spares(one: Standing, share: float, now: float) -> bool:
    """Whether that share of its KV cache is enough; never where it did not tell how much it uses."""
    told = one.pressure.usage is not None
    return told and not one.pressure.short_s(now) and one.pressure.peak(now) <= SPARE * share
