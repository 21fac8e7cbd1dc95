"""A plan for a terminal: who takes what, a bar for each GPU, how much each tier holds, what helps."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..footprint import GIB
from ..scheduler.words import Layout
from .books import Booked, booked, shown_layouts
from .plan import Placed, Plan
from .rooms import Room
from .want import Mode

CELLS = 40
# Letters, so that a bar is read without colours.
_PARTS = (
    ("weights", "W", "blue"),
    ("overhead", "o", "magenta"),
    ("kv", "K", "green"),
    ("asleep", "z", "cyan"),
    ("free", ".", "dim"),
    ("reserve", "R", "red"),
)
_LEGEND = "W weights  o overhead  K KV cache  z asleep  . free  R reserve and others"
_MODES = {
    Mode.STATIC: "it fits: every engine stays in memory",
    Mode.SLEEP: "it fits in turns: engines that are not needed sleep",
    Mode.RESTART: "it fits in turns: engines that are not needed are stopped",
}


def render(plan: Plan) -> Group:
    """All of it, within 80 columns."""
    parts: list[RenderableType] = [Text(_MODES[plan.mode] if plan.fits else plan.why)]
    if plan.engines:
        parts += [_table(plan), *_bars(plan), Text(_LEGEND, style="dim")]
    if plan.fits:
        parts += [Text(line) for line in (*_holds(plan), *_splits(plan))]
    parts += [Text(f"{engine.name}: {what}") for engine in plan.engines for what in engine.estimated]
    parts += [Text(line) for line in _cures(plan)]
    return Group(*parts)


def _table(plan: Plan) -> Table:
    """A line for each engine; GiB on each of its GPUs."""
    table = Table(box=None, pad_edge=False)
    table.add_column("engine", overflow="fold")
    for name in ("GPU", "weights", "overhead", "KV GiB", "KV tokens", "at once"):
        table.add_column(name, justify="right")
    for engine in plan.engines:
        sizes = (engine.weights_bytes, engine.overhead_bytes, engine.kv_bytes)
        counts = f"{engine.kv_tokens:,}", str(engine.max_num_seqs)
        table.add_row(engine.name, _devices(plan, engine), *(f"{size / GIB:.2f}" for size in sizes), *counts)
    return table


def _devices(plan: Plan, engine: Placed) -> str:
    return ",".join(str(plan.rooms[device].index) for device in engine.devices)


def _bars(plan: Plan) -> Iterator[Text]:
    """A bar for each GPU, in each layout where there are several."""
    for layout in shown_layouts(plan):
        if layout.rest:
            yield Text(_turn(layout), style="bold")
        for device in range(len(plan.rooms)):
            yield _bar(plan.rooms[device], booked(plan, device, layout))


def _turn(layout: Layout) -> str:
    resting = ", ".join(f"{name} {rest}" for name, rest in layout.rest.items())
    return f"awake: {', '.join(layout.awake)}; {resting}"


def _bar(room: Room, has: Booked) -> Text:
    name = room.name.removeprefix("NVIDIA ").removeprefix("GeForce ")
    line = Text(f"{room.index:>2} {name[:14]:<14} ")
    for (_, letter, style), count in zip(_PARTS, cells(has), strict=True):
        line.append(letter * count, style)
    over = f"{-has.free / GIB:.1f} GiB too much" if has.free < 0 else f"{has.free / GIB:.1f} GiB free"
    return line.append(f" {over}")


def cells(has: Booked, width: int = CELLS) -> list[int]:
    """Letters for each part, `width` in all: rounded, and at least one for what is there at all."""
    sizes = [max(0, getattr(has, name)) for name, _, _ in _PARTS]
    total = max(1, sum(sizes))
    counts = [max(1, round(width * size / total)) if size else 0 for size in sizes]
    counts[counts.index(max(counts))] += width - sum(counts)
    return counts


def _holds(plan: Plan) -> Iterator[str]:
    for engine in plan.engines:
        usual = f", or {engine.holds_usual:,} of {engine.usual_tokens:,}"
        more = usual if engine.usual_tokens < engine.max_model_len else ""
        longest = f"{engine.holds_longest:,} requests of {engine.max_model_len:,} tokens at once"
        yield f"{engine.name} holds {longest}{more}"


def _splits(plan: Plan) -> Iterator[str]:
    """KV caches that the scheduler may change to."""
    for layout in plan.splits:
        sizes = ", ".join(f"{name} {size / GIB:.2f} GiB" for name, size in layout.awake.items())
        yield f"KV cache where the load asks for it: {sizes}"


def _cures(plan: Plan) -> Iterator[str]:
    """What helps; the least harm first."""
    if plan.cures:
        alone = all(cure.enough for cure in plan.cures)
        yield "each of these makes it fit:" if alone else "all of these together make it fit:"
    for cure in plan.cures:
        again = "; calibrate again" if cure.recalibrate else ""
        yield f"  {cure.what} (frees {cure.saves_bytes / GIB:.2f} GiB{again})"
