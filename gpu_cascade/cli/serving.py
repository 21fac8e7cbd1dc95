"""Serving, and looking at what serves.

A command imports what it needs itself: `why` and `status` answer in half the time of what `serve` must load.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import CascadeError, Unavailable
from .shared import MODELS_YAML, ApiKey, AsJson, ConfigPath, cli, console, folder, show

if TYPE_CHECKING:
    from ..config import Config
    from ..wiring import Options


@cli.command()
def serve(
    config: ConfigPath = MODELS_YAML,
    small: Annotated[str | None, typer.Option(help="A model id or folder, instead of a file.")] = None,
    large: Annotated[
        str | None, typer.Option(help="The model that answers when the small one is unsure.")
    ] = None,
    host: str | None = None,
    port: int | None = None,
    workers: Annotated[int | None, typer.Option(help="Gateway processes on that port.")] = None,
    api_key: ApiKey = None,
    fake: Annotated[bool, typer.Option("--fake", help="Scripted engines in place of vLLM.")] = False,
    script: Annotated[Path | None, typer.Option(help="What scripted engines say.")] = None,
) -> None:
    """Start the engines and serve them at one OpenAI-compatible address, until stopped."""
    import uvloop

    from ..config import at, from_pair, load
    from ..wiring import Options

    if (small is None) != (large is None):
        raise typer.BadParameter("a cascade has two models: give both --small and --large")
    chosen = from_pair(small, large) if small and large else load(config)
    uvloop.run(_serve(at(chosen, host, port, workers), Options(api_key, fake or script is not None, script)))


async def _serve(config: "Config", options: "Options") -> None:
    from .. import screen
    from ..wiring import opened

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with screen.Booting(console, config) as booting:
        async with opened(config, options, booting.changed) as gateway:
            await screen.until(stop, gateway.ready())
            booting.ready(gateway.url)
            await screen.until(stop, gateway.lasting())
            console.print("stopping: answers under way may finish, then the engines end", highlight=False)


@cli.command()
def status(config: ConfigPath = MODELS_YAML, api_key: ApiKey = None, json: AsJson = False) -> None:
    """What the running gateway is doing."""
    from .. import running, screen

    found = running.found(folder(config))
    if not found.url:
        raise Unavailable(f"process {found.pid} is starting and does not listen yet")
    state = asyncio.run(screen.state_of(found.url, api_key))
    show(state, json, screen.state_table(found, state))


@cli.command(name="top")
def top_view(config: ConfigPath = MODELS_YAML, api_key: ApiKey = None, json: AsJson = False) -> None:
    """GPUs, engines, queues and the last moves, live; Ctrl-C ends it."""
    from .. import running, screen, top

    found = running.found(folder(config))
    if json:
        show(asyncio.run(screen.state_of(found.url, api_key)), json, "")
    else:
        asyncio.run(top.watch(found.url, api_key, console))


@cli.command()
def stop(config: ConfigPath = MODELS_YAML) -> None:
    """End the running gateway and its engines, and wait until they are gone."""
    from .. import running

    ended = running.stop(folder(config))
    console.print(f"stopped process {ended.pid}", highlight=False)


@cli.command(name="logs")
def show_logs(
    engine: Annotated[str | None, typer.Argument(help="One engine; all without.")] = None,
    config: ConfigPath = MODELS_YAML,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 40,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
) -> None:
    """What the engines wrote."""
    from .. import logs
    from ..config import load

    for line in logs.lines(load(config), engine, lines, follow=follow):
        sys.stdout.write(line)


@cli.command()
def chat(
    model: Annotated[
        str | None, typer.Argument(help="A cascade or an engine; the first cascade without.")
    ] = None,
    config: ConfigPath = MODELS_YAML,
    url: Annotated[str | None, typer.Option(help="A gateway elsewhere.")] = None,
    api_key: ApiKey = None,
) -> None:
    """A conversation in the terminal that shows who answered, and why. Ctrl-D ends it."""
    from .. import running, screen, talk

    address = url or running.found(folder(config)).url
    asyncio.run(talk.converse(address, model, api_key, screen.prompt, console))


@cli.command()
def why(decision: str, config: ConfigPath = MODELS_YAML, json: AsJson = False) -> None:
    """Why an answer came from where it did: its decision, in plain words. `last` is the newest."""
    from .. import traces

    path = _decisions(config)
    record = (
        next(iter(traces.read_recent(path, 1)), None) if decision == "last" else traces.read(path, decision)
    )
    if record is None:
        raise CascadeError(f"there is no decision {decision!r} in {path}")
    show(traces.record_json(record), json, traces.why(record))


def _decisions(config: Path) -> Path:
    """Its decisions: the default place where there is no file."""
    from ..config import load

    return load(config).traces_path if config.exists() else folder(config) / "traces.db"
