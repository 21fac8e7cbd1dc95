"""Progress as bars in a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from .progress import Progress, Step

MEGA = 1_000_000


@contextmanager
def bars(console: Console | None = None) -> Iterator[Progress]:
    """A `Progress` that draws one bar for each model and step; without a terminal, only how they ended."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
    )
    tasks: dict[tuple[str, str], TaskID] = {}
    with RichProgress(*columns, console=console) as drawn:

        def show(step: Step) -> None:
            # rich is safe to call from several threads; of two first steps at once each has its own key
            key = (step.model, step.what)
            if key not in tasks:
                tasks[key] = drawn.add_task(f"{step.model}: {step.what}", total=None, amount="")
            total = step.total or None
            drawn.update(tasks[key], completed=step.done, total=total, amount=amount(step))

        yield show


def amount(step: Step) -> str:
    """How much is done, in words: `41 of 98 MB`."""
    scale, unit = (MEGA, "MB") if step.unit == "bytes" else (1, step.unit)
    if not step.total:
        return f"{step.done // scale} {unit}" if step.done else ""
    return f"{step.done // scale} of {step.total // scale} {unit}"
