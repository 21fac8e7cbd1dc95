"""What the commands draw in the terminal: bars while something takes long, tables of what is."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

import aiohttp
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from .calibrate.artifact import read
from .calibrate.collect import Progress as Asked
from .config import Config
from .engines.supervise import State
from .errors import Unavailable
from .events import EngineChanged, Event
from .models import Installed
from .running import Running


class _Bars:
    """Bars that are drawn only where somebody watches a terminal."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._console = console
        self._bars = Progress(*columns, console=console)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()


class Booting(_Bars):
    """A line for each engine while it boots; plain lines where nobody watches a terminal."""

    def __init__(self, console: Console, config: Config) -> None:
        name = TextColumn("{task.description}")
        super().__init__(console, SpinnerColumn(), name, BarColumn(20), TimeElapsedColumn())
        self._config = config

    def changed(self, event: Event) -> None:
        """An event's listener: engine states are shown as they change."""
        if not isinstance(event, EngineChanged):
            return
        line = f"{event.engine}: {event.state}" + (f", {event.detail}" if event.detail else "")
        if not self._bars.live.is_started:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
            return
        if event.engine not in self._tasks:
            self._tasks[event.engine] = self._bars.add_task(line, total=None)
        settled = 1 if event.state == State.READY else None
        self._bars.update(
            self._tasks[event.engine], description=line.splitlines()[0], total=settled, completed=1
        )

    def ready(self, url: str) -> None:
        """Every engine answers: say where, and what is promised of each cascade's answers."""
        self._bars.stop()
        self._console.print(f"ready: {url}/v1 serves {', '.join(self._config.cascades)}", highlight=False)
        for name, cascade in self._config.cascades.items():
            promised = (
                f"uncalibrated, threshold {cascade.threshold} was written by hand; no answer is certified"
                if cascade.calibration is None
                else read(self._config.resolve(cascade.calibration)).sentence
            )
            self._console.print(f"{name}: {promised}", highlight=False, soft_wrap=True)


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """The work, or the stop, whichever comes first; what the work raises is raised."""
    tasks = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def state_of(url: str, key: str | None) -> dict[str, Any]:
    """What `/v1/cascade/state` says."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(10)) as session,
            session.get(f"{url}/v1/cascade/state") as response,
        ):
            body = await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(f"{url} does not answer ({type(error).__name__})") from error
    if response.status != 200:
        raise Unavailable(body["error"]["message"])
    return dict(body)


class Collecting(_Bars):
    """A bar for each tier while it answers labelled rows; a line now and then where nobody watches."""

    SAY_S = 15.0

    def __init__(self, console: Console) -> None:
        name, left = TextColumn("{task.description}"), TimeRemainingColumn()
        super().__init__(console, name, BarColumn(30), MofNCompleteColumn(), left)
        self._said = 0.0

    def __call__(self, progress: Asked) -> None:
        """One more answer."""
        if self._bars.live.is_started:
            if progress.tier not in self._tasks:
                self._tasks[progress.tier] = self._bars.add_task(progress.tier, total=progress.left)
            self._bars.update(self._tasks[progress.tier], completed=progress.done)
        elif time.monotonic() - self._said > self.SAY_S or not progress.left:
            self._said = time.monotonic()
            line = f"{progress.tier}: {progress.done} answered, {progress.left} left"
            self._console.print(line, highlight=False)


def state_table(found: Running, state: dict[str, Any]) -> Table:
    """Engines, their places and queues."""
    names = ", ".join(state["cascades"])
    table = Table(title=f"{found.url} (process {found.pid}) serves {names}", title_justify="left")
    for name in ("engine", "state", "detail", "version"):
        table.add_column(name)
    for name in ("running", "waiting", "busy s"):
        table.add_column(name, justify="right")
    for name, engine in state["engines"].items():
        counts = (
            f"{engine['running']}/{engine['places']}",
            str(engine["waiting"]),
            f"{engine['busy_s']:.1f}",
        )
        table.add_row(name, engine["state"], engine["detail"], engine["version"], *counts)
    return table


def prompt() -> str | None:
    """A line the user typed, None at the end of input."""
    with contextlib.suppress(EOFError):
        while True:
            if line := input("> ").strip():
                return line
    return None


def models_table(rows: Iterable[Installed]) -> Table:
    """The demo models and whether they are here."""
    table = Table()
    for name in ("model", "state", "size", "source", "licence"):
        table.add_column(name, justify="right" if name == "size" else "left", overflow="fold")
    for row in rows:
        table.add_row(row.hub_id, row.state, f"{row.bytes / 1e9:.2f} GB", row.source, row.licence)
    return table
